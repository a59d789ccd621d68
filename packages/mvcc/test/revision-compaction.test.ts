/** grpc-api.md 5, reliability.md 2.1 and M5: what a compaction keeps, and that it can be cut short anywhere. */
import { describe, expect, it } from "@jest/globals";
import { revisionBytes } from "../src/revision-bytes.ts";
import type { Store } from "../src/store.ts";
import type { MapBackend } from "../src/testing/map-backend.ts";
import { finishCompaction, hashOf, openStore, restored } from "./open-store.ts";
import { bytes, del, op, put, range, rangeText, txn } from "./requests.ts";

function stored(backend: MapBackend): string {
  return backend
    .revisions()
    .map(({ main, sub, tombstone }) => `${main}.${sub}${tombstone ? "t" : ""}`)
    .join(" ");
}

/** a: 2, 3, 4; b: 5, deleted 6; c: 7, deleted 8; a: 9. */
function example(): { store: Store; backend: MapBackend } {
  const opened = openStore();
  const { store } = opened;
  for (const value of ["1", "2", "3"]) store.put(put("a", value));
  store.put(put("b"));
  store.deleteRange(del("b"));
  store.put(put("c"));
  store.deleteRange(del("c"));
  store.put(put("a", "4"));
  return opened;
}

describe("compact", () => {
  it("refuses what is compacted already and what is in the future", () => {
    const { store } = example();

    expect(store.compact(10)).toBe("futureRevision");
    expect(store.compact(5)).toBe(undefined);
    expect(store.compact(5)).toBe("compacted");
    expect(store.compact(4)).toBe("compacted");
    expect(store.compact(-7)).toBe("compacted");
    expect(store.compact(9)).toBe(undefined);
    expect(store.revision).toBe(9);
  });

  it("takes revision 0 once, and none below", () => {
    const { store } = example();

    expect(store.compact(-1)).toBe("compacted");
    expect(store.compact(0)).toBe(undefined);
    expect(store.compactedRevision).toBe(0);
    expect(store.compact(0)).toBe("compacted");
    expect(rangeText(store.range(range("a", "", { revision: 2 })))).toBe("a=1 2/2/1 | count 1 at 9");
  });

  it.each([
    [2, "2.0 3.0 4.0 5.0 6.0t 7.0 8.0t 9.0"],
    [3, "3.0 4.0 5.0 6.0t 7.0 8.0t 9.0"],
    [5, "4.0 5.0 6.0t 7.0 8.0t 9.0"],
    [6, "4.0 6.0t 7.0 8.0t 9.0"],
    [7, "4.0 7.0 8.0t 9.0"],
    [8, "4.0 8.0t 9.0"],
    [9, "9.0"],
  ])("at %d keeps what can be read from there, and a tombstone at exactly it", (revision, expected) => {
    const { store, backend } = example();

    store.compact(revision);
    finishCompaction(store, backend, 1);

    expect(stored(backend)).toBe(expected);
    expect(store.compactionPending).toBe(false);
  });

  it("makes older revisions unreadable at once and removes them later", () => {
    const { store, backend } = example();
    const before = stored(backend);

    store.compact(8);

    expect([store.compactedRevision, store.compactionPending, stored(backend)]).toEqual([8, true, before]);
    expect(store.range(range("a", "", { revision: 7 }))).toBe("compacted");
    expect(rangeText(store.range(range("a", "", { revision: 8 })))).toBe("a=3 2/4/3 | count 1 at 9");
  });

  it("leaves reads at and above its revision alone at every step", () => {
    const { store, backend } = example();
    const expected = [8, 9].map((revision) => rangeText(store.range(range("a", "z", { revision }))));
    store.compact(8);

    while (store.compactionStep(1)) {
      backend.runScans(false);
      expect([8, 9].map((revision) => rangeText(store.range(range("a", "z", { revision }))))).toEqual(expected);
    }

    expect([8, 9].map((revision) => rangeText(store.range(range("a", "z", { revision }))))).toEqual(expected);
  });

  it("keeps the newest version of a key that was deleted and put again in the compacted revision", () => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));
    store.txn(txn({ success: [op.del("a", "\0"), op.put("a", "2")] }));
    store.put(put("a", "3"));

    store.compact(3);
    const hash = hashOf(store, backend, 3);
    finishCompaction(store, backend);

    expect(stored(backend)).toBe("3.0t 3.1 4.0");
    expect(rangeText(store.range(range("a", "", { revision: 3 })))).toBe("a=2 3/3/1 | count 1 at 4");
    expect(hash).toMatchObject({ compactRevision: 3, hashRevision: 3 });
  });

  it("leaves such a key out of a hash at that revision, as etcd does", () => {
    const { store, backend } = openStore();
    store.put(put("b"));
    const onlyB = hashOf(store, backend, 2);
    store.put(put("c"));
    store.txn(txn({ success: [op.del("c", "\0"), op.put("c")] }));
    store.compact(4);
    finishCompaction(store, backend);
    const copy = backend.copy();

    const answer = hashOf(restored(copy), copy, 4);

    if (typeof onlyB === "string") throw new Error(onlyB);
    expect(answer).toMatchObject({ hash: onlyB.hash, compactRevision: 4 });
    expect(stored(copy)).toBe("2.0 4.0t 4.1");
  });

  it("works one run after the other", () => {
    const { store, backend } = example();

    store.compact(3);
    store.compact(5);
    store.compact(8);
    finishCompaction(store, backend, 2);

    expect(stored(backend)).toBe("4.0 8.0t 9.0");
    expect(backend.get("meta", bytes("finishedCompactRev"))).toEqual(revisionBytes(8, 0));
  });

  it("records what is scheduled before and what is finished after", () => {
    const { store, backend } = example();
    const meta = (key: string): Uint8Array | undefined => backend.get("meta", bytes(key));

    store.compact(4);
    expect([meta("scheduledCompactRev"), meta("finishedCompactRev")]).toEqual([revisionBytes(4, 0), undefined]);
    finishCompaction(store, backend);

    expect([meta("scheduledCompactRev"), meta("finishedCompactRev")]).toEqual([
      revisionBytes(4, 0),
      revisionBytes(4, 0),
    ]);
  });

  it("waits while revisions are held", () => {
    const { store, backend } = example();
    store.compact(8);
    store.holdRevisions();
    store.holdRevisions();
    const before = stored(backend);

    for (let i = 0; i < 10; i++) expect(store.compactionStep(100)).toBe(true);
    store.releaseRevisions();
    expect(store.compactionStep(100)).toBe(true);
    expect(stored(backend)).toBe(before);
    store.releaseRevisions();
    finishCompaction(store, backend);

    expect(stored(backend)).toBe("4.0 8.0t 9.0");
  });

  it("does nothing when there is nothing to do", () => {
    const { store } = openStore();

    expect([store.compactionPending, store.compactionStep(10)]).toEqual([false, false]);
  });

  it("passes the backend's failure on", () => {
    const { store, backend } = example();
    store.compact(4);
    backend.failScans(new Error("000012.ldb is damaged"));
    store.compactionStep(10);
    backend.runScans();

    expect(() => store.compactionStep(10)).toThrow("000012.ldb is damaged");
  });

  it("stores no hash where told not to, and removes the same", () => {
    const { store, backend } = openStore({ storesCompactionHashes: false });
    for (const value of ["1", "2"]) store.put(put("a", value));
    store.compact(3);
    finishCompaction(store, backend);

    expect([stored(backend), store.compactionHashes, backend.waitingScans]).toEqual(["3.0", [], 0]);
  });

  it("does its work in slices of the size asked for", () => {
    const { store, backend } = openStore();
    for (let i = 0; i < 500; i++) store.put(put(`k${i % 5}`, String(i)));
    store.compact(store.revision);
    const sizes: number[] = [];

    let before = 500;
    while (store.compactionStep(20)) {
      backend.runScans();
      const now = backend.revisions().length;
      if (now < before) sizes.push(before - now);
      before = now;
    }

    expect(backend.revisions().length).toBe(5);
    expect(Math.max(...sizes)).toBe(20);
    expect(sizes.length).toBeGreaterThanOrEqual(24);
  });
});

describe("a compaction that is cut short", () => {
  it("is taken up again after a restart, from whatever it left behind", () => {
    const { store, backend } = example();
    store.compact(8);
    const copies = [backend.copy()];
    while (store.compactionStep(1)) {
      backend.runScans(false);
      copies.push(backend.copy());
    }
    const expected = [stored(backend), hashOf(store, backend, 9)];
    copies.push(backend.copy());

    for (const copy of copies) {
      const again = restored(copy);
      expect([again.revision, again.compactedRevision]).toEqual([9, 8]);
      expect(rangeText(again.range(range("a", "z", { revision: 8 })))).toBe("a=3 2/4/3 | count 1 at 9");
      finishCompaction(again, copy, 1);
      expect([stored(copy), hashOf(again, copy, 9)]).toEqual(expected);
      expect(again.compactionHashes).toEqual([]);
    }
  });

  it("removes a key's revisions from the oldest on, so that none comes back to life", () => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));
    store.put(put("a", "2"));
    store.deleteRange(del("a"));
    store.put(put("b"));
    store.compact(5);
    const deleted: string[] = [];
    const original = backend.deleteRevision.bind(backend);
    backend.deleteRevision = (main, sub, tombstone) => {
      deleted.push(`${main}${tombstone ? "t" : ""}`);
      original(main, sub, tombstone);
    };

    finishCompaction(store, backend);

    expect(deleted).toEqual(["2", "3", "4t"]);
  });

  it("does not lose the revision when the newest records are gone", () => {
    const { store, backend } = openStore();
    store.put(put("a"));
    store.deleteRange(del("a"));
    store.put(put("a"));
    store.deleteRange(del("a"));
    store.compact(5);
    finishCompaction(store, backend);
    store.put(put("b"));
    store.deleteRange(del("b"));
    store.compact(7);
    for (const { main, sub, tombstone } of backend.revisions()) backend.deleteRevision(main, sub, tombstone);

    const again = restored(backend.copy());

    expect([again.revision, again.compactedRevision]).toEqual([7, 7]);
    expect(again.put(put("c"))).toEqual({ revision: 8, prevKv: undefined });
  });
});
