import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { losslessBytes, losslessText, utf8Bytes, utf8TextStrict } from "../src/index.ts";

/** Bytes that are mostly the beginnings and the rests of characters. */
const oddBytes = fc
  .array(
    fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdc, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xff),
  )
  .map((values) => Uint8Array.from(values));

describe("lossless text", () => {
  it("is the text of what is UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = utf8Bytes(text);
        expect(losslessText(bytes)).toBe(utf8TextStrict(bytes));
        expect(losslessBytes(losslessText(bytes))).toEqual(bytes);
      }),
    );
  });

  it("brings any bytes back, so that different bytes are different texts", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), oddBytes), (bytes) => {
        expect(losslessBytes(losslessText(bytes))).toEqual(bytes);
      }),
    );
  });

  it("has a lone surrogate for every byte that is not UTF-8", () => {
    const texts: readonly (readonly [bytes: readonly number[], text: string])[] = [
      [[0xff], "\udcff"],
      [[0x61, 0xfe, 0x62], "a\udcfeb"],
      // A character that is cut off, an overlong form, a surrogate, and what is above U+10FFFF.
      [[0xe2, 0x82], "\udce2\udc82"],
      [[0xc0, 0x80], "\udcc0\udc80"],
      [[0xed, 0xb3, 0xbf], "\udced\udcb3\udcbf"],
      [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
      // Behind a pair of surrogates, whose second one it might be taken for.
      [[0xf0, 0x9f, 0x98, 0x80, 0x80], "\u{1f600}\udc80"],
      [[0xef, 0xbf, 0xbd], "\ufffd"],
    ];
    for (const [bytes, text] of texts) {
      expect(losslessText(Uint8Array.from(bytes))).toBe(text);
      expect([...losslessBytes(text)]).toEqual([...bytes]);
    }
  });

  it("replaces lone surrogates that stand for no byte", () => {
    expect(losslessBytes("a\ud800b\udc7f")).toEqual(utf8Bytes("a\ufffdb\ufffd"));
  });
});
