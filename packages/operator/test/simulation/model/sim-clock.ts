import type { Clock } from "@quorate/base";

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Simulated time: it passes only from one thing that is due to the next. Both clocks of the port are the same one. */
export class SimClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #order = 0;
  readonly #due: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  iso(): string {
    return new Date(this.#nowMs).toISOString();
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#due.push({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run });
  }

  /** Lets everything happen that is due until `untilMs`, in its order. */
  runUntil(untilMs: number): void {
    for (;;) {
      const next = this.#takeNext(untilMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #takeNext(untilMs: number): Due | undefined {
    let best = -1;
    for (const [index, due] of this.#due.entries()) {
      if (due.atMs > untilMs) continue;
      const current = this.#due[best];
      if (current === undefined || due.atMs < current.atMs || (due.atMs === current.atMs && due.order < current.order))
        best = index;
    }
    return best < 0 ? undefined : this.#due.splice(best, 1)[0];
  }
}
