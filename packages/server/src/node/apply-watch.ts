import type { Counter, Histogram, Logger } from "@quorate/base";
import type { AppliedVisitor } from "../core/index.ts";

export interface ApplyWatchDeps {
  readonly nowMs: () => number;
  readonly logger: Logger;
  /** Counts batches that took too long. */
  readonly slow: Counter;
  /** What the batch was made of, taken once; and where the time of an entry goes. */
  readonly applied: { take(visit: AppliedVisitor): void };
  readonly duration: (op: string, success: boolean) => Histogram;
}

/**
 * Warns when applying a batch of entries takes longer than `--warning-apply-duration`, and gives each entry its share of the batch's
 * time in `etcd_server_apply_duration_seconds`: sum and count are exact, within a batch all are alike. PERF: two looks at the clock
 * and one observation for each kind of request in it a batch.
 */
export class ApplyWatch {
  readonly #thresholdMs: number;
  readonly #deps: ApplyWatchDeps;
  readonly #histograms = new Map<string, Histogram>();
  #beganMs = 0;
  #shareSeconds = 0;

  constructor(thresholdMs: number, deps: ApplyWatchDeps) {
    this.#thresholdMs = thresholdMs;
    this.#deps = deps;
  }

  begin(): void {
    this.#beganMs = this.#deps.nowMs();
  }

  /** Returns what the time is, monotonic ms, for others to whom the end of a batch matters. */
  end(entryCount: number, bytes: number): number {
    const nowMs = this.#deps.nowMs();
    const tookMs = nowMs - this.#beganMs;
    this.#shareSeconds = tookMs / 1000 / entryCount;
    this.#deps.applied.take(this.#observe);
    if (tookMs > this.#thresholdMs) {
      this.#deps.slow.add(1);
      this.#deps.logger.warn("apply request took too long", {
        took: `${Math.round(tookMs)}ms`,
        "expected-duration": `${this.#thresholdMs}ms`,
        entries: entryCount,
        bytes,
      });
    }
    return nowMs;
  }

  readonly #observe: AppliedVisitor = (op, success, count) => {
    const name = success ? op : `!${op}`;
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = this.#deps.duration(op, success);
      this.#histograms.set(name, histogram);
    }
    histogram.observe(this.#shareSeconds, count);
  };
}
