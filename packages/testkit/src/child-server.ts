import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { waitUntil, withTimeout } from "./waiting.ts";

/** How a server process is started. */
export interface ChildServerOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Both output streams go here, appended: one file over all starts of the same server. */
  readonly logFile: string;
  /** The server serves once its log, from this start on, matches. */
  readonly ready: RegExp;
  readonly readyTimeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended: its exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const LOG_TAIL_CHARS = 3000;
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/**
 * A server run as a child process and stopped by its own process id. Output goes to a file, so that a server that logs
 * much is never held up by its test. A process still running when the test run ends is killed.
 */
export class ChildServer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #options: ChildServerOptions;
  readonly #logStart: number;
  readonly #exited: Promise<Exit>;
  #exit: Exit | undefined;

  private constructor(options: ChildServerOptions) {
    const [program, ...parameters] = options.command;
    if (program === undefined) throw new Error("a server needs a command");
    this.#options = options;
    this.#logStart = readLog(options.logFile).length;
    const log = openSync(options.logFile, "a");
    this.#child = spawn(program, parameters, {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...options.env },
    });
    closeSync(log);
    alive.add(this.#child);
    this.#exited = new Promise((resolve) => {
      const ended = (exit: Exit): void => {
        alive.delete(this.#child);
        this.#exit = exit;
        resolve(exit);
      };
      this.#child.once("exit", (code, signal) => ended({ code, signal }));
      this.#child.once("error", () => ended({ code: 127, signal: null }));
    });
  }

  /** Starts the process without waiting for it. */
  static spawn(options: ChildServerOptions): ChildServer {
    return new ChildServer(options);
  }

  /** Starts it and waits until it serves. Rejects with the tail of its log when it ends first or is not ready in time. */
  static async start(options: ChildServerOptions): Promise<ChildServer> {
    const server = new ChildServer(options);
    try {
      await server.untilReady();
    } catch (error) {
      await server.kill();
      throw error;
    }
    return server;
  }

  /** Undefined when the program could not be started at all. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Everything logged since this start. */
  log(): string {
    return readLog(this.#options.logFile).slice(this.#logStart);
  }

  async untilReady(): Promise<void> {
    await waitUntil(() => this.#exit !== undefined || this.#options.ready.test(this.log()), {
      what: `${this.#options.ready} in the log of ${this.#options.command.join(" ")}`,
      timeoutMs: this.#options.readyTimeoutMs ?? 15_000,
      detail: () => this.log().slice(-LOG_TAIL_CHARS),
    });
    if (this.#exit === undefined) return;
    const how = this.#exit.signal ?? `code ${this.#exit.code}`;
    throw new Error(`${this.#options.command.join(" ")} ended (${how}):\n${this.log().slice(-LOG_TAIL_CHARS)}`);
  }

  /** `SIGKILL`, at once; resolves when the process is gone. */
  kill(): Promise<Exit> {
    return this.#signal("SIGKILL", 10_000);
  }

  /** `SIGTERM`; resolves when the process has ended by itself, rejects when it has not in `timeoutMs`. */
  terminate(timeoutMs: number = 15_000): Promise<Exit> {
    return this.#signal("SIGTERM", timeoutMs);
  }

  /** Sends a signal without waiting for anything; for STOP and CONT. */
  send(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  /** Resolves when the process has ended by itself. */
  untilExit(timeoutMs: number): Promise<Exit> {
    return withTimeout(this.#exited, {
      what: `the end of process ${this.pid}`,
      timeoutMs,
      detail: () => this.log().slice(-LOG_TAIL_CHARS),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #signal(signal: NodeJS.Signals, timeoutMs: number): Promise<Exit> {
    if (this.#exit === undefined) this.#child.kill(signal);
    return await this.untilExit(timeoutMs);
  }
}

function readLog(path: string): string {
  try {
    // One byte is one character: log offsets stay right whatever the bytes are.
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
