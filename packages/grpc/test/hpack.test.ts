import { connect as connectHttp2, constants } from "node:http2";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { HpackDecoder } from "../src/hpack/decoder.ts";
import { headerField, isWellFormed } from "../src/hpack/field.ts";
import { decodeHuffman } from "../src/hpack/huffman.ts";
import { encodeFields, percentEncode } from "../src/metadata.ts";
import { block } from "./support/raw-client.ts";
import { startServer } from "./support/test-server.ts";

const LIMITS = { maxHeaderFields: 100, maxHeaderListBytes: 100_000 };

function decode(decoder: HpackDecoder, hex: string): [string, string][] | undefined {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  if (!decoder.decode(bytes, 0, bytes.length)) return undefined;
  return decoder.fields.slice(0, decoder.count).map(({ name, value }) => [name, value]);
}

describe("HPACK", () => {
  it("decodes the requests of RFC 7541 appendix C.3, without Huffman coding", () => {
    const decoder = new HpackDecoder(LIMITS);
    const first: [string, string][] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    expect(decode(decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")).toEqual(first);
    expect(decode(decoder, "8286 84be 5808 6e6f 2d63 6163 6865")).toEqual([...first, ["cache-control", "no-cache"]]);
    expect(decode(decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")).toEqual([
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  it("decodes the requests of RFC 7541 appendix C.4, with Huffman coding", () => {
    const decoder = new HpackDecoder(LIMITS);
    const first: [string, string][] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    expect(decode(decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).toEqual(first);
    expect(decode(decoder, "8286 84be 5886 a8eb 1064 9cbf")).toEqual([...first, ["cache-control", "no-cache"]]);
    expect(decode(decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")?.at(-1)).toEqual([
      "custom-key",
      "custom-value",
    ]);
  });

  it("marks equal sequences of the same entries with the same hash", () => {
    const decoder = new HpackDecoder(LIMITS);
    decode(decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d");
    const { hash } = decoder;
    const field = decoder.fields[3];
    decode(decoder, "8286 84be");
    expect(decoder.hash).toBe(hash);
    expect(decoder.fields[3]).toBe(field);
    decode(decoder, "8682 84be");
    expect(decoder.hash).not.toBe(hash);
  });

  it("knows a literal without indexing again, unless it was marked as never to be indexed", () => {
    const decoder = new HpackDecoder(LIMITS);
    const path = "040a 2f74 6573 742e 4563 686f";
    expect(decode(decoder, path)).toEqual([[":path", "/test.Echo"]]);
    expect(decoder.repeatable).toBe(false);
    const field = decoder.fields[0];
    expect(decode(decoder, path)).toEqual([[":path", "/test.Echo"]]);
    expect(decoder.repeatable).toBe(true);
    expect(decoder.fields[0]).toBe(field);
    for (let i = 0; i < 2; i++) {
      decode(decoder, `1${path.slice(1)}`);
      expect(decoder.repeatable).toBe(false);
    }
    // A name from the dynamic table may mean something else the next time.
    decode(decoder, "4001 6101 62");
    expect(decode(decoder, "0f2f 0163")).toEqual([["a", "c"]]);
    decode(decoder, "4001 7801 79");
    expect(decode(decoder, "0f2f 0163")).toEqual([["x", "c"]]);
  });

  it("survives any bytes, and its table stays within its size", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (blocks) => {
        const decoder = new HpackDecoder(LIMITS);
        for (const bytes of blocks) if (!decoder.decode(bytes, 0, bytes.length)) return;
      }),
    );
  });

  it("decodes what the literal encoder writes", () => {
    const name = fc
      .stringMatching(/^[a-z][a-z0-9.-]{0,20}$/)
      .filter((text) => !text.endsWith("-bin") && text !== "grpc-timeout");
    const value = fc.stringMatching(/^[!-~]{0,300}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
        const decoder = new HpackDecoder(LIMITS);
        const bytes = encodeFields(fields);
        expect(decoder.decode(bytes, 0, bytes.length)).toBe(true);
        expect(decoder.fields.slice(0, decoder.count).map((f) => [f.name, f.value])).toEqual(fields);
        const again = block(fields, true);
        expect(decoder.decode(again, 0, again.length)).toBe(true);
        expect(decoder.fields.slice(0, decoder.count).map((f) => [f.name, f.value])).toEqual(fields);
      }),
    );
  });

  it("understands every byte that nghttp2 writes in a value", async () => {
    let seen = "";
    const test = await startServer({
      services: {
        "test.Echo": {
          Unary: {
            kind: "unary",
            handler: (call) => {
              seen = call.metadata.get("x-all") ?? "";
              call.respond(new Uint8Array(0));
            },
          },
        },
      },
    });
    const text = String.fromCharCode(
      ...Array.from({ length: 0xff }, (_, i) => i + 1).filter((c) => c >= 0x21 && c !== 0x7f),
    );
    const session = connectHttp2(`http://127.0.0.1:${test.port}`);
    for (const { length } of ["1", "12", "123"]) {
      const sent = text.repeat(length);
      const stream = session.request({
        ":method": "POST",
        ":path": "/test.Echo/Unary",
        "content-type": "application/grpc",
        te: "trailers",
        "x-all": sent,
        // Never indexed, so that it comes as a literal each time.
        [constants.HTTP2_HEADER_AUTHORIZATION]: "secret",
      });
      stream.end(Buffer.alloc(5));
      stream.resume();
      await new Promise((resolve) => stream.once("end", resolve));
      expect(seen).toBe(sent);
    }
    session.close();
    await test.server.close();
  });

  it("refuses Huffman codes that are cut, padded wrongly or forbidden", () => {
    const target = new Uint8Array(64);
    const run = (...bytes: number[]): number => decodeHuffman(Uint8Array.from(bytes), 0, bytes.length, target);
    expect(run(0xff)).toBe(-1);
    expect(run(0x1f)).toBe(1);
    expect(target[0]).toBe("a".charCodeAt(0));
    expect(run(0x18)).toBe(-1);
    expect(run(0x3f, 0xff, 0xff, 0xff)).toBe(-1);
    expect(run()).toBe(0);
  });

  it("knows a well-formed field", () => {
    const cases: [string, string, boolean][] = [
      ["x-a_b.c", "value", true],
      [":path", "/", true],
      ["X", "value", false],
      ["", "value", false],
      [":", "value", false],
      ["a b", "value", false],
      ["a", "line\nbreak", false],
      ["a", " padded", false],
      ["a", "", true],
      ["a", "\u00e9", true],
    ];
    for (const [name, value, valid] of cases)
      expect([name, isWellFormed(headerField(name, value))]).toEqual([name, valid]);
  });

  it("refuses metadata that cannot be sent", () => {
    expect(() => encodeFields([["Upper", "x"]])).toThrow("lower-case");
    expect(() => encodeFields([["x", "a\nb"]])).toThrow("printable");
    expect(() => encodeFields([["x", Uint8Array.of(1)]])).toThrow("-bin");
  });

  it("percent-encodes what is not printable", () => {
    expect(percentEncode("plain text")).toBe("plain text");
    expect(percentEncode("50% \u00fc\u0000\u007f")).toBe("50%25 %C3%BC%00%7F");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) =>
        expect(decodeURIComponent(percentEncode(text))).toBe(text),
      ),
    );
  });
});
