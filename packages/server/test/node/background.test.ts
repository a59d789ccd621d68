import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { Store } from "@quorate/mvcc";
import { MapBackend } from "@quorate/mvcc/testing";
import { createPutRequest } from "@quorate/protocol";
import { PhysicalCompaction } from "../../src/node/background.ts";

const OWN_PACE = { sliceItems: 1000, pauseMs: undefined };
const KEY = new Uint8Array([107]);

function compacted(revisions: number): { backend: MapBackend; store: Store } {
  const backend = new MapBackend();
  const store = new Store(backend);
  for (let i = 0; i < revisions; i++) store.put(createPutRequest({ key: KEY, value: KEY }));
  store.compact(store.revision);
  return { backend, store };
}

/** Turns of the event loop until nothing is left to remove, with what the backend owes read in each. */
async function turnsUntilDone(store: Store, backend: MapBackend, limit: number): Promise<number> {
  for (let turn = 1; turn <= limit; turn++) {
    await nextTurn();
    backend.runScans();
    if (!store.compactionPending) return turn;
  }
  return Number.POSITIVE_INFINITY;
}

describe("PhysicalCompaction", () => {
  it("ends a compaction of 3,000 revisions turn by turn, without a pause", async () => {
    const { backend, store } = compacted(3000);
    // A clock that never comes to a timer: only turns count.
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (() => undefined) as unknown as typeof setTimeout;
    try {
      new PhysicalCompaction(store, () => undefined, OWN_PACE).start();
      expect(await turnsUntilDone(store, backend, 20)).toBeLessThanOrEqual(20);
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });

  it("pauses in a large one, and says when it is done", async () => {
    const { backend, store } = compacted(60_000);
    let pauses = 0;
    const { setTimeout } = globalThis;
    globalThis.setTimeout = ((run: () => void) => {
      pauses += 1;
      return setImmediate(run);
    }) as unknown as typeof setTimeout;
    try {
      const compaction = new PhysicalCompaction(store, () => undefined, OWN_PACE);
      compaction.start();
      let done = false;
      compaction.whenDone(() => {
        done = true;
      });
      await turnsUntilDone(store, backend, 5000);
      await nextTurn();
      expect({ done, paused: pauses > 0 }).toEqual({ done: true, paused: true });
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });

  it("keeps the pace that it is told, slice for slice", async () => {
    const { backend, store } = compacted(3000);
    const pauses: number[] = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = ((run: () => void, delayMs: number) => {
      pauses.push(delayMs);
      return setImmediate(run);
    }) as unknown as typeof setTimeout;
    try {
      new PhysicalCompaction(store, () => undefined, { sliceItems: 100, pauseMs: 7 }).start();
      await turnsUntilDone(store, backend, 5000);
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    expect(pauses.length).toBeGreaterThanOrEqual(30);
    expect(new Set(pauses)).toEqual(new Set([7]));
  });
});
