/** Where waiting comes from; the {@link Clock} of base only tells time. */
export interface Timers {
  /** Calls `run` once, after so many milliseconds. Returns what calls it off. */
  after(ms: number, run: () => void): () => void;
  /** Resolves after so many milliseconds, or at once when the signal says stop. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Longest that Node's timers take; what is due later is waited for in parts. */
const PART_MS = 0x7fff_ffff;

/** Timers of the event loop. */
export const NODE_TIMERS: Timers = {
  after(ms, run) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer = setTimeout(() => (leftMs > PART_MS ? wait(leftMs - PART_MS) : run()), Math.min(leftMs, PART_MS));
    };
    wait(Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = NODE_TIMERS.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
    });
  },
};
