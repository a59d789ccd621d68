import { CommandError, endedBy } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { isCallError } from "./failure.ts";

/**
 * Ctrl-C and SIGTERM, for commands that give something back before they end; for as long as it is not disposed of. Only the first is
 * caught: one that comes while the command still cleans up ends the program at once.
 */
export class Interruption implements Disposable {
  readonly #abort = new AbortController();
  readonly #release: () => void;
  /** Resolves when the program is interrupted. */
  readonly happened: Promise<void>;

  constructor(context: CommandContext) {
    this.#release = context.onSignal(["SIGINT", "SIGTERM"], (signal) => {
      this.#release();
      this.#abort.abort(endedBy(signal));
    });
    this.happened = new Promise((resolve) => {
      this.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What `call`, which was given the signal, comes to; interrupted, it ends the program by the signal, where etcdctl does not listen. */
  async orEnd<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      throw isCallError(error) && error.code === "aborted" ? this.signal.reason : error;
    }
  }

  /** The same where etcdctl listens and gives the call up: what the interruption made of it has Go's words. */
  async guard<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isCallError(error) && error.code === "aborted")
        throw new CommandError(ExitCode.error, "context canceled", { cause: error });
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}
