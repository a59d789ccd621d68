import { type Backend, type HashDone, hashBackend, type Store } from "@quorate/mvcc";
import type { MvccMetrics } from "./metrics/index.ts";

export interface HashesDeps {
  readonly store: Pick<Store, "hashKv">;
  readonly backend: Backend;
  readonly metrics: Pick<MvccMetrics, "hash" | "hashRev">;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Hashes of what a member holds, for whoever asks, and how long each took. */
export class Hashes {
  readonly #deps: HashesDeps;

  constructor(deps: HashesDeps) {
    this.#deps = deps;
  }

  /** As `Store.hashKv`. */
  kv(revision: number, done: HashDone): void {
    const { metrics, nowMs, store } = this.#deps;
    const beganMs = nowMs();
    store.hashKv(revision, (code, result) => {
      metrics.hashRev.observe((nowMs() - beganMs) / 1000);
      done(code, result);
    });
  }

  /** As `hashBackend`. */
  all(done: (error: Error | undefined, hash: number) => void): void {
    const { backend, metrics, nowMs } = this.#deps;
    const beganMs = nowMs();
    hashBackend(backend, (error, hash) => {
      metrics.hash.observe((nowMs() - beganMs) / 1000);
      done(error, hash);
    });
  }
}
