import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { resolve } from "node:path";

/** quoratectl as it is built. */
export const PROGRAM: string = resolve(import.meta.dirname, "../../bin/quoratectl.js");

/** A `quoratectl watch` of its own process, ended with its scope. */
export class RunningWatch implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<number | null>;
  output = "";
  errors = "";

  constructor(endpoint: string, args: readonly string[]) {
    this.#child = spawn(PROGRAM, [`--endpoints=${endpoint}`, "watch", ...args]);
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.#closed = new Promise((done) => {
      this.#child.once("close", (code) => done(code));
    });
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Ends its input; the exit code. */
  endOfInput(): Promise<number | null> {
    this.#child.stdin.end();
    return this.#closed;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
