import { describe, expect, it } from "@jest/globals";
import { formatGoDuration, parseGoDuration } from "../../src/go/go-duration.ts";
import { parseGoInt, parseGoUint } from "../../src/go/go-integer.ts";
import { goQuote } from "../../src/go/go-quote.ts";

describe("Go's texts", () => {
  it.each([
    ["10", 10, 10n],
    ["+7", 10, 7n],
    ["-9223372036854775808", 10, -(1n << 63n)],
    ["ff", 16, 255n],
    ["0x1F", 0, 31n],
    ["0b101", 0, 5n],
    ["0o17", 0, 15n],
    ["017", 0, 15n],
    ["1_000", 0, 1000n],
  ] as const)("reads %s in base %d", (text, base, expected) => {
    expect(parseGoInt(text, base)).toEqual({ value: expected });
  });

  it.each([
    ["", 10],
    ["0x10", 10],
    ["0x10", 16],
    ["1_0", 10],
    ["1__0", 0],
    ["_1", 0],
    ["09", 0],
    ["1.5", 10],
    ["12z", 16],
  ] as const)("refuses %j in base %d", (text, base) => {
    expect(parseGoInt(text, base)).toEqual({ error: `strconv.ParseInt: parsing "${text}": invalid syntax` });
  });

  it("knows the range of 64 bits", () => {
    expect(parseGoInt("8000000000000000", 16)).toEqual({
      error: 'strconv.ParseInt: parsing "8000000000000000": value out of range',
    });
    expect(parseGoUint("ffffffffffffffff", 16)).toEqual({ value: (1n << 64n) - 1n });
    expect(parseGoUint("10000000000000000", 16)).toEqual({
      error: 'strconv.ParseUint: parsing "10000000000000000": value out of range',
    });
  });

  it.each([
    [0n, "0s"],
    [999n, "999ns"],
    [1_500n, "1.5µs"],
    [2_105_000n, "2.105ms"],
    [1_000_000_000n, "1s"],
    [61_500_000_000n, "1m1.5s"],
    [3_600_000_000_000n, "1h0m0s"],
    [-1_000_000n, "-1ms"],
  ])("prints %d ns and reads it again", (nanoseconds, text) => {
    expect(formatGoDuration(nanoseconds)).toBe(text);
    expect(parseGoDuration(text)).toEqual({ value: nanoseconds });
  });

  it.each([
    ["plain", '"plain"'],
    ['quote " and \\', '"quote \\" and \\\\"'],
    ["\u0000\u0007\b\t\n\u000b\f\r\u001b\u007f", '"\\x00\\a\\b\\t\\n\\v\\f\\r\\x1b\\x7f"'],
    ["ünïcödé 日本 🎉", '"ünïcödé 日本 🎉"'],
    ["\u0085\u00a0\u200b\u{e0001}", '"\\u0085\\u00a0\\u200b\\U000e0001"'],
  ])("quotes %j", (text, expected) => {
    expect(goQuote(text)).toBe(expected);
  });

  it("quotes bytes that are not UTF-8 one by one", () => {
    expect(goQuote(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xc0, 0x80))).toBe(
      '"a\\xff\\xc3(\\xed\\xa0\\x80\\xc0\\x80"',
    );
  });
});
