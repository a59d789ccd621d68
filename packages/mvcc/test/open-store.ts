import type { HashKvResult } from "../src/hash-read.ts";
import { Store, type StoreOptions } from "../src/store.ts";
import { MapBackend } from "../src/testing/map-backend.ts";

/** An empty store over a backend in memory. */
export function openStore(options: StoreOptions = {}): { store: Store; backend: MapBackend } {
  const backend = new MapBackend();
  return { store: new Store(backend, options), backend };
}

/** A store made from what `backend` holds. */
export function restored(backend: MapBackend, options: StoreOptions = {}): Store {
  const store = new Store(backend, options);
  let isDone = false;
  store.restore((error) => {
    if (error !== undefined) throw error;
    isDone = true;
  });
  backend.runScans();
  if (!isDone) throw new Error("the restore was not answered");
  return store;
}

/** Runs pending compactions to their end and returns the number of steps. */
export function finishCompaction(store: Store, backend: MapBackend, maxItems = 100): number {
  let steps = 1;
  while (store.compactionStep(maxItems)) {
    backend.runScans();
    steps += 1;
    if (steps > 100_000) throw new Error("the compaction does not end");
  }
  return steps;
}

/** The answer of `hashKv`: the error code, or the result. */
export function hashOf(store: Store, backend: MapBackend, revision: number): HashKvResult | string {
  let answer: HashKvResult | string | undefined;
  store.hashKv(revision, (error, result) => {
    answer = error ?? result;
  });
  backend.runScans();
  if (answer === undefined) throw new Error("the hash was not answered");
  return answer;
}
