/** The history checker must notice each kind of loss that the durability suite is for. */
import { describe, expect, it } from "@jest/globals";
import { checkHistory, type HistoryEvent, stateOf } from "../src/durability/history.ts";
import { Journal } from "../src/durability/journal.ts";

const put = (revision: number, key: string, value: string, version = 1, createRevision = revision): HistoryEvent => ({
  revision,
  deleted: false,
  key,
  value,
  createRevision,
  version,
});

/** A put of `k` acknowledged at 2, a transaction on `a` and `b` acknowledged at 3, a put of `k` never answered. */
function journal(): Journal {
  const result = new Journal();
  const add = (value: string, puts: readonly string[], revision: number | undefined): void =>
    void result.entries.set(value, { worker: 0, value, puts, deletes: [], revision });
  add("one", ["k"], 2);
  add("two", ["a", "b"], 3);
  add("three", ["k"], undefined);
  return result;
}

const WHOLE = [put(2, "k", "one"), put(3, "a", "two"), put(3, "b", "two")];

describe("checkHistory", () => {
  it("accepts a history with or without the write that was never answered", () => {
    expect(checkHistory(WHOLE, journal())).toEqual([]);
    expect(checkHistory([...WHOLE, put(4, "k", "three", 2, 2)], journal())).toEqual([]);
  });

  it("notices an acknowledged write that is gone", () => {
    expect(checkHistory(WHOLE.slice(0, 1), journal())).toEqual([
      "write 'two' was acknowledged at 3 and is at no revision",
    ]);
  });

  it("notices half a transaction", () => {
    expect(checkHistory(WHOLE.slice(0, 2), journal())).toEqual([
      "revision 3: write 'two' is there as [put a] instead of [put a,put b]",
    ]);
  });

  it("notices a write told twice, an unknown one, a gap and a wrong version", () => {
    expect(checkHistory([...WHOLE, put(4, "k", "one", 2, 2)], journal())).toContain(
      "write 'one' happened at 2 and again at 4",
    );
    expect(checkHistory([...WHOLE, put(4, "k", "nobody's", 2, 2)], journal())).toEqual([
      "revision 4: nobody sent write 'nobody's'",
    ]);
    expect(checkHistory([...WHOLE, put(5, "k", "three", 2, 2)], journal())).toEqual(["revision 5 follows 3"]);
    expect(checkHistory([...WHOLE, put(4, "k", "three", 1, 2)], journal())).toEqual([
      "revision 4: k has value, create revision or version of another write",
    ]);
  });
});

describe("stateOf", () => {
  it("is what the last events leave", () => {
    const gone = { ...put(4, "a", ""), deleted: true };
    expect(stateOf([...WHOLE, gone])).toEqual(["b=two", "k=one"]);
  });
});
