import { describe, expect, it } from "@jest/globals";
import { crc32c, utf8Bytes } from "@quorate/base";
import { Lessor } from "../src/lease/index.ts";
import { revisionBytes } from "../src/revision-bytes.ts";
import { Store } from "../src/store.ts";
import { MapBackend } from "../src/testing/map-backend.ts";
import { finishCompaction, hashOf, openStore, restored } from "./open-store.ts";
import { del, op, put, range, rangeText, txn } from "./requests.ts";

describe("restore", () => {
  it("finds an empty store in an empty backend", () => {
    const store = restored(new MapBackend());

    expect([store.revision, store.compactedRevision, store.keyCount]).toEqual([1, -1, 0]);
  });

  it("brings back everything that can be read, over many pages", () => {
    const { store, backend } = openStore();
    for (let i = 0; i < 2500; i++) store.put(put(`k${i % 700}`, String(i)));
    store.txn(txn({ success: [op.put("x"), op.put("y"), op.del("k1", "k2")] }));
    store.put(put("k1", "again"));

    const again = restored(backend.copy());

    expect([again.revision, again.keyCount]).toEqual([store.revision, store.keyCount]);
    for (const revision of [0, 5, 1200, 2501, 2502]) {
      const request = range("k", "z", { revision });
      expect(again.range(request)).toEqual(store.range(request));
    }
    expect(again.put(put("k1", "next"))).toEqual(store.put(put("k1", "next")));
    expect(again.range(range("k1"))).toEqual(store.range(range("k1")));
  });

  it("knows a key of which only a tombstone is left", () => {
    const { store, backend } = openStore();
    store.put(put("a"));
    store.deleteRange(del("a"));
    store.compact(3);
    finishCompaction(store, backend);

    const again = restored(backend.copy());

    expect([again.revision, again.compactedRevision, again.keyCount]).toEqual([3, 3, 0]);
    again.put(put("a", "new"));
    expect(rangeText(again.range(range("a")))).toBe("a=new 4/4/1 | count 1 at 4");
  });

  it("keeps versions and create revisions of keys whose first revisions are gone", () => {
    const { store, backend } = openStore();
    for (const value of ["1", "2", "3"]) store.put(put("a", value));
    store.compact(4);
    finishCompaction(store, backend);

    const again = restored(backend.copy());
    again.put(put("a", "4"));

    expect(rangeText(again.range(range("a")))).toBe("a=4 2/5/4 | count 1 at 5");
  });

  it("takes the empty record of a bumped revision for a put, in the hash at that revision and behind it", () => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));
    const bumped = backend.copy();
    bumped.putRevision(50, 0, false, new Uint8Array(0));
    bumped.put("meta", utf8Bytes("scheduledCompactRev"), revisionBytes(50, 0));

    const again = restored(bumped);
    finishCompaction(again, bumped);

    // CRC-32C over "key", then key and value of both records, as etcd has it.
    const hashed = [
      utf8Bytes("key"),
      revisionBytes(2, 0),
      backend.getRevision(2, 0) ?? new Uint8Array(0),
      revisionBytes(50, 0),
    ];
    expect(hashOf(again, bumped, 0)).toEqual({
      hash: hashed.reduce((crc, part) => crc32c(crc, part), 0),
      compactRevision: 50,
      hashRevision: 50,
      currentRevision: 50,
    });
    expect(rangeText(again.range(range("a")))).toBe("a=1 2/2/1 | count 1 at 50");
  });

  it("attaches live keys to the leases they have now", () => {
    const backend = new MapBackend();
    const lessor = (): Lessor => new Lessor({ minTtlSeconds: 1 }, { backend });
    const leases = lessor();
    leases.grant(1n, 60, 0);
    leases.grant(2n, 60, 0);
    const store = new Store(backend, { leases });
    store.put(put("a", "", { lease: 1n }));
    store.put(put("b", "", { lease: 1n }));
    store.put(put("c", "", { lease: 1n }));
    store.put(put("d", "", { lease: 1n }));
    store.put(put("b", "", { lease: 2n }));
    store.put(put("c", ""));
    store.deleteRange(del("d"));

    const again = lessor();
    restored(backend, { leases: again });

    expect([again.keysOf(1n), again.keysOf(2n)]).toEqual([["a"], ["b"]]);
  });

  it("reports what the backend failed with", () => {
    const { backend } = openStore();
    backend.failScans(new Error("000007.ldb: checksum mismatch"));
    const errors: unknown[] = [];

    new Store(backend).restore((error) => errors.push(error?.message));
    backend.runScans();

    expect(errors).toEqual(["000007.ldb: checksum mismatch"]);
  });

  it("replaces a store's content where the backend's was replaced", () => {
    const { store, backend } = openStore();
    store.put(put("old"));
    store.compact(2);
    const answers: string[] = [];
    store.history(2, 2, () => answers.push("history"));
    store.hashKv(0, (error) => answers.push(`hash: ${error}`));
    for (const { main, sub } of backend.revisions()) backend.deleteRevision(main, sub, false);
    backend.delete(
      "meta",
      Uint8Array.from("scheduledCompactRev", (c) => c.charCodeAt(0)),
    );
    const source = openStore();
    for (const key of ["x", "y"]) source.store.put(put(key));
    for (const { main, sub, tombstone, value } of source.backend.revisions()) {
      backend.putRevision(main, sub, tombstone, value);
    }

    let isDone = false;
    store.restore(() => {
      isDone = true;
    });
    backend.runScans();

    expect([isDone, store.revision, store.compactedRevision, store.keyCount]).toEqual([true, 3, -1, 2]);
    // What was to be hashed is gone; whoever asks for history starts anew.
    expect(answers).toEqual(["hash: compacted"]);
    expect(rangeText(store.range(range("a", "z")))).toBe("x= 2/2/1, y= 3/3/1 | count 2 at 3");
    expect(hashOf(store, backend, 0)).toEqual(hashOf(source.store, source.backend, 0));
  });
});

describe("determinism", () => {
  it("makes the same bytes of the same requests, whatever compaction and restarts did in between", () => {
    const requests = Array.from({ length: 400 }, (_, i) => i);
    const run = (isDisturbed: boolean): MapBackend => {
      let { store, backend } = openStore();
      for (const i of requests) {
        if (i % 7 === 3) store.deleteRange(del(`k${i % 5}`, `k${(i % 5) + 2}`));
        else if (i % 11 === 5) store.txn(txn({ success: [op.put(`k${i % 13}`, "t"), op.del(`k${i % 3}`, "k1")] }));
        else store.put(put(`k${i % 17}`, String(i)));
        if (i === 200) store.compact(150);
        if (!isDisturbed) continue;
        if (i % 20 === 0) store.compactionStep(3);
        if (i % 50 === 49) {
          backend = backend.copy();
          store = restored(backend);
        }
        backend.runScans(false);
      }
      finishCompaction(store, backend);
      return backend;
    };

    expect(run(true).revisions()).toEqual(run(false).revisions());
  });
});
