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
  EventDescriptor,
  fromJson,
  InternalRaftRequestDescriptor,
  LeaseGrantRequestDescriptor,
  METHODS,
  type MessageDescriptor,
  parseJson,
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

/** The value with the integers that are exact made into numbers, as JSON.parse reads them. */
function rounded(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item) => rounded(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
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
    const read = (json: unknown): unknown => fromJson(RangeRequestDescriptor, json);

    expect(
      read({ key: "_-8=", rangeEnd: "AA", limit: 3, revision: "4", sort_order: "DESCEND", sortTarget: 3 }),
    ).toEqual(
      read({ key: "/+8=", range_end: "AA==", limit: "3", revision: 4, sort_order: 2, sort_target: "MOD", unknown: 1 }),
    );
  });

  it("refuses values of the wrong kind, naming the field", () => {
    const read = (json: unknown) => () => fromJson(RangeRequestDescriptor, json);

    expect(read({ key: "*" })).toThrow("invalid value for bytes field key");
    expect(read({ limit: 1.5 })).toThrow("invalid value for int64 field limit");
    expect(read({ limit: "9223372036854775808" })).toThrow("invalid value for int64 field limit");
    expect(read({ sort_order: true })).toThrow("proto: invalid value for enum field sortOrder: true");
    expect(read({ sort_order: "2" })).not.toThrow();
    expect(read({ limit: "0x10" })).toThrow('invalid value for int64 field limit: "0x10"');
    expect(read({ limit: " 1" })).toThrow("invalid value for int64 field limit");
    expect(read({ limit: "007" })).toThrow("invalid value for int64 field limit");
    expect(read({ serializable: 1 })).toThrow("invalid value for bool field serializable: 1");
    expect(read([])).toThrow("etcdserverpb.RangeRequest is not an object");
    expect(() => fromJson(TxnRequestDescriptor, { compare: {} })).toThrow("compare is not a list");
    expect(() => fromJson(AuthenticateRequestDescriptor, { name: "\ud800" })).toThrow("string field name");
  });

  it("passes over unknown names of enums, and takes none from the prototype of objects", () => {
    expect(fromJson(RangeRequestDescriptor, { sort_order: "UP", sort_target: "constructor" })).toEqual(
      createRangeRequest(),
    );
    expect(fromJson(WatchCreateRequestDescriptor, { filters: ["NOPUT", "toString", 1] }).filters).toEqual([0, 1]);
  });

  it("refuses a field given twice and a oneof given twice", () => {
    expect(() => fromJson(RangeRequestDescriptor, { range_end: "", rangeEnd: "" })).toThrow(
      'proto: duplicate field "rangeEnd"',
    );
    expect(() => fromJson(WatchRequestDescriptor, { create_request: {}, cancelRequest: {} })).toThrow(
      'proto: error parsing "cancelRequest", oneof etcdserverpb.WatchRequest.request_union is already set',
    );
    expect(
      fromJson(WatchRequestDescriptor, { create_request: null, cancel_request: {} }).createRequest,
    ).toBeUndefined();
  });

  it("refuses nesting without end", () => {
    let json: unknown = {};
    for (let i = 0; i < 5000; i++) json = { success: [{ request_txn: json }] };

    expect(() => fromJson(TxnRequestDescriptor, json)).toThrow("exceeded maximum recursion depth");
  });

  it("keeps long integers exact when the text is parsed here", () => {
    const text = '{"ID": 7587862094738442243, "x": [1234567890123456789 , "1234567890123456789"], "TTL":60}';

    expect(parseJson(text)).toEqual({
      ID: 7587862094738442243n,
      x: [1234567890123456789n, "1234567890123456789"],
      TTL: 60,
    });
    expect(fromJson(LeaseGrantRequestDescriptor, parseJson(text))).toEqual({ id: 7587862094738442243n, ttl: 60 });
    expect(() => parseJson('{"ID": 75878620947384422431234567890,}')).toThrow("proto: syntax error");
    expect(() => parseJson("")).toThrow("proto: syntax error");
  });

  it("parses every JSON text as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const [long, rest] = parseJson(`[1234567890123456789,${json}]`) as [unknown, unknown];

        expect(long).toBe(1234567890123456789n);
        expect(rounded(rest)).toEqual(JSON.parse(json));
      }),
    );
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
    expect(bytesFromBase64("QU\nI=\r\n")).toEqual(text.encode("AB"));
    for (const wrong of ["A", "A===", "AA=", "AA=A", "A A=", "+-AA", "\u0141AAA"]) {
      expect([wrong, bytesFromBase64(wrong)]).toEqual([wrong, undefined]);
    }
  });

  it("prints every message as an independent codec does", () => {
    for (const { request, response } of METHODS) {
      for (const descriptor of [request, response] as MessageDescriptor<AnyMessage>[]) {
        const type = reflection.lookupType(descriptor.name);
        fc.assert(
          fc.property(randomMessage(descriptor), (message) => {
            const options = { longs: String, bytes: String, enums: String, arrays: false, defaults: false };
            const others: unknown = type.toObject(type.decode(descriptor.encode(message)), options);

            expect(toJson(descriptor, message)).toEqual(others);
          }),
          { numRuns: 3 },
        );
      }
    }
  });

  it("brings every message back", () => {
    const descriptors = [RangeRequestDescriptor, WatchRequestDescriptor, InternalRaftRequestDescriptor];
    for (const descriptor of descriptors as unknown as MessageDescriptor<AnyMessage>[]) {
      fc.assert(
        fc.property(randomMessage(descriptor), (message) => {
          const json: unknown = JSON.parse(JSON.stringify(toJson(descriptor, message)));

          expect(fromJson(descriptor, json)).toEqual(message);
        }),
        { numRuns: 50 },
      );
    }
  });
});
