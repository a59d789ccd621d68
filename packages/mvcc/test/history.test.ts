import { describe, expect, it } from "@jest/globals";
import type { RevisionChanges } from "../src/change.ts";
import type { Store } from "../src/store.ts";
import type { MapBackend } from "../src/testing/map-backend.ts";
import { finishCompaction, openStore } from "./open-store.ts";
import { del, kvText, op, put, txn } from "./requests.ts";

interface Answer {
  readonly revisions: readonly RevisionChanges[];
  readonly through: number;
}

function historyOf(store: Store, backend: MapBackend, from: number, to: number): Answer {
  let answer: Answer | undefined;
  store.history(from, to, (revisions, through) => {
    answer = { revisions, through };
  });
  backend.runScans();
  if (answer === undefined) throw new Error("history was not answered");
  return answer;
}

describe("history", () => {
  it("gives whole revisions as the write hook told them", () => {
    const { store, backend } = openStore();
    const told: RevisionChanges[] = [];
    store.onWrite = (revision, changes) => told.push({ revision, changes });
    store.put(put("a", "1"));
    store.txn(txn({ success: [op.put("b"), op.put("c"), op.del("a")] }));
    store.put(put("a", "2"));
    store.deleteRange(del("a", "z"));

    expect(historyOf(store, backend, 2, 5)).toEqual({ revisions: told, through: 5 });
    expect(historyOf(store, backend, 3, 4)).toEqual({ revisions: told.slice(1, 3), through: 4 });
    expect(historyOf(store, backend, 5, 5)).toEqual({ revisions: told.slice(3), through: 5 });
  });

  it("reads over pages, also in the middle of a revision", () => {
    const { store, backend } = openStore();
    const told: RevisionChanges[] = [];
    store.onWrite = (revision, changes) => told.push({ revision, changes });
    for (let i = 0; i < 400; i++) store.put(put(`k${i}`));
    store.deleteRange(del("k", "l"));
    for (let i = 0; i < 700; i++) store.put(put(`k${i}`));
    store.deleteRange(del("k", "l"));

    const first = historyOf(store, backend, 2, store.revision);
    const second = historyOf(store, backend, first.through + 1, store.revision);

    expect(first.revisions.length).toBe(1000);
    expect(first.through).toBe(1001);
    expect([...first.revisions, ...second.revisions]).toEqual(told);
    expect(second.through).toBe(store.revision);
  });

  it("stops at a whole revision when the values grow large", () => {
    const { store, backend } = openStore();
    for (let i = 0; i < 10; i++) store.put(put("a", "v".repeat(1 << 20)));

    const answer = historyOf(store, backend, 2, 11);

    expect(answer.revisions.map(({ revision }) => revision)).toEqual([2, 3, 4, 5]);
    expect(answer.through).toBe(5);
  });

  it("is not longer than the store", () => {
    const { store, backend } = openStore();
    store.put(put("a"));

    expect(historyOf(store, backend, 2, 99).through).toBe(2);
  });

  it("does not show what is written after it was asked for", () => {
    const { store, backend } = openStore();
    store.put(put("a"));
    const seen: number[] = [];
    store.history(2, 9, (revisions) => seen.push(...revisions.map(({ revision }) => revision)));
    store.put(put("a"));
    backend.runScans();

    expect(seen).toEqual([2]);
  });

  it("names no previous value that is compacted", () => {
    const { store, backend } = openStore();
    for (const value of ["1", "2", "3"]) store.put(put("a", value));
    store.compact(3);
    finishCompaction(store, backend);

    const { revisions } = historyOf(store, backend, 3, 4);

    expect(revisions.map(({ changes }) => [changes[0]?.modRevision, changes[0]?.previousMain])).toEqual([
      [3, 0],
      [4, 3],
    ]);
  });

  it("shows the deletion at the compacted revision", () => {
    const { store, backend } = openStore();
    store.put(put("a"));
    store.deleteRange(del("a"));
    store.put(put("b"));
    store.compact(3);
    finishCompaction(store, backend);

    const { revisions } = historyOf(store, backend, 3, 4);

    expect(revisions.map(({ changes }) => changes.map((change) => [change.tombstone, kvText(change.kv)]))).toEqual([
      [[true, "a= 0/3/0"]],
      [[false, "b= 4/4/1"]],
    ]);
  });

  it("hands a failure to onFailure and never answers", () => {
    const failures: string[] = [];
    const { store, backend } = openStore({ onFailure: (error) => failures.push(error.message) });
    store.put(put("a"));
    backend.failScans(new Error("broken"));
    let answers = 0;

    store.history(2, 2, () => {
      answers += 1;
    });
    store.hashKv(0, () => {
      answers += 1;
    });
    backend.runScans();

    expect([failures, answers]).toEqual([["broken", "broken"], 0]);
  });
});

describe("valueBefore", () => {
  it("is the record at the revision before, where there is one and it can be read", () => {
    const { store } = openStore();
    store.put(put("a", "1"));
    store.put(put("a", "2"));
    store.deleteRange(del("a"));
    store.put(put("a", "3"));
    const before = (revision: number): string | undefined => {
      const kv = store.valueBefore("a", revision);
      return kv === undefined ? undefined : kvText(kv);
    };

    expect([2, 3, 4, 5].map(before)).toEqual([undefined, "a=1 2/2/1", "a=2 2/3/2", undefined]);
    store.compact(3);
    expect([3, 4].map(before)).toEqual([undefined, "a=2 2/3/2"]);
    expect(store.valueBefore("none", 5)).toBe(undefined);
  });
});
