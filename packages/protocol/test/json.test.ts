import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type AnyMessage,
  AuthenticateRequestDescriptor,
  base64FromBytes,
  bytesFromBase64,
  createEvent,
  createKeyValue,
  createRangeRequest,
  createRangeResponse,
  createResponseHeader,
  decodeJson,
  EventDescriptor,
  InternalRaftRequestDescriptor,
  JsonError,
  JsonValues,
  jsonParts,
  LeaseGrantRequestDescriptor,
  METHODS,
  type MessageDescriptor,
  RangeRequestDescriptor,
  RangeResponseDescriptor,
  TxnRequestDescriptor,
  toJson,
  WatchCreateRequestDescriptor,
  WatchRequestDescriptor,
} from "../src/index.ts";
import { randomMessage } from "./random-message.ts";
import { reflection } from "./reflection.ts";

const text = new TextEncoder();

const OPTIONS = { longs: String, bytes: String, enums: String, arrays: false, defaults: false };

/** The message of a JSON text, given as it is or as a value to be printed. */
function read<T>(descriptor: MessageDescriptor<T>, json: unknown): T {
  return decodeJson(descriptor, text.encode(typeof json === "string" ? json : JSON.stringify(json)));
}

function parts(descriptor: MessageDescriptor, bytes: Uint8Array): string[] {
  return [...jsonParts(descriptor, bytes)];
}

describe("the JSON mapping", () => {
  it("prints what the gateway's documented example shows", () => {
    const kv = createKeyValue({
      key: text.encode("foo"),
      createRevision: 2,
      modRevision: 2,
      version: 1,
      value: text.encode("bar"),
    });
    const header = createResponseHeader({ clusterId: 2n ** 64n - 1n, memberId: 1n, revision: 2, raftTerm: 2 });

    const json = toJson(RangeResponseDescriptor, { ...createRangeResponse({ header, kvs: [kv], count: 1 }) });

    expect(json).toEqual({
      header: { cluster_id: "18446744073709551615", member_id: "1", revision: "2", raft_term: "2" },
      kvs: [{ key: "Zm9v", create_revision: "2", mod_revision: "2", version: "1", value: "YmFy" }],
      count: "1",
    });
  });

  it("names enums and leaves zero ones out", () => {
    expect(toJson(EventDescriptor, { ...createEvent({ type: 1 }) })).toEqual({ type: "DELETE" });
    expect(toJson(EventDescriptor, { ...createEvent({ type: 0 }) })).toEqual({});
  });

  it("takes both forms of names, base64 of both kinds, numbers as numbers or text, enums by name or number", () => {
    const range = (json: unknown): unknown => read(RangeRequestDescriptor, json);

    expect(
      range({ key: "_-8=", rangeEnd: "AA", limit: 3, revision: "4", sort_order: "DESCEND", sortTarget: 3 }),
    ).toEqual(
      range({ key: "/+8=", range_end: "AA==", limit: "3", revision: 4, sort_order: 2, sort_target: "MOD", unknown: 1 }),
    );
    expect(range({ limit: "1 2" })).toEqual(range({ limit: 1 }));
    expect(range('{"limit": 1e2, "revision": "30.0e-1", "sort_order": 2.0}')).toEqual(
      range({ limit: 100, revision: 3, sort_order: 2 }),
    );
    expect(read(LeaseGrantRequestDescriptor, '{"ID": 7587862094738442243, "TTL": "60"}')).toEqual({
      id: 7587862094738442243n,
      ttl: 60,
    });
  });

  // The words are those that etcd 3.7.1 answered with, but for the kind of space behind "proto:", which differs between builds.
  it.each([
    ['{"key": "*"}', 'proto: (line 1:9): invalid value for bytes field key: "*"'],
    ['{"limit": 1.5}', "proto: (line 1:11): invalid value for int64 field limit: 1.5"],
    [
      '{"limit": "9223372036854775808"}',
      'proto: (line 1:11): invalid value for int64 field limit: "9223372036854775808"',
    ],
    ['{"limit":"0x10"}', 'proto: (line 1:10): invalid value for int64 field limit: "0x10"'],
    ['{"limit":" 1"}', 'proto: (line 1:10): invalid value for int64 field limit: " 1"'],
    ['{"limit":"007"}', 'proto: (line 1:10): invalid value for int64 field limit: "007"'],
    ['{"sort_order": true}', "proto: (line 1:16): invalid value for enum field sortOrder: true"],
    ['{"sort_order": "2", "sort_order": 1}', 'proto: (line 1:21): duplicate field "sort_order"'],
    ['{\n "serializable":\n 1}', "proto: (line 3:2): invalid value for bool field serializable: 1"],
    ['{"range_end":"","rangeEnd":""}', 'proto: (line 1:17): duplicate field "rangeEnd"'],
    ['{"limit":"1x"}', 'proto: (line 1:10): invalid value for int64 field limit: "1x"'],
    ['{"limit":30.05e1}', "proto: (line 1:10): invalid value for int64 field limit: 30.05e1"],
    ["12", "proto: syntax error (line 1:1): unexpected token 12"],
    ["[]", "proto: syntax error (line 1:1): unexpected token ["],
    ["null", "proto: syntax error (line 1:1): unexpected token null"],
    ['"a"', 'proto: syntax error (line 1:1): unexpected token "a"'],
    ['{"\u00e9": "\u00e9", "key": 1}', "proto: (line 1:19): invalid value for bytes field key: 1"],
  ])("refuses %s", (json, message) => {
    expect(() => read(RangeRequestDescriptor, json)).toThrow(new JsonError(message));
  });

  it("refuses what is no list, no message and no text, and oneofs given twice", () => {
    expect(() => read(TxnRequestDescriptor, { compare: {} })).toThrow(
      new JsonError("proto: syntax error (line 1:12): unexpected token {"),
    );
    expect(() => read(TxnRequestDescriptor, { compare: [null] })).toThrow("unexpected token null");
    const authenticate = (json: string) => () => read(AuthenticateRequestDescriptor, json);
    expect(authenticate('{"name":"\\ud800"}')).toThrow(new JsonError("proto: unexpected EOF"));
    expect(authenticate('{"name":"\\ud800\\u0041"}')).toThrow(
      new JsonError('proto: syntax error (line 1:9): invalid escape code "\\\\u0041" in string'),
    );
    expect(authenticate('{"name":"é\\udc00" ,"b":1}')).toThrow('invalid escape code "\\" ,\\"b\\"" in string');
    expect(() =>
      decodeJson(AuthenticateRequestDescriptor, Uint8Array.of(...text.encode('{"name":"'), 0xff, 0x22, 0x7d)),
    ).toThrow(new JsonError("proto: syntax error (line 1:9): invalid UTF-8 in string"));
    expect(() => read(WatchRequestDescriptor, { create_request: {}, cancelRequest: {} })).toThrow(
      new JsonError(
        'proto: (line 1:22): error parsing "cancelRequest", oneof etcdserverpb.WatchRequest.request_union is already set',
      ),
    );
    expect(read(WatchRequestDescriptor, { create_request: null, cancel_request: {} }).createRequest).toBeUndefined();
  });

  it("passes over what it does not know, and takes nothing from the prototype of objects", () => {
    const unknown = { a: [1, { b: null, c: "}", d: [[]] }], "": {}, constructor: 1, __proto__: 2 };

    expect(read(RangeRequestDescriptor, { ...unknown, sort_order: "UP", sort_target: "constructor" })).toEqual(
      createRangeRequest(),
    );
    expect(read(WatchCreateRequestDescriptor, { filters: ["NOPUT", "toString", 1] }).filters).toEqual([0, 1]);
  });

  it("reads every escape of text", () => {
    const name = '"\\/\b\f\n\r\t\u0001\u{1f600}\u00e9';

    expect(read(AuthenticateRequestDescriptor, { name }).name).toBe(name);
    expect(read(AuthenticateRequestDescriptor, '{"name":"\\u00e9\\ud83d\\uDE00\\u0041\\u0042\\/"}').name).toBe(
      "é😀AB/",
    );
  });

  it("refuses nesting without end", () => {
    const json = `${'{"success":[{"request_txn":'.repeat(2000)}{}${"}]}".repeat(2000)}`;

    expect(() => read(TxnRequestDescriptor, json)).toThrow("exceeded max recursion depth");
  });

  it("prints numbers beyond 2^53 in full", () => {
    expect(toJson(RangeRequestDescriptor, createRangeRequest({ revision: 2 ** 63, limit: -(2 ** 63) }))).toEqual({
      limit: "-9223372036854775808",
      revision: "9223372036854775807",
    });
  });

  it("prints and reads base64 like others", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const buffer = Buffer.from(bytes);

        expect(base64FromBytes(bytes)).toBe(buffer.toString("base64"));
        expect(bytesFromBase64(buffer.toString("base64"))).toEqual(bytes);
        expect(bytesFromBase64(buffer.toString("base64url"))).toEqual(bytes);
      }),
    );
    expect(bytesFromBase64("QUI=\r\n\n\n")).toEqual(text.encode("AB"));
    for (const wrong of ["A", "A===", "AA=", "AA=A", "A A=", "+-AA", "\u0141AAA", "QU\nI="]) {
      expect([wrong, bytesFromBase64(wrong)]).toEqual([wrong, undefined]);
    }
  });

  it("prints every message as an independent codec does, whole and in parts", () => {
    for (const { request, response } of METHODS) {
      for (const descriptor of [request, response] as MessageDescriptor<AnyMessage>[]) {
        const type = reflection.lookupType(descriptor.name);
        fc.assert(
          fc.property(randomMessage(descriptor), (message) => {
            const bytes = descriptor.encode(message);
            const others: unknown = type.toObject(type.decode(bytes), OPTIONS);

            expect(toJson(descriptor, message)).toEqual(others);
            expect(JSON.parse(parts(descriptor, bytes).join(""))).toEqual(others);
          }),
          { numRuns: 3 },
        );
      }
    }
  });

  it("prints long messages in parts, lists and base64 included", () => {
    const value = new Uint8Array(200_000).map((_, i) => i);
    const kvs = Array.from({ length: 5000 }, (_, i) =>
      createKeyValue({ key: text.encode(`k${i}`), modRevision: i + 1 }),
    );
    const response = createRangeResponse({ kvs: [createKeyValue({ value }), ...kvs], count: 5001 });

    const written = parts(RangeResponseDescriptor, RangeResponseDescriptor.encode(response));

    expect(written.length).toBeGreaterThan(5);
    for (const part of written) expect(part.length).toBeLessThan(200_000);
    expect(JSON.parse(written.join(""))).toEqual(toJson(RangeResponseDescriptor, response));
  });

  it("prints numbers of a list that come in one field, and none that is zero", () => {
    const filters = Uint8Array.of(0x2a, 3, 0, 1, 9, 0x18, 0);

    expect(parts(WatchCreateRequestDescriptor, filters).join("")).toBe('{"filters":["NOPUT","NODELETE",9]}');
    expect(parts(WatchCreateRequestDescriptor, new Uint8Array(0))).toEqual(["{}"]);
  });

  it("reads or refuses whatever comes, in finite time, and what it reads can be encoded", () => {
    const texts = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0019aefn -+.é\ud83d'.split("")) }),
      fc.constantFrom("9223372036854775807", '"-9223372036854775808"', "1e18", '"18446744073709551615"', "4294967295"),
    );
    for (const { request } of METHODS) {
      const names = request.fields.map(({ protoName }) => protoName);
      if (names.length === 0) continue;
      fc.assert(
        fc.property(fc.constantFrom(...names), texts, fc.nat(), fc.nat(255), (name, value, at, byte) => {
          const bytes = text.encode(`{${JSON.stringify(name)}:${value}}`);
          const spoiled = bytes.map((each, i) => (i === at % (4 * bytes.length) ? byte : each));
          const values = new JsonValues();
          try {
            values.push(spoiled);
            for (let found = values.next(); found !== undefined; found = values.next()) {
              request.decode(request.encode(decodeJson(request, found)));
            }
            values.end();
          } catch (error) {
            expect(error).toBeInstanceOf(JsonError);
          }
        }),
        { numRuns: 200 },
      );
    }
  });

  it("brings every message back", () => {
    const descriptors = [RangeRequestDescriptor, WatchRequestDescriptor, InternalRaftRequestDescriptor];
    for (const descriptor of descriptors as unknown as MessageDescriptor<AnyMessage>[]) {
      fc.assert(
        fc.property(randomMessage(descriptor), (message) => {
          expect(read(descriptor, toJson(descriptor, message))).toEqual(message);
        }),
        { numRuns: 50 },
      );
    }
  });
});
