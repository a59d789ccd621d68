import { endedBy } from "../frame/command-error.ts";
import type { ProgramIo } from "../frame/context.ts";

/** Runs work that Ctrl-C ends early and in order, so that it can remove what it has begun. */
export async function interruptible<T>(io: ProgramIo, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = io.onSignal(["SIGINT", "SIGTERM"], (signal) => controller.abort(endedBy(signal)));
  try {
    return await work(controller.signal);
  } finally {
    stop();
  }
}
