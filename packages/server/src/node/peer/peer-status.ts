import type { Logger } from "@quorate/base";
import type { PeerCounters } from "./peer-metrics.ts";

/** Whether a peer can be reached: true while the newest event of a stream or of the pipeline was a success. */
export class PeerStatus {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #counters: Pick<PeerCounters, "active" | "disconnected">;
  #activeSince: number | undefined;

  constructor(logger: Logger, nowMs: () => number, counters: Pick<PeerCounters, "active" | "disconnected">) {
    this.#counters = counters;
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** Since when, on the clock given; undefined while it cannot be reached. */
  get activeSince(): number | undefined {
    return this.#activeSince;
  }

  succeeded(): void {
    if (this.#activeSince !== undefined) return;
    this.#activeSince = this.#nowMs();
    this.#counters.active.set(1);
    this.#logger.info("peer became active");
  }

  /** Only the first failure after a success is worth a line. */
  failed(action: string, error: string): void {
    if (this.#activeSince === undefined) {
      this.#logger.debug("peer is unreachable", { action, error });
      return;
    }
    this.#activeSince = undefined;
    this.#counters.active.set(0);
    this.#counters.disconnected.add();
    this.#logger.warn("peer became inactive (message send to peer failed)", { action, error });
  }
}
