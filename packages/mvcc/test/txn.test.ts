import { describe, expect, it } from "@jest/globals";
import { CompareResult, CompareTarget } from "@quorate/protocol";
import type { Change } from "../src/change.ts";
import { openStore } from "./open-store.ts";
import { bytes, compare, kvText, op, put, range, rangeText, succeeded, txn } from "./requests.ts";

/** What an operation's result says of itself, nested txns included. */
function summary(result: ReturnType<typeof succeeded>): unknown {
  return result.responses.map((response) => {
    if (response.kind === "range") return rangeText(response.result);
    if (response.kind === "txn") {
      return {
        succeeded: response.result.succeeded,
        at: response.result.revision,
        responses: summary(response.result),
      };
    }
    if (response.kind === "put") return `put at ${response.result.revision}`;
    return `deleted ${response.result.deleted} at ${response.result.revision}`;
  });
}

describe("a txn", () => {
  it("gives the worked example of grpc-api.md 4.3", () => {
    const { store, backend } = openStore();
    for (const key of ["a", "b", "c", "d"]) store.put(put(key, "0"));
    const heard: [number, readonly Change[]][] = [];
    store.onWrite = (revision, changes) => heard.push([revision, changes]);
    expect(store.revision).toBe(5);

    const result = succeeded(
      store.txn(
        txn({
          success: [
            op.put("x", "1"),
            op.put("y", "2"),
            { ...op.del("b") },
            op.range("x"),
            op.txn({ success: [op.range("y")] }),
          ],
        }),
      ),
    );

    expect(result.revision).toBe(6);
    expect(summary(result)).toEqual([
      "put at 6",
      "put at 6",
      "deleted 1 at 6",
      "x=1 6/6/1 | count 1 at 6",
      { succeeded: true, at: 0, responses: ["y=2 6/6/1 | count 1 at 6"] },
    ]);
    const stored = backend.revisions().filter(({ main }) => main === 6);
    expect(stored.map(({ sub, tombstone }) => [sub, tombstone])).toEqual([
      [0, false],
      [1, false],
      [2, true],
    ]);
    expect(heard.length).toBe(1);
    expect(heard[0]?.[1].map((change) => [change.key, change.tombstone, kvText(change.kv)])).toEqual([
      ["x", false, "x=1 6/6/1"],
      ["y", false, "y=2 6/6/1"],
      ["b", true, "b= 0/6/0"],
    ]);
    expect(heard[0]?.[1].map((change) => [change.previousMain, change.previousSub])).toEqual([
      [0, 0],
      [0, 0],
      [3, 0],
    ]);
    expect(succeeded(store.txn(txn({}))).revision).toBe(6);
    expect(heard.length).toBe(1);
  });

  it("evaluates the compares of nested txns on the state before it runs", () => {
    const { store } = openStore();

    const nested = op.txn({
      compare: [compare("x", { target: CompareTarget.VERSION, version: 0 })],
      success: [op.put("y", "absent")],
      failure: [op.put("y", "present")],
    });
    const result = succeeded(store.txn(txn({ success: [op.put("x"), nested] })));

    expect(summary(result)).toEqual(["put at 2", { succeeded: true, at: 0, responses: ["put at 2"] }]);
    expect(rangeText(store.range(range("y")))).toBe("y=absent 2/2/1 | count 1 at 2");
  });

  it.each([
    ["a future range", [op.put("x"), op.range("a", "", { revision: 4 })], "futureRevision"],
    ["a compacted range", [op.put("x"), op.range("a", "", { revision: 1 })], "compacted"],
    ["a negative revision after a compaction", [op.put("x"), op.range("a", "", { revision: -1 })], "compacted"],
    ["an unknown lease", [op.put("x"), op.put("y", "", { lease: 7n })], "leaseNotFound"],
    ["ignoreValue of a missing key", [op.put("x"), op.put("y", "", { ignoreValue: true })], "keyNotFound"],
    ["ignoreLease of a missing key", [op.put("x"), op.put("y", "", { ignoreLease: true })], "keyNotFound"],
    [
      "a nested one of these",
      [op.put("x"), op.txn({ success: [op.range("a", "", { revision: 9 })] })],
      "futureRevision",
    ],
    ["only the first", [op.range("a", "", { revision: 9 }), op.put("y", "", { lease: 7n })], "futureRevision"],
  ])("is refused whole for %s", (_, success, error) => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));
    store.put(put("a", "2"));
    store.compact(2);
    const before = backend.revisions();

    expect(store.txn(txn({ success }))).toBe(error);

    expect(store.revision).toBe(3);
    expect(backend.revisions()).toEqual(before);
    expect(rangeText(store.range(range("x")))).toBe(" | count 0 at 3");
  });

  it("passes a negative revision while nothing was compacted", () => {
    const { store } = openStore();
    store.put(put("a", "1"));

    expect(summary(succeeded(store.txn(txn({ success: [op.range("a", "", { revision: -1 })] }))))).toEqual([
      "a=1 2/2/1 | count 1 at 2",
    ]);
  });

  it("does not check the branch that is not taken", () => {
    const { store } = openStore();

    const result = succeeded(store.txn(txn({ failure: [op.range("a", "", { revision: 99 })] })));

    expect(result).toEqual({ revision: 1, succeeded: true, responses: [] });
  });

  it("shows later operations what earlier ones did, and history to explicit revisions", () => {
    const { store } = openStore();
    store.put(put("a", "1"));

    const result = succeeded(
      store.txn(
        txn({
          success: [
            op.range("a"),
            op.put("a", "2"),
            op.range("a"),
            op.range("a", "", { revision: 2 }),
            op.del("zz"),
            op.del("a"),
            op.range("a"),
          ],
        }),
      ),
    );

    expect(summary(result)).toEqual([
      "a=1 2/2/1 | count 1 at 2",
      "put at 3",
      "a=2 2/3/2 | count 1 at 3",
      "a=1 2/2/1 | count 1 at 3",
      "deleted 0 at 3",
      "deleted 1 at 3",
      " | count 0 at 3",
    ]);
  });

  it("makes no revision when it changes nothing", () => {
    const { store } = openStore();
    let writes = 0;
    store.onWrite = () => {
      writes += 1;
    };

    expect(succeeded(store.txn(txn({ success: [op.del("a")] }))).revision).toBe(1);
    expect([store.revision, writes]).toEqual([1, 0]);
  });

  it("starts a new life for a key that it deletes and puts", () => {
    const { store } = openStore();
    store.put(put("a", "1"));
    store.put(put("a", "2"));
    const heard: Change[] = [];
    store.onWrite = (_, changes) => heard.push(...changes);

    // etcd lets these two pass its check of overlaps: the end of the deleted range is 0x00.
    succeeded(store.txn(txn({ success: [op.del("a", "\0"), op.put("a", "3")] })));

    expect(rangeText(store.range(range("a")))).toBe("a=3 4/4/1 | count 1 at 4");
    expect(heard.map((change) => [change.tombstone, change.isCreation, change.previousMain])).toEqual([
      [true, false, 3],
      [false, true, 0],
    ]);
  });

  it("survives ignoreValue of a key that it has deleted itself", () => {
    const { store } = openStore();
    store.put(put("a", "1"));

    succeeded(store.txn(txn({ success: [op.del("a", "\0"), op.put("a", "", { ignoreValue: true })] })));

    expect(rangeText(store.range(range("a")))).toBe("a= 3/3/1 | count 1 at 3");
  });
});

describe("a compare", () => {
  const { EQUAL, GREATER, LESS, NOT_EQUAL } = CompareResult;
  const { VERSION, CREATE, MOD, VALUE, LEASE } = CompareTarget;
  const v = (text: string): { value: Uint8Array } => ({ value: bytes(text) });

  it.each([
    ["the version is equal", compare("a", { target: VERSION, result: EQUAL, version: 2 }), true],
    ["the version differs", compare("a", { target: VERSION, result: EQUAL, version: 1 }), false],
    ["the version is above", compare("a", { target: VERSION, result: GREATER, version: 1 }), true],
    ["the version is not above", compare("a", { target: VERSION, result: GREATER, version: 2 }), false],
    ["the version is below", compare("a", { target: VERSION, result: LESS, version: 3 }), true],
    ["the version is unequal", compare("a", { target: VERSION, result: NOT_EQUAL, version: 3 }), true],
    ["the create revision is equal", compare("a", { target: CREATE, createRevision: 2 }), true],
    ["the mod revision is equal", compare("a", { target: MOD, modRevision: 3 }), true],
    ["the value is equal", compare("a", { target: VALUE, ...v("m") }), true],
    ["the value is above", compare("a", { target: VALUE, result: GREATER, ...v("l\xff") }), true],
    ["the value is below", compare("a", { target: VALUE, result: LESS, ...v("m\0") }), true],
    ["the lease is none", compare("a", { target: LEASE, lease: 0n }), true],
    ["the lease is another", compare("a", { target: LEASE, lease: 5n }), false],
    ["the lease is above a negative one", compare("a", { target: LEASE, result: GREATER, lease: -5n }), true],
    ["the union member is missing", compare("a", { target: MOD, result: GREATER }), true],
    ["the union member is of another target", compare("a", { target: MOD, version: 3 }), false],
    ["a missing key has create revision 0", compare("none", { target: CREATE, createRevision: 0 }), true],
    ["a missing key has mod revision 0", compare("none", { target: MOD, result: LESS, modRevision: 1 }), true],
    ["a missing key has version 0", compare("none", { target: VERSION, result: NOT_EQUAL, version: 0 }), false],
    ["a missing key has lease 0", compare("none", { target: LEASE, result: LESS, lease: 1n }), true],
    ["the value of a missing key equals nothing", compare("none", { target: VALUE, ...v("") }), false],
    [
      "it does not differ from anything either",
      compare("none", { target: VALUE, result: NOT_EQUAL, ...v("q") }),
      false,
    ],
    [
      "every key of a range fits",
      compare("a", { rangeEnd: bytes("c"), target: MOD, result: GREATER, modRevision: 2 }),
      true,
    ],
    ["one key of a range does not", compare("a", { rangeEnd: bytes("c"), target: VERSION, version: 2 }), false],
    [
      "a range to the end of all keys",
      compare("a", { rangeEnd: bytes("\0"), target: MOD, result: LESS, modRevision: 5 }),
      true,
    ],
    [
      "an empty range is a missing key",
      compare("x", { rangeEnd: bytes("z"), target: CREATE, createRevision: 0 }),
      true,
    ],
    [
      "an empty range has no values",
      compare("x", { rangeEnd: bytes("z"), target: VALUE, result: LESS, ...v("z") }),
      false,
    ],
    ["an unknown target counts as equal", compare("a", { target: 17, result: EQUAL }), true],
    ["an unknown target is not unequal", compare("a", { target: 17, result: NOT_EQUAL }), false],
    ["an unknown result is true", compare("a", { target: VERSION, result: 9, version: 99 }), true],
  ])("when %s", (_, condition, expected) => {
    const { store } = openStore();
    store.put(put("a", "k"));
    store.put(put("a", "m"));
    store.put(put("b", "m"));

    expect(succeeded(store.txn(txn({ compare: [condition] }))).succeeded).toBe(expected);
  });

  it("must hold together with all others", () => {
    const { store } = openStore();
    const isNew = compare("a", { target: CREATE, createRevision: 0 });
    const isOld = compare("a", { target: CREATE, result: GREATER, createRevision: 0 });

    expect(succeeded(store.txn(txn({ compare: [isNew, isNew] }))).succeeded).toBe(true);
    expect(succeeded(store.txn(txn({ compare: [isNew, isOld] }))).succeeded).toBe(false);
  });
});
