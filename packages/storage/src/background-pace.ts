import { performance } from "node:perf_hooks";

/** Others get this many times as long as the work took, if they want it. */
const OTHERS_SHARE = 2;
/** A turn in which the thread had nothing to do for this long shows that nobody wants more. */
const IDLE_MS = 0.2;

/**
 * Paces long work on the thread that serves requests: while others keep it busy, the work takes a third of it; while they do not,
 * nearly all. The work itself comes in steps of a few milliseconds, each followed by a `rest`.
 */
export class BackgroundPace {
  #sliceStartMs: number = performance.now();

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
