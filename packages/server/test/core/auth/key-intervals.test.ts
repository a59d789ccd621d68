import { describe, expect, it } from "@jest/globals";
import { bytesFromLatin1 } from "@quorate/base";
import { SeededChoice } from "@quorate/testkit";
import { KeyIntervals } from "../../../src/core/auth/key-intervals.ts";

const bytes = bytesFromLatin1;

function setOf(...ranges: readonly (readonly [key: string, end: string])[]): KeyIntervals {
  const set = new KeyIntervals();
  for (const [key, end] of ranges) set.add(bytes(key), bytes(end));
  return set;
}

const holds = (set: KeyIntervals, key: string, end = ""): boolean => set.contains(bytes(key), bytes(end));

describe("a set of key ranges", () => {
  it("holds nothing when empty", () => {
    expect(holds(new KeyIntervals(), "a")).toBe(false);
    expect(holds(new KeyIntervals(), "a", "\0")).toBe(false);
  });

  it("holds a range that several together cover, whether they overlap or only touch", () => {
    const set = setOf(["c", "e"], ["a", "c"], ["d", "g"], ["m", ""]);

    expect(holds(set, "a", "g")).toBe(true);
    expect(holds(set, "b", "f")).toBe(true);
    expect(holds(set, "a", "g\0")).toBe(false);
    expect(holds(set, "`", "b")).toBe(false);
    expect(holds(set, "f", "n")).toBe(false);
    expect(holds(set, "g")).toBe(false);
    expect(holds(set, "m")).toBe(true);
    expect(holds(set, "m", "m\0")).toBe(true);
    expect(holds(set, "m", "m\0\0")).toBe(false);
  });

  it("knows ranges without an end, which only one without an end covers", () => {
    const set = setOf(["b", "\0"], ["a", "b"]);

    expect(holds(set, "a", "\0")).toBe(true);
    expect(holds(set, "a", "\xff\xff")).toBe(true);
    expect(holds(setOf(["a", "\xff"]), "a", "\0")).toBe(false);
  });

  it("takes a range the wrong way round for its first key", () => {
    const set = setOf(["c", "e"]);

    expect(holds(set, "d", "a")).toBe(true);
    expect(holds(set, "f", "d")).toBe(false);
    expect(holds(set, "d", "d")).toBe(true);
  });

  it("agrees with looking at every key and what lies between keys, for random ranges", () => {
    const choice = new SeededChoice(20_261_126);
    const letters = Array.from("abcdefghij");
    /** The keys of a range, as even numbers for letters and odd ones for all that lies behind each. */
    const atoms = ([key, end]: readonly [string, string]): number[] => {
      const first = 2 * letters.indexOf(key);
      const behind = end === "" ? first + 1 : end === "\0" ? 2 * letters.length + 1 : 2 * letters.indexOf(end);
      return Array.from({ length: behind - first }, (_, i) => first + i);
    };
    const randomRange = (): readonly [string, string] => {
      const [key, end] = [choice.pick(letters), choice.pick(letters)].sort() as [string, string];
      return choice.oneIn(4) ? [key, ""] : [key, end === key ? "\0" : end];
    };
    let permitted = 0;
    for (let round = 0; round < 3000; round++) {
      const ranges = Array.from({ length: choice.below(6) }, randomRange);
      const asked = randomRange();
      const covered = new Set(ranges.flatMap(atoms));
      const expected = atoms(asked).every((atom) => covered.has(atom));
      expect({ ranges, asked, holds: holds(setOf(...ranges), ...asked) }).toEqual({ ranges, asked, holds: expected });
      if (expected) permitted++;
    }
    expect(permitted).toBeGreaterThan(300);
  });
});
