import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  assert,
  ByteSlab,
  bytesFromLatin1,
  compareBytes,
  concatBytes,
  copyBytes,
  crc32c,
  equalBytes,
  InvariantError,
  latin1FromBytes,
  must,
  SeededPrng,
  utf8Bytes,
  utf8Text,
  utf8TextStrict,
  writeLatin1,
} from "../src/index.ts";

const bytes = fc.uint8Array({ maxLength: 100 });

describe("latin1 keys", () => {
  it("bring every byte back", () => {
    fc.assert(fc.property(bytes, (b) => expect(bytesFromLatin1(latin1FromBytes(b))).toEqual(b)));
  });

  it("sort like their bytes", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [left, right] = [latin1FromBytes(a), latin1FromBytes(b)];
        const order = left < right ? -1 : left > right ? 1 : 0;

        expect(Math.sign(compareBytes(a, b))).toBe(order);
        expect(equalBytes(a, b)).toBe(order === 0);
      }),
    );
  });

  it("are written in place, short and long ones", () => {
    for (const length of [0, 1, 24, 25, 300]) {
      const text = "\u00ffa\0".repeat(100).slice(0, length);
      const target = new Uint8Array(length + 2);

      expect(writeLatin1(text, target, 1)).toBe(1 + length);
      expect(latin1FromBytes(target, 1, 1 + length)).toBe(text);
      expect([target[0], target[length + 1]]).toEqual([0, 0]);
    }
  });
});

describe("byte arrays", () => {
  it("are joined and copied into memory of their own", () => {
    const whole = concatBytes([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    const copy = copyBytes(whole.subarray(1));
    whole[1] = 9;

    expect([...whole]).toEqual([1, 9, 3]);
    expect([...copy]).toEqual([2, 3]);
    expect(copy.buffer.byteLength).toBe(2);
  });

  it("of a slab never overlap, are zero, and are large ones' own", () => {
    const slab = new ByteSlab();
    const taken = Array.from({ length: 2000 }, (_, i) => slab.take(1 + (i % 90)));
    for (const [i, array] of taken.entries()) {
      expect(array.every((byte) => byte === 0)).toBe(true);
      array.fill(i % 256);
    }

    for (const [i, array] of taken.entries()) expect(array.every((byte) => byte === i % 256)).toBe(true);
    expect(slab.take(100_000).buffer.byteLength).toBe(100_000);
  });
});

describe("UTF-8", () => {
  it("is strict where asked to be", () => {
    expect(utf8TextStrict(utf8Bytes("Zürich ✓"))).toBe("Zürich ✓");
    expect(utf8TextStrict(Uint8Array.of(0xff))).toBeUndefined();
    expect(utf8Text(Uint8Array.of(0x61, 0xff))).toBe("a\ufffd");
  });
});

describe("CRC-32C", () => {
  it("has the published check values", () => {
    expect(crc32c(0, utf8Bytes("123456789"))).toBe(0xe3069283);
    expect(crc32c(0, new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(0, new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });

  it("goes on where it was left", () => {
    fc.assert(
      fc.property(bytes, fc.nat(100), (b, at) => {
        const cut = Math.min(at, b.length);

        expect(crc32c(crc32c(0, b, 0, cut), b, cut)).toBe(crc32c(0, b));
      }),
    );
  });
});

describe("SeededPrng", () => {
  it("gives the same run for the same seed, inside the bound", () => {
    const draw = (seed: number): number[] => {
      const prng = new SeededPrng(seed);
      return Array.from({ length: 1000 }, () => prng.below(10));
    };

    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(new Set(draw(7))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });
});

describe("assertions", () => {
  it("name what does not hold, with its numbers", () => {
    expect(() => assert(false, "applied <= committed", { applied: 2, committed: 1 })).toThrow(
      "applied <= committed applied=2 committed=1",
    );
    expect(() => must(undefined, "a leader is known")).toThrow(InvariantError);
    expect(must(0, "zero is a value")).toBe(0);
  });
});
