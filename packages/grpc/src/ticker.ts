/** Calls back once after a delay; returns what cancels that. */
export type StartTimer = (callback: () => void, delayMs: number) => () => void;

/** An unreferenced `setTimeout`: time alone keeps no process alive. */
export const startNodeTimer: StartTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};

/**
 * One timer for everything: a tick soon after the last while someone needs exact time, a slow one otherwise, none when
 * nobody needs any.
 */
export class Ticker {
  readonly #startTimer: StartTimer;
  readonly #onTick: () => number;
  #cancel: (() => void) | undefined;
  #delayMs = 0;

  /** `onTick` returns after how many milliseconds it wants the next tick; 0 for none. */
  constructor(startTimer: StartTimer, onTick: () => number) {
    this.#startTimer = startTimer;
    this.#onTick = onTick;
  }

  /** Has the next tick come after `delayMs` at the latest. */
  need(delayMs: number): void {
    if (this.#cancel !== undefined) {
      if (this.#delayMs <= delayMs) return;
      this.#cancel();
    }
    this.#delayMs = delayMs;
    this.#cancel = this.#startTimer(() => this.#tick(), delayMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tick(): void {
    this.#cancel = undefined;
    const nextMs = this.#onTick();
    if (nextMs > 0) this.need(nextMs);
  }
}
