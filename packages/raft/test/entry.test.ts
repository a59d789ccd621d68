import { describe, expect, it } from "@jest/globals";

import { countWithin, type Entry, entriesSize, entrySize, NO_LIMIT, payloadSize } from "../src/entry.ts";

function entry(term: number, index: number, bytes: number): Entry {
  return { term, index, type: 0, data: new Uint8Array(bytes) };
}

describe("the size of an entry", () => {
  // What protocol buffers make of it: type, term and index always, data unless empty.
  const table: readonly [term: number, index: number, bytes: number, size: number][] = [
    [2, 4, 0, 6],
    [3, 8, 1, 9],
    [127, 128, 0, 7],
    [1, 2 ** 14, 127, 8 + 1 + 128],
    [1, 2 ** 21, 128, 9 + 1 + 2 + 128],
    [1, 2 ** 28, 0, 10],
    [1, 2 ** 35, 0, 11],
    [1, 2 ** 42, 0, 12],
    [2 ** 49, 2 ** 53 - 1, 0, 20],
  ];
  for (const [term, index, bytes, size] of table) {
    it(`of term ${term} at ${index} with ${bytes} bytes is ${size}`, () => {
      expect(entrySize(entry(term, index, bytes))).toBe(size);
    });
  }

  it("adds up", () => {
    expect([entriesSize([entry(1, 1, 1), entry(1, 2, 0)]), payloadSize([entry(1, 1, 1), entry(1, 2, 3)])]).toEqual([
      15, 4,
    ]);
  });

  it("decides how many fit, at least one of any", () => {
    const entries = [entry(1, 1, 1), entry(1, 2, 1), entry(1, 3, 1)];
    expect([0, 9, 17, 18, 27, NO_LIMIT].map((limit) => countWithin(entries, limit))).toEqual([1, 1, 1, 2, 3, 3]);
    expect(countWithin([], 0)).toBe(0);
  });
});
