import { describe, expect, it } from "@jest/globals";
import type { Store } from "../src/store.ts";
import type { MapBackend } from "../src/testing/map-backend.ts";
import { finishCompaction, hashOf, openStore } from "./open-store.ts";
import { del, op, put, txn } from "./requests.ts";

/** The history behind the test vectors of grpc-api.md 10.1, observed on etcd 3.4.23. */
function vectorStore(): { store: Store; backend: MapBackend } {
  const opened = openStore();
  const { store } = opened;
  store.put(put("a", "1"));
  store.put(put("b", ""));
  store.deleteRange(del("a"));
  store.put(put("c", "3"));
  store.txn(txn({ success: [op.put("x", "1"), op.put("y", "2"), op.del("b")] }));
  return opened;
}

describe("HashKV", () => {
  it.each([
    [6, 1238732791],
    [0, 1238732791],
    [3, 2496657716],
  ])("equals etcd's at revision %d of a store never compacted", (revision, hash) => {
    const { store, backend } = vectorStore();

    const answer = hashOf(store, backend, revision);

    const hashRevision = revision === 0 ? 6 : revision;
    expect(answer).toEqual({ hash, compactRevision: -1, hashRevision, currentRevision: 6 });
  });

  it("equals etcd's after a compaction, before anything is removed, in between and after", () => {
    const { store, backend } = vectorStore();
    store.compact(4);
    const expected = { hash: 719804720, compactRevision: 4, hashRevision: 6, currentRevision: 6 };

    const before = hashOf(store, backend, 6);
    store.compactionStep(1);
    const between = hashOf(store, backend, 6);
    finishCompaction(store, backend, 1);
    const after = hashOf(store, backend, 6);

    expect([before, between, after]).toEqual([expected, expected, expected]);
  });

  it("refuses compacted and future revisions and hashes nothing for a negative one", () => {
    const { store, backend } = vectorStore();
    store.compact(4);

    expect(hashOf(store, backend, 3)).toBe("compacted");
    expect(hashOf(store, backend, 7)).toBe("futureRevision");
    // CRC-32C of the three bytes "key".
    expect(hashOf(store, backend, -5)).toMatchObject({ hash: hashOfNothing(), hashRevision: -5 });
  });

  it("answers a compaction's revision with the hash stored when it finished", () => {
    const { store, backend } = vectorStore();
    const beforeCompaction = hashOf(store, backend, 5);
    store.compact(5);
    finishCompaction(store, backend);

    expect(hashOf(store, backend, 5)).toEqual(beforeCompaction);
    expect(store.compactionHashes).toEqual([{ hash: expect.any(Number), revision: 5, compactRevision: -1 }]);
  });

  it("stores no hash for a compaction that was planned before the one before it finished", () => {
    const { store, backend } = vectorStore();
    store.compact(3);
    store.compact(5);
    finishCompaction(store, backend);

    expect(store.compactionHashes.map(({ revision }) => revision)).toEqual([3]);
    store.put(put("z"));
    store.compact(6);
    finishCompaction(store, backend);
    expect(store.compactionHashes.map(({ revision }) => revision)).toEqual([3, 6]);
  });

  it("keeps the newest ten stored hashes", () => {
    const { store, backend } = openStore();
    for (let i = 0; i < 12; i++) {
      store.put(put("k", String(i)));
      store.compact(store.revision);
      finishCompaction(store, backend);
    }

    expect(store.compactionHashes.map(({ revision }) => revision)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it("is not disturbed by writes and compactions that happen while it runs", () => {
    const { store, backend } = vectorStore();
    let answer: unknown;
    store.hashKv(6, (error, result) => {
      answer = error ?? result;
    });

    store.put(put("a", "later"));
    store.compact(7);
    for (let i = 0; i < 5; i++) expect(store.compactionStep(100)).toBe(true);
    backend.runScans();

    expect(answer).toEqual({ hash: 1238732791, compactRevision: -1, hashRevision: 6, currentRevision: 6 });
    finishCompaction(store, backend);
    expect(store.compactionPending).toBe(false);
  });
});

function hashOfNothing(): number {
  const { store, backend } = openStore();
  const answer = hashOf(store, backend, 0);
  if (typeof answer === "string") throw new Error(answer);
  return answer.hash;
}
