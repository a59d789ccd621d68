/** One test a row of grpc-api.md 2.4 and 3.2. */
import { describe, expect, it } from "@jest/globals";
import { SortOrder, SortTarget } from "@quorate/protocol";
import type { Store } from "../src/store.ts";
import { openStore } from "./open-store.ts";
import { del, kvText, put, range, rangeText } from "./requests.ts";

const { NONE, ASCEND, DESCEND } = SortOrder;
const { KEY, VERSION, CREATE, MOD, VALUE } = SortTarget;

/** a (2, again 7), b (3), c (4), d (5, deleted 8), e\xff (6); current revision 8. */
function fiveKeys(): Store {
  const { store } = openStore({
    leases: { exists: () => true, attach: () => true, detach: () => {}, leaseOf: () => 0n },
  });
  store.put(put("a", "3"));
  store.put(put("b", "1"));
  store.put(put("c", "2", { lease: 7n }));
  store.put(put("d", "0"));
  store.put(put("e\xff", "9"));
  store.put(put("a", "5"));
  store.deleteRange(del("d"));
  return store;
}

function keys(store: Store, request: ReturnType<typeof range>): string {
  const result = store.range(request);
  if (typeof result === "string") return result;
  const names = result.kvs.map((kv) => kvText(kv).split("=")[0]).join(" ");
  return `${names} | ${result.count}${result.more ? " more" : ""}`;
}

describe("a range", () => {
  it.each([
    ["one key", range("b"), "b=1 3/3/1 | count 1 at 8"],
    ["one missing key", range("bb"), " | count 0 at 8"],
    ["a deleted key", range("d"), " | count 0 at 8"],
    ["a deleted key before its deletion", range("d", "", { revision: 7 }), "d=0 5/5/1 | count 1 at 8"],
    ["a key before it was made", range("b", "", { revision: 2 }), " | count 0 at 8"],
    ["an old version", range("a", "", { revision: 6 }), "a=3 2/2/1 | count 1 at 8"],
    ["a negative revision: the newest", range("a", "", { revision: -4 }), "a=5 2/7/2 | count 1 at 8"],
    ["revision 1: the empty store", range("a", "", { revision: 1 }), " | count 0 at 8"],
    ["the current revision", range("a", "", { revision: 8 }), "a=5 2/7/2 | count 1 at 8"],
    ["a future revision", range("a", "", { revision: 9 }), "futureRevision"],
    ["one key, counted", range("b", "", { countOnly: true }), " | count 1 at 8"],
    ["one key with its lease", range("c"), "c=2 4/4/1 lease 7 | count 1 at 8"],
    ["one key only", range("c", "", { keysOnly: true }), "c= 4/4/1 | count 1 at 8"],
    [
      "one key only, sorted by value",
      range("c", "", { keysOnly: true, sortTarget: VALUE }),
      "c= 4/4/1 lease 7 | count 1 at 8",
    ],
    ["one key that a filter drops", range("b", "", { minModRevision: 4 }), " | count 1 at 8"],
  ])("of %s", (_, request, expected) => {
    expect(rangeText(fiveKeys().range(request))).toBe(expected);
  });

  it.each([
    ["half-open intervals", range("a", "c"), "a b | 2"],
    ["everything from a key on", range("b", "\0"), "b c e\xff | 3"],
    ["every key", range("\0", "\0"), "a b c e\xff | 4"],
    ["nothing where the end is not above the begin", range("c", "c"), " | 0"],
    ["nothing where the end is below the begin", range("c", "a"), " | 0"],
    ["a prefix", range("e", "f"), "e\xff | 1"],
    ["an old revision", range("a", "z", { revision: 5 }), "a b c d | 4"],
    ["a limit", range("a", "z", { limit: 2 }), "a b | 4 more"],
    ["a limit that is just enough", range("a", "z", { limit: 4 }), "a b c e\xff | 4"],
    ["a negative limit: none", range("a", "z", { limit: -1 }), "a b c e\xff | 4"],
    ["a limit at an old revision", range("a", "z", { limit: 3, revision: 5 }), "a b c | 4 more"],
    ["a count", range("a", "z", { countOnly: true, limit: 1 }), " | 4"],
    ["a count at an old revision", range("a", "z", { countOnly: true, revision: 5 }), " | 4"],
    ["keys only", range("a", "z", { keysOnly: true }), "a b c e\xff | 4"],
    ["descending keys", range("a", "z", { sortOrder: DESCEND }), "e\xff c b a | 4"],
    ["descending keys with a limit", range("a", "z", { sortOrder: DESCEND, limit: 2 }), "e\xff c | 4 more"],
    ["ascending keys, as without order", range("a", "z", { sortOrder: ASCEND, limit: 1 }), "a | 4 more"],
    ["versions descending", range("a", "z", { sortOrder: DESCEND, sortTarget: VERSION, limit: 1 }), "a | 4 more"],
    ["create revisions descending", range("a", "z", { sortOrder: DESCEND, sortTarget: CREATE }), "e\xff c b a | 4"],
    ["mod revisions ascending", range("a", "z", { sortOrder: ASCEND, sortTarget: MOD }), "b c e\xff a | 4"],
    [
      "mod revisions descending, limited",
      range("a", "z", { sortOrder: DESCEND, sortTarget: MOD, limit: 1 }),
      "a | 4 more",
    ],
    ["values ascending", range("a", "z", { sortOrder: ASCEND, sortTarget: VALUE }), "b c a e\xff | 4"],
    [
      "values descending, keys only",
      range("a", "z", { sortOrder: DESCEND, sortTarget: VALUE, keysOnly: true }),
      "e\xff a c b | 4",
    ],
    ["no order but a target: ascending", range("a", "z", { sortOrder: NONE, sortTarget: MOD }), "b c e\xff a | 4"],
    [
      "no order, a target and a limit: only the first limit + 1 keys sorted",
      range("a", "z", { sortTarget: MOD, limit: 1 }),
      "b | 4 more",
    ],
    [
      "an explicit order sorts all before the limit",
      range("a", "z", { sortOrder: ASCEND, sortTarget: VALUE, limit: 1 }),
      "b | 4 more",
    ],
    ["no order and target KEY", range("a", "z", { sortOrder: NONE, sortTarget: KEY, limit: 3 }), "a b c | 4 more"],
    ["least mod revisions", range("a", "z", { minModRevision: 4 }), "a c e\xff | 4"],
    ["greatest mod revisions", range("a", "z", { maxModRevision: 4 }), "b c | 4"],
    ["least create revisions", range("a", "z", { minCreateRevision: 4 }), "c e\xff | 4"],
    ["greatest create revisions", range("a", "z", { maxCreateRevision: 3 }), "a b | 4"],
    ["filters together", range("a", "z", { minModRevision: 4, maxCreateRevision: 4 }), "a c | 4"],
    ["filters and a limit: more among what passes", range("a", "z", { minModRevision: 4, limit: 2 }), "a c | 4 more"],
    ["filters and a limit that is enough", range("a", "z", { minModRevision: 4, limit: 3 }), "a c e\xff | 4"],
  ])("knows %s", (_, request, expected) => {
    expect(keys(fiveKeys(), request)).toBe(expected);
  });

  it("keeps what ties in key order, also descending", () => {
    const { store } = openStore();
    for (const key of ["c", "a", "b"]) store.put(put(key, "same"));

    expect(keys(store, range("a", "z", { sortOrder: DESCEND, sortTarget: VALUE }))).toBe("a b c | 3");
    expect(keys(store, range("a", "z", { sortOrder: ASCEND, sortTarget: VERSION }))).toBe("a b c | 3");
  });

  it("can read the compacted revision, and nothing below", () => {
    const store = fiveKeys();
    store.compact(6);

    expect(rangeText(store.range(range("a", "", { revision: 6 })))).toBe("a=3 2/2/1 | count 1 at 8");
    expect(store.range(range("a", "", { revision: 5 }))).toBe("compacted");
    expect(store.range(range("a", "z", { revision: 5, countOnly: true }))).toBe("compacted");
    expect(store.range(range("a", "", { revision: 9 }))).toBe("futureRevision");
    expect(rangeText(store.range(range("a", "", { revision: -1 })))).toBe("a=5 2/7/2 | count 1 at 8");
  });

  it("hands out the stored bytes themselves", () => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));

    const result = store.range(range("a"));

    expect(typeof result !== "string" && result.kvs[0] === backend.getRevision(2, 0)).toBe(true);
  });

  it("throws when the backend has lost a revision, instead of answering without it", () => {
    const { store, backend } = openStore();
    store.put(put("a", "1"));
    backend.deleteRevision(2, 0, false);

    expect(() => store.range(range("a"))).toThrow("a revision is missing in the backend");
  });
});
