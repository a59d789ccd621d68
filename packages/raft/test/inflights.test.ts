import { describe, expect, it } from "@jest/globals";

import { Inflights } from "../src/inflights.ts";

describe("Inflights", () => {
  it("is full at its count", () => {
    const inflights = new Inflights(2, Number.POSITIVE_INFINITY);
    inflights.add(1, 10);
    expect(inflights.full).toBe(false);
    inflights.add(2, 10);
    expect([inflights.full, inflights.count, inflights.bytes]).toEqual([true, 2, 20]);
  });

  it("lets one message go beyond the byte limit", () => {
    const inflights = new Inflights(10, 100);
    inflights.add(1, 99);
    expect(inflights.full).toBe(false);
    inflights.add(2, 500);
    expect([inflights.full, inflights.bytes]).toEqual([true, 599]);
    expect(() => inflights.add(3, 1)).toThrow("room in flight");
  });

  it("is freed up to and including an index", () => {
    const inflights = new Inflights(10, Number.POSITIVE_INFINITY);
    for (let index = 5; index < 15; index++) inflights.add(index, 1);
    inflights.freeTo(4);
    expect(inflights.count).toBe(10);
    inflights.freeTo(8);
    expect([inflights.count, inflights.bytes]).toEqual([6, 6]);
    inflights.freeTo(100);
    expect([inflights.count, inflights.bytes, inflights.full]).toEqual([0, 0, false]);
  });

  it("goes round its ring, growing on the way", () => {
    const inflights = new Inflights(20, Number.POSITIVE_INFINITY);
    let index = 0;
    for (let round = 0; round < 30; round++) {
      while (!inflights.full) inflights.add(++index, 2);
      inflights.freeTo(index - 20 + 1 + (round % 20));
      expect(inflights.count).toBe(19 - (round % 20));
      expect(inflights.bytes).toBe(2 * inflights.count);
    }
    inflights.reset();
    expect([inflights.count, inflights.bytes]).toEqual([0, 0]);
  });
});
