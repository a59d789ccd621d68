import type { Clock } from "@quorate/base";
import type { Timers } from "../../../src/node/runtime/timers.ts";

/** Time that passes only when told to: a clock and the timers on it. */
export class ManualTime implements Clock, Timers {
  #nowMs = 0;
  /** What the wall clock is ahead of the monotonic one. */
  wallSkewMs = 1_700_000_000_000;
  #nextId = 0;
  readonly #due = new Map<number, { readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.wallSkewMs + this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#nextId++;
    this.#due.set(id, { atMs: this.#nowMs + Math.max(0, ms), run });
    return () => void this.#due.delete(id);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#due.size;
  }

  /** Lets so much time pass, with everything that falls due and what comes of it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = [...this.#due].filter(([, { atMs }]) => atMs <= endMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      const [id, { atMs, run }] = next;
      this.#due.delete(id);
      this.#nowMs = Math.max(this.#nowMs, atMs);
      run();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** As after a stop of the whole process: time is gone, but no timer has run yet. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
