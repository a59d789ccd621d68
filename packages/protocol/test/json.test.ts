import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  createEvent,
  createKeyValue,
  createRangeResponse,
  createResponseHeader,
  EventDescriptor,
  fromJson,
  InternalRaftRequestDescriptor,
  RangeRequestDescriptor,
  RangeResponseDescriptor,
  toJson,
  WatchRequestDescriptor,
} from "../src/index.ts";
import { randomMessage } from "./random-message.ts";

const text = new TextEncoder();

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
    expect(read({ sort_order: "UP" })).toThrow("invalid value for enum field sort_order");
    expect(read([])).toThrow("etcdserverpb.RangeRequest is not an object");
  });

  it("brings every message back", () => {
    for (const descriptor of [RangeRequestDescriptor, WatchRequestDescriptor, InternalRaftRequestDescriptor]) {
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
