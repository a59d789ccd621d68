import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { type Entry, EntryType, type LogGap, MemoryLogStorage, NO_LIMIT, type SlabStore } from "@quorate/raft";
import { logStorageContract } from "@quorate/raft/testing";

/** Slabs in a map. */
class MapStore implements SlabStore {
  readonly #slabs = new Map<number, Uint8Array>();
  readonly #isFull: () => boolean;
  putCount = 0;

  constructor(isFull: () => boolean) {
    this.#isFull = isFull;
  }

  get size(): number {
    return this.#slabs.size;
  }

  put(bytes: Uint8Array): number | undefined {
    if (this.#isFull()) return undefined;
    this.#slabs.set(++this.putCount, Uint8Array.from(bytes));
    return this.putCount;
  }

  get(handle: number): Uint8Array {
    return Uint8Array.from(this.#slabs.get(handle) ?? []);
  }

  drop(handle: number): void {
    this.#slabs.delete(handle);
  }
}

describe("MemoryLogStorage that packs all it can", () => {
  const cases = logStorageContract(() => {
    const storage = new MemoryLogStorage();
    return {
      storage,
      setHardState: (hardState) => storage.setHardState(hardState),
      append: (entries) => storage.append(entries),
      compact: (index) => {
        storage.pack(Math.min(index + 2, storage.lastIndex()));
        storage.compact(index);
      },
      applySnapshot: (snapshot) => void storage.applySnapshot(snapshot),
    };
  });
  for (const { name, run } of cases) it(name, run);

  it.each(["in memory", "in a store", "in a store that is full at times"])(
    "answers as one that packs nothing: %s",
    (where) => {
      const prng = new SeededPrng(7);
      for (let round = 0; round < 12; round++) {
        const store = new MapStore(where.endsWith("times") ? () => prng.below(3) === 0 : () => false);
        const config = where === "in memory" ? {} : { slabStore: store };
        const [plain, packing] = [new MemoryLogStorage(), new MemoryLogStorage(config)];
        // What is final: neither replaced nor ahead of the log.
        let [final, term] = [0, 1];
        for (let step = 0; step < 40; step++) {
          const last = plain.lastIndex();
          if (prng.below(4) === 0) term++;
          const first = final + 1 + prng.below(last - final + 1);
          const count = prng.below(30) === 0 ? 5000 : prng.below(40);
          const entries = Array.from({ length: count }, (_, i) => ({
            index: first + i,
            term,
            type: prng.below(3),
            data: new Uint8Array(prng.below(10) === 0 ? 0 : prng.below(count > 40 ? 600 : 90)).fill(first + i),
          }));
          for (const storage of [plain, packing]) storage.append(entries);
          final += prng.below(plain.lastIndex() - final + 1);
          if (prng.below(2) === 0) packing.pack(final);
          if (prng.below(4) === 0) {
            const index = plain.firstIndex() - 1 + prng.below(final - plain.firstIndex() + 2);
            expect(packing.compact(index)).toBe(plain.compact(index));
          }
          expect([packing.firstIndex(), packing.lastIndex()]).toEqual([plain.firstIndex(), plain.lastIndex()]);
          const length = plain.lastIndex() - plain.firstIndex() + 1;
          for (let look = 0; look < 6 && length > 0; look++) {
            const lo = plain.firstIndex() + prng.below(length);
            const hi = lo + 1 + prng.below(Math.min(9000, plain.lastIndex() - lo + 1));
            const maxBytes = [1, 300, 5000, NO_LIMIT][prng.below(4)] as number;
            expect(digest(packing.entries(lo, hi, maxBytes))).toBe(digest(plain.entries(lo, hi, maxBytes)));
            expect(packing.term(lo - 1)).toBe(plain.term(lo - 1));
          }
          expect(packing.term(plain.firstIndex() - 2)).toBe(plain.term(plain.firstIndex() - 2));
        }
        expect(store.putCount > 0).toBe(where !== "in memory");
        packing.compact(packing.lastIndex());
        expect(store.size).toBe(0);
      }
    },
  );
});

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

/** Entries in one line. */
function digest(entries: readonly Entry[] | LogGap): string {
  if (typeof entries === "string") return entries;
  return entries.map(({ data, index, term, type }) => `${index}/${term}/${type}/${data.length}:${data[0]}`).join(" ");
}
