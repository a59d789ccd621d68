import { performance } from "node:perf_hooks";

/** Work goes on for this long, then others get a turn. */
const SLICE_MS = 2;
/** Others get this many times as long, if they want it. */
const OTHERS_SHARE = 2;
/** A turn in which the thread had nothing to do for this long shows that nobody wants more. */
const IDLE_MS = 0.2;
/** Steps between two looks at the clock. */
const STEPS = 32;

/**
 * Paces long work on the thread that serves requests: while others keep it busy, the work takes a third of it, in slices of
 * a few milliseconds; while they do not, nearly all.
 */
export class BackgroundPace {
  #steps = 0;
  #sliceStartMs: number = performance.now();

  /** Call for each small step; whether it is time to `rest`. */
  isDue(): boolean {
    if (++this.#steps < STEPS) return false;
    this.#steps = 0;
    return performance.now() - this.#sliceStartMs >= SLICE_MS;
  }

  /** Lets others work. Ends at the latest when they have had their share. */
  async rest(): Promise<void> {
    const wantedMs = (performance.now() - this.#sliceStartMs) * OTHERS_SHARE;
    for (let othersMs = 0; othersMs < wantedMs; ) {
      const before = performance.eventLoopUtilization();
      await new Promise((resolve) => setTimeout(resolve, 1));
      const { active, idle } = performance.eventLoopUtilization(before);
      if (idle >= IDLE_MS) break;
      othersMs += Math.max(active, 1);
    }
    this.#sliceStartMs = performance.now();
  }
}
