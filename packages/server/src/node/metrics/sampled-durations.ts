import type { Histogram } from "@quorate/base";

/** One of so many is timed. */
const EVERY = 16;

/**
 * Durations of something so short that looking at the clock each time would show: the first and then every sixteenth is timed, and
 * stands for those between. What was not timed by the next scrape is given the newest time there: counts are exact, the sum and
 * the buckets are those of the sample. PERF: an addition and a comparison where nothing is timed.
 */
export class SampledDurations {
  readonly #succeeded: Histogram;
  readonly #failed: Histogram;
  readonly #nowMs: () => number;
  #beganMs = 0;
  #isTiming = false;
  #untilNext = 0;
  #untoldSucceeded = 0;
  #untoldFailed = 0;
  #newestSeconds = 0;

  constructor(succeeded: Histogram, failed: Histogram, nowMs: () => number) {
    this.#succeeded = succeeded;
    this.#failed = failed;
    this.#nowMs = nowMs;
  }

  begin(): void {
    if (this.#untilNext-- > 0) return;
    this.#untilNext = EVERY - 1;
    this.#isTiming = true;
    this.#beganMs = this.#nowMs();
  }

  end(succeeded: boolean): void {
    if (succeeded) this.#untoldSucceeded++;
    else this.#untoldFailed++;
    if (!this.#isTiming) return;
    this.#isTiming = false;
    this.#newestSeconds = (this.#nowMs() - this.#beganMs) / 1000;
    this.tell();
  }

  /** Puts what has not been told into the histograms. Call it before they are read. */
  tell(): void {
    if (this.#untoldSucceeded > 0) this.#succeeded.observe(this.#newestSeconds, this.#untoldSucceeded);
    if (this.#untoldFailed > 0) this.#failed.observe(this.#newestSeconds, this.#untoldFailed);
    this.#untoldSucceeded = 0;
    this.#untoldFailed = 0;
  }
}
