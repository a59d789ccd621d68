import { describe, expect, it } from "@jest/globals";
import { humanBytes } from "../../src/go/byte-size.ts";
import { bytesOfByteText, byteText } from "../../src/go/byte-text.ts";
import { goJson } from "../../src/go/go-json.ts";
import { goUnquote } from "../../src/go/go-unquote.ts";

describe("Go's JSON", () => {
  it("has integers of any size as digits and escapes for HTML", () => {
    expect(goJson({ a: 18446744073709551615n, b: -1, c: 2 ** 60, d: [true, null], e: undefined, f: {} })).toBe(
      '{"a":18446744073709551615,"b":-1,"c":1152921504606846976,"d":[true,null],"f":{}}',
    );
    expect(goJson('<a & b>\u2028\n\t"\\\u0001é')).toBe('"\\u003ca \\u0026 b\\u003e\\u2028\\n\\t\\"\\\\\\u0001é"');
  });
});

describe("sizes for people", () => {
  it.each([
    [0, "0 B"],
    [9, "9 B"],
    [17, "17 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [16384, "16 kB"],
    [20480, "20 kB"],
    [2147483648, "2.1 GB"],
    [999_950, "1000 kB"],
    [10_500, "10 kB"],
    [11_500, "12 kB"],
  ])("%d is %s", (size, expected) => {
    expect(humanBytes(size)).toBe(expected);
  });
});

describe("quoted text", () => {
  it.each([
    ['"a b" rest', "a b", 5],
    ['"\\"\\\\\\n\\x41\\u00e9\\101"', '"\\\nAéA', 22],
    ["`raw\\n` x", "raw\\n", 7],
    ['""', "", 2],
  ])("reads %j", (text, value, length) => {
    expect(goUnquote(text)).toEqual({ value: byteText(Buffer.from(value)), length });
  });

  it("takes bytes for bytes and code points for UTF-8", () => {
    const { value = "" } = goUnquote('"\\xff\\377a\\u00ff\\U0001f389\\x00"') ?? {};
    expect(Buffer.from(bytesOfByteText(value)).toString("hex")).toBe("ffff61c3bff09f8e8900");
    const raw = byteText(Uint8Array.of(0x22, 0xe0, 0xa0, 0xff, 0x22));
    expect(bytesOfByteText(goUnquote(raw)?.value ?? "")).toEqual(Uint8Array.of(0xe0, 0xa0, 0xff));
  });

  it.each(['"open', "plain", '"bad \\q"', '"new\nline"', '"\\ud800"', '"\\U00110000"', '"\\400"'])(
    "refuses %j",
    (text) => {
      expect(goUnquote(text)).toBeUndefined();
    },
  );
});
