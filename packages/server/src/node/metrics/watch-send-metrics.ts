import { exponentialBuckets, type Histogram, type Metrics } from "@quorate/base";

const EVERY = 16;

/** Handing responses of watch streams over to the connection. */
export interface WatchSendMetrics {
  /** Seconds of one response with events. */
  readonly events: Histogram;
  /** Seconds of one such response, by its events. */
  readonly perEvent: Histogram;
  /** Seconds of one response that creates or cancels. */
  readonly control: Histogram;
  /** Seconds of one progress response. */
  readonly progress: Histogram;
}

/** Names and buckets are etcd's. */
export function watchSendMetrics(metrics: Metrics): WatchSendMetrics {
  const bounds = exponentialBuckets(0.001, 2, 14);
  const histogram = (name: string, help: string): Histogram =>
    metrics.histogram(`etcd_debugging_server_watch_send_loop_${name}_seconds`, help, bounds);
  return {
    events: histogram("watch_stream_duration", "Seconds sending a watch response with events took, by a sample."),
    perEvent: histogram(
      "watch_stream_duration_per_event",
      "Seconds sending a watch response took, divided by its events, by a sample.",
    ),
    control: histogram("control_stream_duration", "Seconds sending a watch response without events took."),
    progress: histogram("progress_duration", "Seconds sending a progress notification took."),
  };
}

/** Times every sixteenth response with events, for those between too. PERF: an addition and a comparison for the others. */
export class WatchSendTimes {
  readonly #metrics: WatchSendMetrics;
  readonly #nowMs: () => number;
  #sent = 0;
  #told = 0;
  #nextTimed = 1;
  #newestSeconds = 0;
  #newestPerEvent = 0;

  constructor(metrics: WatchSendMetrics, nowMs: () => number) {
    this.#metrics = metrics;
    this.#nowMs = nowMs;
  }

  /** Counts a response; returns when it began, or 0 if it is not timed. */
  begin(): number {
    if (++this.#sent < this.#nextTimed) return 0;
    this.#nextTimed = this.#sent + EVERY;
    return this.#nowMs();
  }

  end(beganMs: number, eventCount: number): void {
    if (beganMs === 0) return;
    this.#newestSeconds = (this.#nowMs() - beganMs) / 1000;
    this.#newestPerEvent = this.#newestSeconds / eventCount;
    this.tell();
  }

  /** Times a response without events: few, so each. */
  timed(isProgress: boolean, send: () => void): void {
    const beganMs = this.#nowMs();
    send();
    const { control, progress } = this.#metrics;
    (isProgress ? progress : control).observe((this.#nowMs() - beganMs) / 1000);
  }

  /** Puts what has not been told into the histograms. Call it before they are read. */
  tell(): void {
    const untold = this.#sent - this.#told;
    this.#told = this.#sent;
    if (untold === 0) return;
    this.#metrics.events.observe(this.#newestSeconds, untold);
    this.#metrics.perEvent.observe(this.#newestPerEvent, untold);
  }
}
