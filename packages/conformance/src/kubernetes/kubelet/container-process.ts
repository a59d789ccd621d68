import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

/** How a container's process ended. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal: number | undefined;
  /** Seconds since the epoch as ISO text, as the API wants it. */
  readonly finishedAt: string;
}

/** Numbers of the signals by which containers end. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
  SIGABRT: 6,
};

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Both output streams are appended to it. */
  readonly logFile: string;
}

/** One run of a container: a process that leads a session of its own, so that all it started can be ended with it. */
export class ContainerProcess {
  readonly #child: ChildProcess;
  readonly startedAt: string = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  #over = false;

  constructor({ command, env, logFile }: ProcessOptions) {
    const [program, ...words] = command;
    if (program === undefined) throw new Error("a container needs a command");
    const log = openSync(logFile, "a");
    this.#child = spawn(program, words, { stdio: ["ignore", log, log], env, detached: true });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, name: NodeJS.Signals | null): void => {
        this.#over = true;
        this.#signalAll("SIGKILL");
        const signal = name === null ? undefined : (SIGNALS[name] ?? 0);
        const exitCode = code ?? 128 + (signal ?? 0);
        resolve({ exitCode, signal, finishedAt: new Date().toISOString().replace(/\.\d+Z$/, "Z") });
      };
      this.#child.once("exit", end);
      this.#child.once("error", () => end(128, null));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Sends a signal to the container's first process. */
  signal(name: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(name);
  }

  /** Ends the container with everything that it started. */
  kill(): void {
    if (!this.#over) this.#signalAll("SIGKILL");
  }

  #signalAll(name: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, name);
    } catch {
      // Nothing of the session is left.
    }
  }
}
