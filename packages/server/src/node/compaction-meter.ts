import type { MvccMetrics } from "./metrics/index.ts";

/** Hears of the progress of physical revision compaction. Times in milliseconds. */
export interface CompactionMeter {
  slice(tookMs: number): void;
  /** From the first slice to the last, with the number of revisions removed. */
  finished(tookMs: number, removedCount: number): void;
}

export const NO_METER: CompactionMeter = { slice: () => {}, finished: () => {} };

/** Shows it in the metrics. A slice goes through the index and the backend at once. */
export function compactionMeter(metrics: MvccMetrics, wallMs: () => number): CompactionMeter {
  return {
    slice(tookMs) {
      metrics.indexCompactionPause.observe(tookMs);
      metrics.dbCompactionPause.observe(tookMs);
    },
    finished(tookMs, removedCount) {
      metrics.dbCompactionTotal.observe(tookMs);
      metrics.dbCompactionKeys.add(removedCount);
      metrics.dbCompactionLast.set(Math.floor(wallMs() / 1000));
    },
  };
}
