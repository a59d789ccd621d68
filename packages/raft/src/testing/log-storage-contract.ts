import { assert, equalBytes } from "@quorate/base";

import { type Entry, EntryType, entrySize, NO_LIMIT } from "../entry.ts";
import type { LogGap, LogStorage } from "../log-storage.ts";
import type { ConfState, HardState, Snapshot } from "../state.ts";

/** An adapter under test, with the host's side of it: the port itself only reads. */
export interface LogStorageFixture {
  readonly storage: LogStorage;
  readonly setHardState: (hardState: HardState) => void;
  /** Stores contiguous entries and drops what was stored at or behind the first of them. */
  readonly append: (entries: readonly Entry[]) => void;
  /** Forgets the entries up to `index`. */
  readonly compact: (index: number) => void;
  /** Replaces the whole log by a snapshot. */
  readonly applySnapshot: (snapshot: Snapshot) => void;
}

/** One case of a contract: runs to its end, or throws what is wrong. */
export interface ContractCase {
  readonly name: string;
  readonly run: () => void;
}

const CONF: ConfState = { voters: [1n, 2n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/**
 * What every {@link LogStorage} has to do. Runner-agnostic:
 * `for (const { name, run } of logStorageContract(makeFixture)) it(name, run)`. `make` gives a fresh, empty storage.
 */
export function logStorageContract(make: () => LogStorageFixture): readonly ContractCase[] {
  const cases: ContractCase[] = [];
  const add = (name: string, run: (fixture: LogStorageFixture) => void): void => {
    cases.push({ name, run: () => run(make()) });
  };
  add("is empty at first: no entries, term 0 at index 0, no snapshot", checkEmpty);
  add("returns what was appended", checkAppend);
  add("replaces entries from the first appended index on", checkReplace);
  add("limits entries by size, but never to none", checkLimit);
  add("tells what lies outside the log", checkGaps);
  add("keeps the term of the last compacted entry", checkCompact);
  add("starts anew behind a snapshot", checkSnapshot);
  add("remembers the hard state", checkHardState);
  return cases;
}

function checkEmpty({ storage }: LogStorageFixture): void {
  same(storage.firstIndex(), 1, "firstIndex");
  same(storage.lastIndex(), 0, "lastIndex");
  same(storage.term(0), 0, "term(0)");
  const { hardState } = storage.initialState();
  same(hardState.term, 0, "hardState.term");
  same(hardState.commit, 0, "hardState.commit");
  const snapshot = storage.snapshot();
  same(snapshot === "unavailable" ? snapshot : snapshot.index, 0, "snapshot.index");
}

function checkAppend({ storage, append }: LogStorageFixture): void {
  append([entryAt(1, 1), entryAt(2, 1)]);
  append([entryAt(3, 2)]);
  same(storage.lastIndex(), 3, "lastIndex");
  sameEntries(storage.entries(1, 4, NO_LIMIT), [entryAt(1, 1), entryAt(2, 1), entryAt(3, 2)]);
  sameEntries(storage.entries(2, 3, NO_LIMIT), [entryAt(2, 1)]);
  same(storage.term(3), 2, "term(3)");
}

function checkReplace({ storage, append }: LogStorageFixture): void {
  append([entryAt(1, 1), entryAt(2, 1), entryAt(3, 1)]);
  append([entryAt(2, 2)]);
  same(storage.lastIndex(), 2, "lastIndex");
  sameEntries(storage.entries(1, 3, NO_LIMIT), [entryAt(1, 1), entryAt(2, 2)]);
  append([entryAt(1, 3), entryAt(2, 3)]);
  sameEntries(storage.entries(1, 3, NO_LIMIT), [entryAt(1, 3), entryAt(2, 3)]);
}

function checkLimit({ storage, append }: LogStorageFixture): void {
  const entries = [entryAt(1, 1), entryAt(2, 1), entryAt(3, 1)];
  append(entries);
  const size = entrySize(entryAt(1, 1));
  sameEntries(storage.entries(1, 4, 0), entries.slice(0, 1));
  sameEntries(storage.entries(1, 4, 2 * size), entries.slice(0, 2));
  sameEntries(storage.entries(1, 4, 3 * size - 1), entries.slice(0, 2));
  sameEntries(storage.entries(1, 4, 3 * size), entries);
}

function checkGaps({ storage, append, compact }: LogStorageFixture): void {
  append([entryAt(1, 1), entryAt(2, 1), entryAt(3, 2)]);
  compact(2);
  same(storage.entries(2, 4, NO_LIMIT), "compacted", "entries(2, 4)");
  same(storage.entries(3, 5, NO_LIMIT), "unavailable", "entries(3, 5)");
  same(storage.term(1), "compacted", "term(1)");
  same(storage.term(4), "unavailable", "term(4)");
}

function checkCompact({ storage, append, compact }: LogStorageFixture): void {
  append([entryAt(1, 1), entryAt(2, 2), entryAt(3, 3)]);
  compact(2);
  same(storage.firstIndex(), 3, "firstIndex");
  same(storage.lastIndex(), 3, "lastIndex");
  same(storage.term(2), 2, "term(2)");
  sameEntries(storage.entries(3, 4, NO_LIMIT), [entryAt(3, 3)]);
  compact(3);
  same(storage.firstIndex(), 4, "firstIndex of an empty log");
  same(storage.lastIndex(), 3, "lastIndex of an empty log");
  append([entryAt(4, 3)]);
  sameEntries(storage.entries(4, 5, NO_LIMIT), [entryAt(4, 3)]);
}

function checkSnapshot({ storage, append, applySnapshot }: LogStorageFixture): void {
  append([entryAt(1, 1), entryAt(2, 1)]);
  applySnapshot({ index: 7, term: 3, confState: CONF, data: new Uint8Array([9]) });
  same(storage.firstIndex(), 8, "firstIndex");
  same(storage.lastIndex(), 7, "lastIndex");
  same(storage.term(7), 3, "term(7)");
  const snapshot = storage.snapshot();
  assert(snapshot !== "unavailable", "a snapshot that was applied can be had");
  same(snapshot.index, 7, "snapshot.index");
  same(storage.initialState().confState.voters.join(), "1,2", "confState.voters");
  append([entryAt(8, 3)]);
  sameEntries(storage.entries(8, 9, NO_LIMIT), [entryAt(8, 3)]);
}

function checkHardState({ storage, setHardState }: LogStorageFixture): void {
  const vote = 0xfedc_ba98_7654_3210n;
  setHardState({ term: 5, vote, commit: 0 });
  const { hardState } = storage.initialState();
  same(hardState.term, 5, "term");
  same(hardState.vote, vote, "vote");
}

function entryAt(index: number, term: number): Entry {
  return { term, index, type: EntryType.Normal, data: new Uint8Array([index, term]) };
}

function same(actual: unknown, expected: unknown, what: string): void {
  assert(actual === expected, "the storage keeps its contract", { what, actual, expected });
}

function sameEntries(actual: readonly Entry[] | LogGap, expected: readonly Entry[]): void {
  assert(typeof actual !== "string", "the entries can be had", { actual });
  same(actual.length, expected.length, "number of entries");
  expected.forEach((entry, i) => {
    const got = actual[i] as Entry;
    same(got.index, entry.index, "index");
    same(got.term, entry.term, "term");
    same(got.type, entry.type, "type");
    assert(equalBytes(got.data, entry.data), "the data is what was appended", { index: entry.index });
  });
}
