import { describe, expect, it } from "@jest/globals";
import { fingerprint } from "../../../src/core/index.ts";

/** FNV-1a as its page has it, with 64-bit numbers. */
function plainly(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const character of text) {
    hash = ((hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n) & ((1n << 64n) - 1n);
  }
  return hash.toString(16).padStart(16, "0");
}

describe("fingerprint", () => {
  it("is FNV-1a of 64 bits, whatever the text", () => {
    for (const text of ["", "a", "äöü€", "😀 beyond the first plane", "x".repeat(5000), "\u0000\uffff"]) {
      expect(fingerprint(text)).toBe(plainly(JSON.stringify(text)));
    }
  });

  it("does not depend on the order of keys, nor on fields without a value", () => {
    const one = fingerprint({ b: [1, { d: null, c: "x" }], a: true, none: undefined });

    expect(one).toBe(plainly('{"a":true,"b":[1,{"c":"x","d":null}]}'));
    expect(fingerprint({ a: true, b: [1, { c: "x", d: null }] })).toBe(one);
  });
});
