import { describe, expect, it } from "@jest/globals";
import { EMPTY_CONF_STATE, type Entry, entrySize, type LogStorage, MemoryLogStorage, NO_LIMIT } from "@quorate/raft";

import { RaftLog } from "../src/log.ts";
import { entry } from "./harness/net.ts";

const BASE = 100;
const confState = { ...EMPTY_CONF_STATE, voters: [1n] };
const snapshotAt = (index: number, term = 1) => ({ index, term, confState, data: new Uint8Array() });

/** A log behind a snapshot at 100: entries up to `stored` in the storage, from there to `last` in the unstable tail. */
function logOf(
  stored: number,
  last: number,
  options: { applyBytesMax?: number } = {},
): { log: RaftLog; storage: MemoryLogStorage } {
  const storage = new MemoryLogStorage();
  storage.applySnapshot(snapshotAt(BASE));
  storage.append(entriesBetween(BASE + 1, stored));
  const log = new RaftLog(storage, options.applyBytesMax ?? NO_LIMIT);
  for (const one of entriesBetween(stored + 1, last)) log.push(one);
  return { log, storage };
}
function entriesBetween(from: number, to: number): Entry[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => entry(from + i, 1, "0123456789"));
}
function indexes(slice: readonly Entry[] | string): number[] | string {
  return typeof slice === "string" ? slice : slice.map(({ index }) => index);
}
const SIZE = entrySize(entry(BASE + 1, 1, "0123456789"));

describe("a slice of the log", () => {
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => BASE + from + i);
  const cases: readonly [lo: number, hi: number, bytes: number, expected: number[] | string, why: string][] = [
    [1, 5, NO_LIMIT, range(1, 4), "stored entries"],
    [7, 11, NO_LIMIT, range(7, 10), "unstable entries"],
    [3, 9, NO_LIMIT, range(3, 8), "both"],
    [0, 3, NO_LIMIT, "compacted", "nothing before the first entry"],
    [1, 5, 0, range(1, 1), "at least one stored entry"],
    [7, 11, 0, range(7, 7), "at least one unstable entry"],
    [1, 5, 2 * SIZE, range(1, 2), "no more than fits"],
    [1, 5, 3 * SIZE - 1, range(1, 2), "no entry in part"],
    [7, 11, 2 * SIZE, range(7, 8), "no more unstable entries than fit"],
    [4, 9, 2 * SIZE, range(4, 5), "nothing unstable when the stored ones fill it"],
    [4, 9, 2 * SIZE + 1, range(4, 5), "nothing unstable without room for one"],
    [4, 9, 3 * SIZE, range(4, 6), "as many unstable entries as have room"],
    [4, 9, 3 * SIZE - 1, range(4, 5), "no unstable entry in part"],
    [4, 9, 4 * SIZE, range(4, 7), "stored and unstable together"],
  ];
  for (const [lo, hi, bytes, expected, why] of cases) {
    it(`from ${lo} to before ${hi} within ${bytes} bytes has ${why}`, () => {
      const { log } = logOf(BASE + 5, BASE + 10);
      expect(indexes(log.slice(BASE + lo, BASE + hi, bytes))).toEqual(expected);
    });
  }

  it("is neither empty nor does it go past the end", () => {
    const { log } = logOf(BASE + 5, BASE + 10);
    expect(() => log.slice(BASE + 3, BASE + 3, NO_LIMIT)).toThrow("not empty");
    expect(() => log.slice(BASE + 3, BASE + 12, NO_LIMIT)).toThrow("ends in the log");
    expect(log.entriesFrom(BASE + 11, NO_LIMIT)).toEqual([]);
  });

  it("is refused when the storage was compacted meanwhile", () => {
    const { log, storage } = logOf(BASE + 5, BASE + 10);
    storage.compact(BASE + 3);
    expect(log.slice(BASE + 3, BASE + 5, NO_LIMIT)).toBe("compacted");
    expect(indexes(log.slice(BASE + 4, BASE + 5, NO_LIMIT))).toEqual([BASE + 4]);
  });

  it("is refused when the storage says so although its first index did not", () => {
    const { storage } = logOf(BASE + 5, BASE + 5);
    const compacting: LogStorage = Object.create(storage, {
      entries: { value: () => "compacted" },
      firstIndex: { value: () => storage.firstIndex() },
      lastIndex: { value: () => storage.lastIndex() },
    });
    expect(new RaftLog(compacting, NO_LIMIT).slice(BASE + 1, BASE + 3, NO_LIMIT)).toBe("compacted");
  });
});

describe("the term of an index", () => {
  it("is known from one before the first entry to the last", () => {
    const { log } = logOf(BASE + 5, BASE + 10);
    expect([BASE - 1, BASE, BASE + 5, BASE + 6, BASE + 10, BASE + 11].map((index) => log.term(index))).toEqual([
      "compacted",
      1,
      1,
      1,
      1,
      "unavailable",
    ]);
  });

  it("is the snapshot's at its index, and nothing before it, while it is not durable", () => {
    const { log } = logOf(BASE + 5, BASE + 10);
    log.restore(snapshotAt(BASE + 20, 7));
    expect([BASE + 19, BASE + 20, BASE + 21].map((index) => log.term(index))).toEqual(["compacted", 7, "unavailable"]);
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.committed]).toEqual([BASE + 21, BASE + 20, 7, BASE + 20]);
    expect(log.snapshot()).toMatchObject({ index: BASE + 20 });
  });
});

describe("where two logs can match at the latest", () => {
  const cases: readonly [terms: number[], index: number, term: number, expected: [number, number]][] = [
    [[1, 2, 3], 3, 3, [3, 3]],
    [[1, 2, 3], 3, 2, [2, 2]],
    [[1, 3, 3], 3, 2, [1, 1]],
    [[2, 2, 3], 3, 1, [0, 1]],
    [[2, 2, 3], 3, 0, [-1, 0]],
    [[1, 2, 3], 4, 3, [4, 0]],
  ];
  for (const [terms, index, term, [at, found]] of cases) {
    it(`is ${at} of the log ${terms.join()} from ${index} in term ${term}`, () => {
      const { log } = logOf(BASE, BASE);
      terms.forEach((of, i) => log.push(entry(BASE + 1 + i, of)));
      expect(log.conflictByTerm(BASE + index, term)).toEqual({ index: BASE + at, term: found });
    });
  }

  it("is before everything when no term is low enough", () => {
    const log = new RaftLog(new MemoryLogStorage(), NO_LIMIT);
    log.push(entry(1, 5));
    expect(log.conflictByTerm(1, 4)).toEqual({ index: 0, term: 0 });
    expect(log.conflictByTerm(0, 4)).toEqual({ index: 0, term: 0 });
  });
});

describe("what is committed", () => {
  function committedLog(applyBytesMax: number): RaftLog {
    const { log } = logOf(BASE + 6, BASE + 6, { applyBytesMax });
    log.commitTo(BASE + 6);
    return log;
  }

  it("is handed out once, and only as far as it is durable", () => {
    const { log, storage } = logOf(BASE + 2, BASE + 5);
    storage.append(log.takeEntries());
    log.commitTo(BASE + 4);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 1, BASE + 2]);
    expect([log.hasCommittedToApply, indexes(log.takeCommitted())]).toEqual([false, []]);
    log.writes.add(1, { lastIndex: BASE + 5, snapshotIndex: 0, tick: 0 });
    expect([log.settle(0), log.settle(1), log.settle(1)]).toEqual([false, true, false]);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 3, BASE + 4]);
  });

  it("is handed out within the limit of what is outstanding, one entry at least", () => {
    const log = committedLog(2 * SIZE);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 1, BASE + 2]);
    expect(log.hasCommittedToApply).toBe(false);
    expect([log.appliedTo(BASE + 1), log.hasCommittedToApply]).toEqual([0, false]);
    expect([log.appliedTo(BASE + 2), log.hasCommittedToApply]).toEqual([20, true]);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 3, BASE + 4]);
    const single = committedLog(0);
    expect(indexes(single.takeCommitted())).toEqual([BASE + 1]);
    single.appliedTo(BASE + 1);
    expect(indexes(single.takeCommitted())).toEqual([BASE + 2]);
  });

  it("is handed out in several batches while they fit together", () => {
    const { log } = logOf(BASE + 6, BASE + 6, { applyBytesMax: 4 * SIZE });
    log.commitTo(BASE + 1);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 1]);
    log.commitTo(BASE + 6);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 2, BASE + 3, BASE + 4]);
    expect(log.hasCommittedToApply).toBe(false);
    // The first batch alone makes room for one.
    log.appliedTo(BASE + 1);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 5]);
    log.appliedTo(BASE + 5);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 6]);
  });

  it("never goes back, and not past the end or what was handed out", () => {
    const log = committedLog(2 * SIZE);
    log.commitTo(BASE + 3);
    expect(log.committed).toBe(BASE + 6);
    expect(() => log.commitTo(BASE + 7)).toThrow("was it truncated or lost");
    log.takeCommitted();
    expect(() => log.appliedTo(BASE + 3)).toThrow("only what was handed out is applied");
    expect(log.appliedTo(BASE)).toBe(0);
  });

  it("starts behind what the state machine has applied", () => {
    const log = committedLog(NO_LIMIT);
    expect(() => log.startAt(BASE - 1)).toThrow("not behind the log's first entry");
    expect(() => log.startAt(BASE + 7)).toThrow("does not exceed commit");
    log.startAt(BASE + 4);
    expect(indexes(log.takeCommitted())).toEqual([BASE + 5, BASE + 6]);
  });

  it("is searched page by page up to the first hit, from what is applied on", () => {
    for (const pageBytes of [0, SIZE, 3 * SIZE, NO_LIMIT]) {
      const log = committedLog(NO_LIMIT);
      const seen: number[] = [];
      const found = log.someUnapplied(({ index }) => seen.push(index) > 0 && index === BASE + 4, pageBytes);
      expect([found, seen]).toEqual([true, [BASE + 1, BASE + 2, BASE + 3, BASE + 4]]);
      log.startAt(BASE + 4);
      expect(log.someUnapplied(({ index }) => index === BASE + 4, pageBytes)).toBe(false);
    }
  });

  it("has nothing to search while a snapshot replaces it", () => {
    const { log } = logOf(BASE + 5, BASE + 5);
    log.restore(snapshotAt(BASE + 9));
    expect([log.someUnapplied(() => true, NO_LIMIT), log.hasCommittedToApply]).toEqual([false, false]);
  });
});

describe("entries that arrive", () => {
  it("leave what is already there, and replace from the first that differs", () => {
    const { log } = logOf(BASE + 2, BASE + 4);
    expect(log.append({ index: BASE + 1, term: 1 }, entriesBetween(BASE + 2, BASE + 3))).toBe(BASE + 3);
    expect(log.lastIndex).toBe(BASE + 4);
    expect(log.append({ index: BASE + 2, term: 1 }, [entry(BASE + 3, 2)])).toBe(BASE + 3);
    expect([log.lastIndex, log.lastTerm]).toEqual([BASE + 3, 2]);
    expect(log.append({ index: BASE + 1, term: 1 }, [entry(BASE + 2, 3), entry(BASE + 3, 3)])).toBe(BASE + 3);
    expect([log.stableIndex, log.lastTerm, log.term(BASE + 2)]).toEqual([BASE + 1, 3, 3]);
  });

  it("are refused where the log before them differs or ends", () => {
    const { log } = logOf(BASE + 2, BASE + 4);
    expect(log.append({ index: BASE + 4, term: 2 }, [])).toBeUndefined();
    expect(log.append({ index: BASE + 5, term: 1 }, [])).toBeUndefined();
    expect(log.append({ index: BASE - 1, term: 1 }, [])).toBeUndefined();
  });

  it("count in bytes until they are durable", () => {
    const { log } = logOf(BASE + 2, BASE + 4);
    expect(log.unstableBytes).toBe(20);
    log.append({ index: BASE + 3, term: 1 }, [entry(BASE + 4, 2, "x"), entry(BASE + 5, 2, "yz")]);
    expect(log.unstableBytes).toBe(13);
    expect(log.takeEntries().length).toBe(3);
    log.writes.add(1, { lastIndex: BASE + 5, snapshotIndex: 0, tick: 0 });
    log.settle(1);
    expect([log.unstableBytes, log.stableIndex]).toEqual([0, BASE + 5]);
  });
});
