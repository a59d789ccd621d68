import { onAbort } from "./abort-listener.ts";
import { abortedError } from "./etcd-error.ts";

/** Growing pauses between attempts. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** How much a pause varies, so that many clients do not come back at the same moment. */
const JITTER = 0.2;

/** Pauses that double from `firstMs` up to `maxMs`, each 20 % shorter or longer at random. */
export class Backoff {
  readonly #options: BackoffOptions;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#nextMs = options.firstMs;
  }

  /** How long to wait now. */
  next(): number {
    const baseMs = this.#nextMs;
    this.#nextMs = Math.min(baseMs * 2, this.#options.maxMs);
    return baseMs * (1 - JITTER + 2 * JITTER * Math.random());
  }

  /** Begins small again, after something worked. */
  reset(): void {
    this.#nextMs = this.#options.firstMs;
  }
}

/** Resolves after `ms`. Rejects with `aborted` as soon as `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal));
      return;
    }
    const timer = setTimeout(() => {
      stopListening();
      resolve();
    }, ms);
    const stopListening = onAbort(signal, () => {
      clearTimeout(timer);
      reject(abortedError(signal as AbortSignal));
    });
  });
}
