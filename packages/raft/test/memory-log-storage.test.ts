import { describe, expect, it } from "@jest/globals";
import { EntryType, MemoryLogStorage } from "@quorate/raft";
import { logStorageContract } from "@quorate/raft/testing";

describe("MemoryLogStorage", () => {
  const cases = logStorageContract(() => {
    const storage = new MemoryLogStorage();
    return {
      storage,
      setHardState: (hardState) => storage.setHardState(hardState),
      append: (entries) => storage.append(entries),
      compact: (index) => void storage.compact(index),
      applySnapshot: (snapshot) => void storage.applySnapshot(snapshot),
    };
  });
  for (const { name, run } of cases) it(name, run);

  const entry = (index: number, term: number) => ({ index, term, type: EntryType.Normal, data: new Uint8Array(1) });

  it("skips entries that a compaction already covers", () => {
    const storage = new MemoryLogStorage();
    storage.append([entry(1, 1), entry(2, 1), entry(3, 1)]);
    storage.compact(2);
    storage.append([entry(1, 1), entry(2, 1)]);
    expect(storage.lastIndex()).toBe(3);
    storage.append([entry(2, 1), entry(3, 2), entry(4, 2)]);
    expect([storage.term(3), storage.lastIndex()]).toEqual([2, 4]);
  });

  it("refuses a gap", () => {
    const storage = new MemoryLogStorage();
    expect(() => storage.append([entry(2, 1)])).toThrow("an append leaves no gap");
  });

  it("makes snapshots of what is in the log, each newer than the last", () => {
    const storage = new MemoryLogStorage();
    const data = new Uint8Array([1]);
    storage.append([entry(1, 1), entry(2, 4)]);
    expect(storage.createSnapshot(3, undefined, data)).toBe("unavailable");
    expect(storage.createSnapshot(2, undefined, data)).toMatchObject({ index: 2, term: 4 });
    expect(storage.createSnapshot(2, undefined, data)).toBe("compacted");
    expect(storage.applySnapshot({ index: 2, term: 4, confState: storage.initialState().confState, data })).toBe(
      "compacted",
    );
  });

  it("starts with the configuration the host gave, if it gave one", () => {
    const storage = new MemoryLogStorage();
    storage.setConfState({ voters: [7n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false });
    expect(storage.initialState().confState.voters).toEqual([7n]);
  });
});
