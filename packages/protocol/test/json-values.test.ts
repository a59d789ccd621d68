import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { JsonError, JsonValues } from "../src/index.ts";

const bytes = new TextEncoder();
const text = new TextDecoder();

/** All values of a text that comes in pieces of the given size. */
function cut(json: string | Uint8Array, pieceBytes = 1 << 20): string[] {
  const all = typeof json === "string" ? bytes.encode(json) : json;
  const values = new JsonValues();
  const found: string[] = [];
  const take = (value: Uint8Array | undefined): boolean => {
    if (value !== undefined) found.push(text.decode(value));
    return value !== undefined;
  };
  for (let from = 0; from < all.length; from += pieceBytes) {
    values.push(all.subarray(from, from + pieceBytes));
    while (take(values.next()));
  }
  take(values.end());
  return found;
}

describe("JsonValues", () => {
  it("cuts a stream into its values, however it comes in pieces", () => {
    const stream = ' {"a":[1,-2.5e+3,{}],"b\\"":"}"}\n{}[null,true] 12 "x"false{"c":0.1}0 ';
    const values = ['{"a":[1,-2.5e+3,{}],"b\\"":"}"}', "{}", "[null,true]", "12", '"x"', "false", '{"c":0.1}', "0"];

    for (const size of [1, 2, 3, 7, 1000]) expect(cut(stream, size)).toEqual(values);
  });

  it("takes what JSON.parse takes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.json({ maxDepth: 4 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        (list, size) => {
          const values = list.map((json) => `{"v": ${json}}`);

          expect(cut(values.join(" "), size)).toEqual(values);
        },
      ),
    );
  });

  // The words of Go's encoding/json, as etcd 3.7.1 repeats them.
  it.each([
    ["}", "invalid character '}' looking for beginning of value"],
    ["hello", "invalid character 'h' looking for beginning of value"],
    ["{1}", "invalid character '1' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['"\t"', "invalid character '\\t' in string literal"],
    ['"\u0001"', "invalid character '\\x01' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ["[-]", "invalid character ']' in numeric literal"],
    ["[01]", "invalid character '1' after array element"],
    ["[1.]", "invalid character ']' after decimal point in numeric literal"],
    ["[1e]", "invalid character ']' in exponent of numeric literal"],
    ["[tru]", "invalid character ']' in literal true (expecting 'e')"],
    ["{", "unexpected EOF"],
    ['{"a":"', "unexpected EOF"],
    ["-", "unexpected EOF"],
    ["nul", "unexpected EOF"],
    ["é", "invalid character 'Ã' looking for beginning of value"],
  ])("says of %s what is wrong", (json, message) => {
    for (const size of [1, 1000]) expect(() => cut(json, size)).toThrow(new JsonError(message));
  });

  it("nests ten thousand deep and not deeper", () => {
    expect(cut("[".repeat(10_000) + "]".repeat(10_000))).toHaveLength(1);
    expect(() => cut("[".repeat(10_001))).toThrow("invalid character '[' exceeded max depth");
  });

  it("holds what is not complete, and no more", () => {
    const values = new JsonValues();
    const value = bytes.encode(`{"a":"${"x".repeat(5000)}"}`);

    values.push(value.subarray(0, 4000));
    expect([values.next(), values.heldBytes, values.isWithinValue]).toEqual([undefined, 4000, true]);
    values.push(value.subarray(4000));
    expect(values.next()).toEqual(value);
    values.push(bytes.encode("  "));
    expect([values.next(), values.isWithinValue]).toEqual([undefined, false]);
    expect(values.heldBytes).toBeLessThan(10);
  });
});
