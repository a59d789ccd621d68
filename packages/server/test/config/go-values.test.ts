import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { formatDuration, parseBool, parseDuration, parseInteger } from "../../src/node/config/go-values.ts";

describe("Go's values", () => {
  it.each([
    ["1h2m3.5s", 3_723_500],
    ["-1.5h", -5_400_000],
    ["0", 0],
    ["100us", 0.1],
    ["1µs", 0.001],
    [".5s", 500],
    ["+3ms", 3],
  ])("reads the duration %s", (text, ms) => {
    expect(parseDuration(text)).toEqual({ value: ms });
  });

  it.each(["", "5", "s", "1d", "1h-2m", "1 s", "1.2.3s", "9999999h"])("refuses the duration %j", (text) => {
    expect(parseDuration(text)).toEqual({ error: "parse error" });
  });

  it("prints durations as Go does", () => {
    expect([0, 300, 5000, 60_000, 7_200_000, 1500, 0.5, -1000].map(formatDuration)).toEqual([
      "0s",
      "300ms",
      "5s",
      "1m0s",
      "2h0m0s",
      "1.5s",
      "500µs",
      "-1s",
    ]);
  });

  it("reads what it prints", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => {
        const parsed = parseDuration(formatDuration(ms));
        expect("value" in parsed ? Math.round(parsed.value) : Number.NaN).toBe(ms);
      }),
    );
  });

  it("reads integers of every base and saturates beyond 2^53", () => {
    expect(["0", "42", "0x1F", "0b101", "0o17", "017"].map((text) => parseInteger(text, false))).toEqual(
      [0, 42, 31, 5, 15, 15].map((value) => ({ value })),
    );
    expect(parseInteger("-7", true)).toEqual({ value: -7 });
    expect(parseInteger("18446744073709551615", false)).toEqual({ value: Number.MAX_SAFE_INTEGER });
    expect(parseInteger("18446744073709551616", false)).toEqual({ error: "value out of range" });
    expect(parseInteger("-9223372036854775808", true)).toMatchObject({ value: -Number.MAX_SAFE_INTEGER });
  });

  it.each(["", "-1", "+1", "1.5", "0x", "08", "1_000"])("refuses the unsigned integer %j", (text) => {
    expect(parseInteger(text, false)).toEqual({ error: "parse error" });
  });

  it("reads booleans in Go's spellings alone", () => {
    expect(["1", "t", "True"].map(parseBool)).toEqual([{ value: true }, { value: true }, { value: true }]);
    expect(parseBool("yes")).toEqual({ error: "parse error" });
  });
});
