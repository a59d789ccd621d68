import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { withTimeout } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import type { ResidentAnswer, ResidentCall } from "./resident-program.ts";
import type { Printed } from "./tool-process.ts";

const CALL_TIMEOUT_MS = 30_000;

/**
 * quoratectl as a process that stays and runs one command line after the other: the same code as a process for each, without its
 * start. What a command does to its process (signals, children, exit) it does not show.
 */
export class ResidentTool implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: ResidentAnswer) => void>();
  readonly #ended: Promise<void>;
  #calls = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()));
    child.on("message", (answer: ResidentAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** `env` is what the commands see beside this process's environment. */
  static start(env: Readonly<Record<string, string>>): ResidentTool {
    const packages = join(REPOSITORY_ROOT, "packages");
    const program = join(packages, "conformance", "dist", "ctl", "resident-program.js");
    const child = fork(program, [join(packages, "cli", "dist", "index.js")], {
      env: { ...process.env, ...env },
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    return new ResidentTool(child);
  }

  async call(args: readonly string[], stdin: string | undefined): Promise<Printed> {
    const call: ResidentCall = { id: ++this.#calls, args, stdin };
    const answered = new Promise<ResidentAnswer>((resolve) => this.#waiting.set(call.id, resolve));
    this.#child.send(call);
    const what = `quoratectl ${args.join(" ")}`;
    const first = Promise.race([answered, this.#ended]);
    const answer = await withTimeout(first, { what, timeoutMs: CALL_TIMEOUT_MS });
    if (answer === undefined) throw new Error(`quoratectl ended with its process: ${args.join(" ")}`);
    return { output: answer.output, errors: answer.errors, code: answer.code };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
