import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { formatBytes, parseDuration, parseQuantity } from "../../../src/core/index.ts";

describe("parseQuantity", () => {
  it.each([
    ["8Gi", 8 * 2 ** 30],
    ["1536Ki", 1536 * 1024],
    ["100m", 0.1],
    ["2", 2],
    [2147483648, 2147483648],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["1e3", 1000],
    ["5E", 5e18],
    ["12M", 12e6],
    ["250u", 250e-6],
  ])("reads %s", (quantity, number) => {
    expect(parseQuantity(quantity)).toBeCloseTo(number, 9);
  });

  it.each(["", "Gi", "1gi", "1 Gi", "0x10", "1Mii", "1.2.3"])("refuses %j", (quantity) => {
    expect(parseQuantity(quantity)).toBeUndefined();
  });

  it("reads what formatBytes writes, to within the digit that it keeps", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        const read = parseQuantity(formatBytes(bytes)) ?? Number.NaN;
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(Math.max(bytes * 0.05, 0.5));
      }),
    );
  });
});

describe("parseDuration", () => {
  it.each([
    ["100ms", 100],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["0s", 0],
    ["1.5h", 5_400_000],
  ])("reads %s", (duration, milliseconds) => {
    expect(parseDuration(duration)).toBe(milliseconds);
  });

  it.each(["", "5", "1d", "-1s", "1 h"])("refuses %j", (duration) => {
    expect(parseDuration(duration)).toBeUndefined();
  });
});
