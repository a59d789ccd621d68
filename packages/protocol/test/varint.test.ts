import { describe, expect, it } from "@jest/globals";
import { equalBytes } from "@quorate/base";
import fc from "fast-check";
import { bigintSize, DecodeError, int64Size, Reader, varintSize, Writer } from "../src/index.ts";

/* Varints of 64 bits, by number and by bigint, against a definition in BigInt arithmetic. */

function expected(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}

const reader = (bytes: Uint8Array): Reader => new Reader(bytes, 0, bytes.length);
/** The neighbours of every power of two, and integers of every size. */
const edges = Array.from({ length: 65 * 3 }, (_, i) => (1n << BigInt(Math.floor(i / 3))) + BigInt((i % 3) - 1));
const wide = fc.oneof(
  fc.constantFrom(...edges),
  fc.tuple(fc.nat(64), fc.bigInt({ min: 0n, max: 1n << 64n })).map(([bits, any]) => any >> BigInt(bits)),
);

describe("varints", () => {
  it("of bigints are exact, signed and unsigned", () => {
    fc.assert(
      fc.property(wide, (value) => {
        const bytes = expected(value);

        expect(written((writer) => writer.bigint(value))).toEqual(bytes);
        expect(reader(bytes).uint64Big()).toBe(BigInt.asUintN(64, value));
        expect(reader(bytes).int64Big()).toBe(BigInt.asIntN(64, value));
        expect(bigintSize(value)).toBe(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it("of numbers are exact within 2^53 and the nearest number beyond", () => {
    fc.assert(
      fc.property(wide, (value) => {
        const bytes = expected(value);

        expect(reader(bytes).uint64()).toBe(Number(BigInt.asUintN(64, value)));
        expect(reader(bytes).int64()).toBe(Number(BigInt.asIntN(64, value)));
        expect(reader(bytes).uint32()).toBe(Number(BigInt.asUintN(32, value)));
        expect(reader(bytes).int32()).toBe(Number(BigInt.asIntN(32, value)));
        expect(reader(bytes).bool()).toBe(BigInt.asUintN(64, value) !== 0n);
        if (value >= 0n && value <= 1n << 53n) {
          expect(written((writer) => writer.varint(Number(value)))).toEqual(bytes);
          expect(varintSize(Number(value))).toBe(bytes.length);
          expect(written((writer) => writer.int64(-Number(value)))).toEqual(expected(-value));
          expect(int64Size(-Number(value))).toBe(expected(-value).length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("keep their sign and length when a number that was rounded is written again", () => {
    const largest = reader(expected((1n << 63n) - 1n)).int64();
    const smallest = reader(expected(-(1n << 63n))).int64();
    const all = reader(expected((1n << 64n) - 1n)).uint64();

    expect(written((writer) => writer.int64(largest))).toEqual(expected((1n << 63n) - 1n));
    expect(written((writer) => writer.int64(smallest))).toEqual(expected(-(1n << 63n)));
    expect(written((writer) => writer.int64(-(2 ** 70)))).toEqual(expected(-(1n << 63n)));
    expect(written((writer) => writer.varint(all))).toEqual(expected((1n << 64n) - 1n));
    expect([int64Size(largest), int64Size(smallest), varintSize(all)]).toEqual([9, 10, 10]);
  });

  it("may have more bytes than they need, up to ten", () => {
    for (const length of [2, 5, 9, 10]) {
      const overlong = new Uint8Array(length).fill(0x80);
      overlong[0] = 0x85;
      overlong[length - 1] = 0;

      const values = [reader(overlong).uint64(), reader(overlong).int64(), reader(overlong).uint32()];
      expect([length, ...values]).toEqual([length, 5, 5, 5]);
    }
    const largest = Uint8Array.from([...new Uint8Array(9).fill(0xff), 0]);
    expect(reader(largest).int64()).toBe(2 ** 63);
  });

  it("of more than 64 bits, of eleven bytes, or cut off are refused", () => {
    const refused = [[...new Uint8Array(9).fill(0x80), 0x02], [...new Uint8Array(10).fill(0x80), 0x00], [0x80], []];
    for (const bytes of refused) {
      for (const read of [
        "uint64",
        "int64",
        "uint32",
        "int32",
        "bool",
        "uint64Big",
        "int64Big",
        "delimited",
      ] as const) {
        expect(() => reader(Uint8Array.from(bytes))[read]()).toThrow(DecodeError);
      }
    }
  });

  it("that are negative are not written as unsigned", () => {
    expect(() => new Writer().varint(-1)).toThrow("a varint is not negative");
  });
});

describe("Writer", () => {
  it("writes lengths before what they measure, whatever their size", () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 127, 128, 1021, 16_383, 16_384, 100_000), fc.nat(2000), (size, before) => {
        const writer = new Writer();
        writer.raw(new Uint8Array(before));
        const start = writer.begin();
        writer.raw(new Uint8Array(size).fill(7));
        writer.end(start);

        const read = new Reader(writer.buffer, before, writer.length);
        expect(equalBytes(read.view(), new Uint8Array(size).fill(7))).toBe(true);
        expect(read.position).toBe(writer.length);
      }),
    );
  });

  it("keeps its memory when reset, and gives copies away", () => {
    const writer = new Writer();
    writer.latin1("\u00ff".repeat(3000));
    const first = writer.finish();
    const { buffer } = writer;
    writer.reset();
    writer.byte(1);

    expect(writer.buffer).toBe(buffer);
    expect(equalBytes(first.subarray(2), new Uint8Array(3000).fill(255))).toBe(true);
  });
});
