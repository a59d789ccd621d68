/** Puts, deletions and leases: grpc-api.md 3.4, 3.5, peer-protocol.md 13.4. */
import { describe, expect, it } from "@jest/globals";
import type { Change } from "../src/change.ts";
import { Lessor } from "../src/lease/index.ts";
import { Store } from "../src/store.ts";
import { MapBackend } from "../src/testing/map-backend.ts";
import { openStore } from "./open-store.ts";
import { bytes, del, kvText, put, range, rangeText } from "./requests.ts";

function withLeases(): { store: Store; leases: Lessor; backend: MapBackend } {
  const backend = new MapBackend();
  const leases = new Lessor({ minTtlSeconds: 1 }, { backend });
  leases.grant(1n, 60, 0);
  leases.grant(-2n, 60, 0);
  return { store: new Store(backend, { leases }), leases, backend };
}

describe("a put", () => {
  it("gives the first write revision 2 and counts versions", () => {
    const { store } = openStore();
    expect([store.revision, store.compactedRevision, store.keyCount]).toEqual([1, -1, 0]);

    expect(store.put(put("a", "1"))).toEqual({ revision: 2, prevKv: undefined });
    expect(store.put(put("a", "1"))).toEqual({ revision: 3, prevKv: undefined });

    expect(rangeText(store.range(range("a")))).toBe("a=1 2/3/2 | count 1 at 3");
    expect(store.keyCount).toBe(1);
  });

  it("begins a new life after a deletion", () => {
    const { store } = openStore();
    store.put(put("a", "1"));
    store.deleteRange(del("a"));
    store.put(put("a", "2"));

    expect(rangeText(store.range(range("a")))).toBe("a=2 4/4/1 | count 1 at 4");
    expect(rangeText(store.range(range("a", "", { revision: 3 })))).toBe(" | count 0 at 4");
  });

  it("returns the previous record only when asked and there is one", () => {
    const { store } = openStore();

    expect(store.put(put("a", "1", { prevKv: true }))).toEqual({ revision: 2, prevKv: undefined });
    const second = store.put(put("a", "2", { prevKv: true }));
    expect(typeof second !== "string" && second.prevKv !== undefined && kvText(second.prevKv)).toBe("a=1 2/2/1");
    store.deleteRange(del("a"));
    expect(store.put(put("a", "3", { prevKv: true }))).toEqual({ revision: 5, prevKv: undefined });
  });

  it("keeps value or lease where told to ignore them", () => {
    const { store, leases } = withLeases();
    store.put(put("a", "1", { lease: 1n }));

    store.put(put("a", "", { ignoreValue: true, lease: -2n }));
    expect(rangeText(store.range(range("a")))).toBe("a=1 2/3/2 lease -2 | count 1 at 3");
    store.put(put("a", "2", { ignoreLease: true }));
    expect(rangeText(store.range(range("a")))).toBe("a=2 2/4/3 lease -2 | count 1 at 4");
    expect([leases.keysOf(1n), leases.keysOf(-2n)]).toEqual([[], ["a"]]);
  });

  it("is refused for an unknown lease before a missing key", () => {
    const { store, backend } = withLeases();

    expect(store.put(put("a", "", { ignoreValue: true, lease: 99n }))).toBe("leaseNotFound");
    expect(store.put(put("a", "", { ignoreValue: true }))).toBe("keyNotFound");
    expect(store.put(put("a", "", { ignoreLease: true }))).toBe("keyNotFound");
    store.put(put("a"));
    store.deleteRange(del("a"));
    expect(store.put(put("a", "", { ignoreLease: true }))).toBe("keyNotFound");
    expect([store.revision, backend.revisions().length]).toEqual([3, 2]);
  });

  it("moves a key from lease to lease and takes it off", () => {
    const { store, leases } = withLeases();

    store.put(put("a", "", { lease: 1n }));
    expect(leases.leaseOf("a")).toBe(1n);
    store.put(put("a", "", { lease: 1n }));
    expect(leases.keysOf(1n)).toEqual(["a"]);
    store.put(put("a", "", { lease: -2n }));
    expect([leases.keysOf(1n), leases.keysOf(-2n)]).toEqual([[], ["a"]]);
    store.put(put("a", ""));
    expect([leases.leaseOf("a"), leases.keysOf(-2n)]).toEqual([0n, []]);
  });

  it("does not keep the request's bytes", () => {
    const { store } = openStore();
    const key = bytes("a");
    const value = bytes("1");
    store.put({ ...put("", ""), key, value });

    key.fill(0x7a);
    value.fill(0x7a);

    expect(rangeText(store.range(range("a")))).toBe("a=1 2/2/1 | count 1 at 2");
  });

  it("stores keys of any bytes, empty values, and values of 100,000 bytes", () => {
    const { store } = openStore();
    const key = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    store.put(put(key, ""));
    store.put(put("big", "v".repeat(100_000)));

    expect(rangeText(store.range(range(key)))).toBe(`${key}= 2/2/1 | count 1 at 3`);
    expect(rangeText(store.range(range("big")))).toBe(`big=${"v".repeat(100_000)} 3/3/1 | count 1 at 3`);
  });
});

describe("a deletion", () => {
  it("takes all matching keys in one revision, ascending", () => {
    const { store, backend } = openStore();
    for (const key of ["c", "a", "b", "z"]) store.put(put(key));

    const result = store.deleteRange(del("a", "d", { prevKv: true }));

    expect([result.revision, result.deleted, result.prevKvs.map(kvText)]).toEqual([
      6,
      3,
      ["a= 3/3/1", "b= 4/4/1", "c= 2/2/1"],
    ]);
    const stored = backend.revisions().filter(({ main }) => main === 6);
    expect(stored.map(({ sub, tombstone, value }) => [sub, tombstone, kvText(value)])).toEqual([
      [0, true, "a= 0/0/0"],
      [1, true, "b= 0/0/0"],
      [2, true, "c= 0/0/0"],
    ]);
  });

  it("of nothing makes no revision", () => {
    const { store } = openStore();
    store.put(put("b"));

    expect(store.deleteRange(del("a", "", { prevKv: true }))).toEqual({ revision: 2, deleted: 0, prevKvs: [] });
    expect(store.deleteRange(del("c", "a"))).toEqual({ revision: 2, deleted: 0, prevKvs: [] });
    expect(store.revision).toBe(2);
  });

  it("to the end of all keys takes what is there", () => {
    const { store } = openStore();
    for (const key of ["a", "b", "\xff\xff"]) store.put(put(key));

    expect(store.deleteRange(del("b", "\0")).deleted).toBe(2);
    expect(store.keyCount).toBe(1);
  });

  it("detaches leases", () => {
    const { store, leases } = withLeases();
    store.put(put("a", "", { lease: 1n }));

    store.deleteRange(del("a"));

    expect([leases.leaseOf("a"), leases.keysOf(1n)]).toEqual([0n, []]);
  });
});

describe("deleteKeys", () => {
  it("ends a lease's keys in one revision, ascending, and passes over those that are gone", () => {
    const { store, leases } = withLeases();
    for (const key of ["b", "a", "c"]) store.put(put(key, "", { lease: 1n }));
    const heard: [number, readonly string[]][] = [];
    store.onWrite = (revision, changes) => heard.push([revision, changes.map((change: Change) => change.key)]);

    const keys = leases.revoke(1n);

    if (keys === "leaseNotFound") throw new Error(keys);
    expect(store.deleteKeys(["missing", ...keys.reverse()])).toBe(5);
    expect(heard).toEqual([[5, ["a", "b", "c"]]]);
    expect(store.deleteKeys(["a"])).toBe(5);
    expect(heard.length).toBe(1);
  });
});

describe("onWrite", () => {
  it("is told each revision once, after it can be read, with what events need", () => {
    const { store } = openStore();
    const heard: unknown[] = [];
    store.onWrite = (revision, changes) => {
      expect(store.revision).toBe(revision);
      for (const change of changes) heard.push({ ...change, kv: kvText(change.kv) });
    };

    store.put(put("a", "1"));
    store.put(put("a", "2"));
    store.deleteRange(del("a"));

    expect(heard).toEqual([
      {
        key: "a",
        tombstone: false,
        isCreation: true,
        kv: "a=1 2/2/1",
        createRevision: 2,
        modRevision: 2,
        subRevision: 0,
        previousMain: 0,
        previousSub: 0,
      },
      {
        key: "a",
        tombstone: false,
        isCreation: false,
        kv: "a=2 2/3/2",
        createRevision: 2,
        modRevision: 3,
        subRevision: 0,
        previousMain: 2,
        previousSub: 0,
      },
      {
        key: "a",
        tombstone: true,
        isCreation: false,
        kv: "a= 0/4/0",
        createRevision: 0,
        modRevision: 4,
        subRevision: 0,
        previousMain: 3,
        previousSub: 0,
      },
    ]);
  });
});
