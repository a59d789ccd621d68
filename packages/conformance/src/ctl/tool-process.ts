import { type ChildProcess, spawn } from "node:child_process";
import { waitUntil } from "@quorate/testkit";

const COMMAND_TIMEOUT_MS = 30_000;
const OUTPUT_TIMEOUT_MS = 15_000;
const QUIET_MS = 400;

/** What one call printed and how it ended; `code` is null where a signal ended it. */
export interface Printed {
  readonly output: string;
  readonly errors: string;
  readonly code: number | null;
}

/** A command line tool that is given endpoints by a flag. */
export interface Tool {
  /** Program and leading arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a call reads: nothing, a text, or a text behind which the input stays open. */
export interface ToolInput {
  readonly text: string;
  readonly holds: boolean;
}

/** One running call of a tool. */
export class ToolProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  readonly #output: Buffer[] = [];
  readonly #errors: Buffer[] = [];
  #outputLength = 0;

  constructor(tool: Tool, args: readonly string[], input?: ToolInput) {
    const [program = "", ...leading] = tool.command;
    this.#child = spawn(program, [...leading, ...args], {
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...tool.env },
    });
    // A tool that refuses its arguments does not wait for its input.
    this.#child.stdin?.on("error", () => {});
    if (input?.holds === true) this.#child.stdin?.write(input.text);
    else this.#child.stdin?.end(input?.text);
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#output.push(chunk);
      this.#outputLength += chunk.length;
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => this.#errors.push(chunk));
    this.#closed = new Promise((resolve) => {
      this.#child.once("close", (code) => resolve(code));
    });
  }

  /** Waits for its own end; it is killed when that takes too long. */
  async finish(timeoutMs: number = COMMAND_TIMEOUT_MS): Promise<Printed> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    const code = await this.#closed;
    clearTimeout(timer);
    return { output: Buffer.concat(this.#output).toString(), errors: this.#errorText(), code };
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGKILL" | "SIGINT"): Promise<Printed> {
    this.#child.kill(signal);
    return await this.finish();
  }

  /** Resolves when it has printed something and then nothing for a while, or has ended. */
  async untilQuiet(timeoutMs: number = OUTPUT_TIMEOUT_MS): Promise<void> {
    let [last, since] = [0, performance.now()];
    const isQuiet = (): boolean => {
      if (this.#outputLength !== last) [last, since] = [this.#outputLength, performance.now()];
      return this.#child.exitCode !== null || (last > 0 && performance.now() - since > QUIET_MS);
    };
    const detail = (): string => this.#errorText();
    await waitUntil(isQuiet, { what: "output that has come to an end", timeoutMs, detail });
  }

  #errorText(): string {
    return Buffer.concat(this.#errors).toString();
  }
}
