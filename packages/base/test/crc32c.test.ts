import { describe, expect, it } from "@jest/globals";
import { crc32c, SeededPrng } from "@quorate/base";

/** The definition, bit by bit. */
function reference(crc: number, bytes: Uint8Array): number {
  let c = ~crc;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  }
  return ~c >>> 0;
}

describe("CRC-32C", () => {
  it("is that of the published check value", () => {
    expect(crc32c(0, new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });

  it("is that of its definition for every length and place, in one go and in two", () => {
    const prng = new SeededPrng(7);
    const bytes = Uint8Array.from({ length: 700 }, () => prng.below(256));
    // A part of a larger buffer: the place in the buffer is not the place in the array.
    const inside = new Uint8Array(bytes.buffer, 3, 690);
    for (let length = 0; length <= 600; length++) {
      const start = length % 13;
      const part = inside.subarray(start, start + length);
      const expected = reference(0, part);
      expect([length, crc32c(0, inside, start, start + length)]).toEqual([length, expected]);
      const middle = start + (length >> 1);
      const first = crc32c(0, inside, start, middle);
      expect([length, crc32c(first, inside, middle, start + length)]).toEqual([length, expected]);
    }
  });
});
