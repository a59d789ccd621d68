import { describe, expect, it } from "@jest/globals";
import { latin1FromBytes } from "@quorate/base";
import fc from "fast-check";
import {
  type AnyMessage,
  createInternalRaftRequest,
  createKeyValue,
  createRangeResponse,
  createRequestHeader,
  decodeDeleteRangeResponse,
  decodeEvent,
  decodeInternalRaftRequest,
  decodePutRequest,
  decodePutResponse,
  decodeRangeResponse,
  decodeRequestHeader,
  decodeTxnResponse,
  decodeWatchResponse,
  encodeDeletedKeyValue,
  encodeDeleteRangeResponse,
  encodeInternalRaftRequest,
  encodeKeyValue,
  encodePutRequest,
  encodePutResponse,
  encodeRangeResponse,
  encodeRangeStreamResponse,
  encodeStoredEvent,
  encodeStoredKeyValue,
  encodeTombstone,
  HeaderBytes,
  InternalRaftRequestDescriptor,
  type KeyValue,
  KeyValueDescriptor,
  KeyValuePeek,
  type MessageDescriptor,
  type PutRequest,
  PutRequestDescriptor,
  RaftRequestPeek,
  rangeResponseSizeMax,
  type TxnResponse,
  type TxnResult,
  Writer,
  writeDeleteRangeResponse,
  writePutResponse,
  writeRaftRequest,
  writeRangeResponse,
  writeRangeStreamResponse,
  writeTxnResponse,
  writeWatchResponse,
} from "../src/index.ts";
import { randomMessage } from "./random-message.ts";

/* Hand-tuned codecs against the generated ones, on random messages. */

const positive = fc.constantFrom(1, 2, 127, 128, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER);
const stored: fc.Arbitrary<KeyValue> = randomMessage(KeyValueDescriptor).chain((message) =>
  fc.record({ createRevision: positive, modRevision: positive, version: positive }).map((revisions) => {
    const kv = message as unknown as KeyValue;
    return createKeyValue({ ...kv, key: kv.key.length === 0 ? Uint8Array.of(255) : kv.key, ...revisions });
  }),
);

function bytesOf(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}

describe("stored key-values", () => {
  it("are encoded like the message", () => {
    fc.assert(
      fc.property(stored, (kv) => {
        const bytes = encodeStoredKeyValue(
          latin1FromBytes(kv.key),
          kv.createRevision,
          kv.modRevision,
          kv.version,
          kv.value,
          kv.lease,
        );

        expect(bytes).toEqual(encodeKeyValue(kv));
      }),
    );
  });

  it("can be looked into without decoding", () => {
    const peek = new KeyValuePeek();
    fc.assert(
      fc.property(stored, (kv) => {
        const bytes = encodeKeyValue(kv);
        peek.read(bytes);

        expect({
          key: bytes.slice(peek.keyStart, peek.keyEnd),
          createRevision: peek.createRevision,
          modRevision: peek.modRevision,
          version: peek.version,
          value: bytes.slice(peek.valueStart, peek.valueEnd),
          lease: peek.lease,
        }).toEqual(kv);
      }),
    );
  });

  it("have tombstones and deleted forms that hold no more than they should", () => {
    const key = "k\u00ff".repeat(100);
    const bytes = Uint8Array.from(key, (char) => char.charCodeAt(0));

    expect(encodeTombstone(key)).toEqual(encodeKeyValue(createKeyValue({ key: bytes })));
    expect(encodeDeletedKeyValue(key, 300)).toEqual(encodeKeyValue(createKeyValue({ key: bytes, modRevision: 300 })));
  });

  it("make events", () => {
    fc.assert(
      fc.property(stored, stored, fc.boolean(), fc.boolean(), (kv, previous, isDelete, withPrevious) => {
        const type = isDelete ? 1 : 0;
        const event = decodeEvent(
          encodeStoredEvent(type, encodeKeyValue(kv), withPrevious ? encodeKeyValue(previous) : undefined),
        );

        expect(event).toEqual({ type, kv, prevKv: withPrevious ? previous : undefined });
      }),
    );
  });
});

describe("responses", () => {
  const header = new HeaderBytes(0xfedc_ba98_7654_3210n, 7n);
  header.raftTerm = 300;
  const expectedHeader = { clusterId: 0xfedc_ba98_7654_3210n, memberId: 7n, revision: 1234, raftTerm: 300 };
  const inner = { clusterId: 0n, memberId: 0n, revision: 1234, raftTerm: 0 };

  it("are assembled from stored key-values", () => {
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 4 }), fc.boolean(), positive, (kvs, more, count) => {
        const encoded = kvs.map((kv) => encodeKeyValue(kv));
        const range = { revision: 1234, kvs: encoded, more, count };

        const response = decodeRangeResponse(bytesOf((writer) => writeRangeResponse(writer, header, range)));

        expect(response).toEqual({ header: expectedHeader, kvs, more, count });
        const deleted = { revision: 1234, deleted: count, prevKvs: encoded };
        expect(
          decodeDeleteRangeResponse(bytesOf((writer) => writeDeleteRangeResponse(writer, header, deleted))),
        ).toEqual({ header: expectedHeader, deleted: count, prevKvs: kvs });
        const put = { revision: 1234, prevKv: encoded[0] };
        expect(decodePutResponse(bytesOf((writer) => writePutResponse(writer, header, put)))).toEqual({
          header: expectedHeader,
          prevKv: kvs[0],
        });
      }),
    );
  });

  it("are the bytes that the generated codec writes", () => {
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 4 }), fc.boolean(), fc.nat(3), (kvs, more, deleted) => {
        const encoded = kvs.map((kv) => encodeKeyValue(kv));
        const range = { revision: 1234, kvs: encoded, more, count: deleted };
        const rangeResponse = createRangeResponse({ header: expectedHeader, kvs, more, count: deleted });
        const deletion = { revision: 1234, deleted, prevKvs: encoded };

        expect(bytesOf((writer) => writeRangeResponse(writer, header, range))).toEqual(
          encodeRangeResponse(rangeResponse),
        );
        expect(bytesOf((writer) => writeRangeStreamResponse(writer, header, range))).toEqual(
          encodeRangeStreamResponse({ rangeResponse }),
        );
        expect(bytesOf((writer) => writeRangeStreamResponse(writer, undefined, range))).toEqual(
          encodeRangeStreamResponse({ rangeResponse: { ...rangeResponse, header: undefined } }),
        );
        expect(bytesOf((writer) => writeDeleteRangeResponse(writer, header, deletion))).toEqual(
          encodeDeleteRangeResponse({ header: expectedHeader, deleted, prevKvs: kvs }),
        );
        const exact = bytesOf((writer) => writeRangeResponse(writer, header, range)).length;
        expect(rangeResponseSizeMax(range) >= exact && rangeResponseSizeMax(range) <= exact + 64).toBe(true);
      }),
    );
  });

  it("have headers like the generated ones, also for a member without term and an empty store", () => {
    for (const [revision, raftTerm] of [
      [0, 0],
      [1, 2],
      [2 ** 40, 2 ** 35],
    ] as const) {
      for (const id of [1n, 2n ** 63n, 2n ** 64n - 1n]) {
        const other = new HeaderBytes(id, id);
        other.raftTerm = raftTerm;

        expect(bytesOf((writer) => writePutResponse(writer, other, { revision, prevKv: undefined }))).toEqual(
          encodePutResponse({
            header: { clusterId: id, memberId: id, revision, raftTerm },
            prevKv: undefined,
          }),
        );
      }
    }
  });

  it("of transactions nest as deep as etcd's limits allow, large ones in time", () => {
    const kvs = Array.from({ length: 200 }, () => encodeKeyValue(createKeyValue({ value: new Uint8Array(1000) })));
    let result: TxnResult = {
      revision: 9,
      succeeded: true,
      responses: [{ kind: "range", result: { revision: 9, kvs, more: false, count: 200 } }],
    };
    for (let i = 0; i < 127; i++) result = { revision: 9, succeeded: true, responses: [{ kind: "txn", result }] };

    const bytes = bytesOf((writer) => writeTxnResponse(writer, header, result));

    let response: TxnResponse | undefined = decodeTxnResponse(bytes);
    for (let i = 0; i < 127; i++) response = response?.responses[0]?.responseTxn;
    expect(response?.responses[0]?.responseRange?.kvs).toHaveLength(200);
  });

  it("of transactions carry the revision alone in each operation, and nothing in nested transactions", () => {
    const result = {
      revision: 1234,
      succeeded: true,
      responses: [
        { kind: "put" as const, result: { revision: 1234, prevKv: undefined } },
        { kind: "range" as const, result: { revision: 1234, kvs: [], more: false, count: 0 } },
        { kind: "deleteRange" as const, result: { revision: 1234, deleted: 2, prevKvs: [] } },
        { kind: "txn" as const, result: { revision: 1234, succeeded: false, responses: [] } },
      ],
    };

    const response = decodeTxnResponse(bytesOf((writer) => writeTxnResponse(writer, header, result)));

    expect(response.header).toEqual(expectedHeader);
    expect(response.succeeded).toBe(true);
    expect(response.responses[0]?.responsePut).toEqual({ header: inner, prevKv: undefined });
    expect(response.responses[1]?.responseRange?.header).toEqual(inner);
    expect(response.responses[2]?.responseDeleteRange).toEqual({ header: inner, deleted: 2, prevKvs: [] });
    expect(response.responses[3]?.responseTxn).toEqual({
      header: { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 },
      succeeded: false,
      responses: [],
    });
  });

  it("of watches hold the events they are given", () => {
    fc.assert(
      fc.property(stored, fc.constantFrom(0n, 5n, -1n), fc.boolean(), (kv, watchId, fragment) => {
        const event = encodeStoredEvent(0, encodeKeyValue(kv), undefined);

        const response = decodeWatchResponse(
          bytesOf((writer) => writeWatchResponse(writer, header, 1234, watchId, [event, event], fragment)),
        );

        expect(response).toMatchObject({ header: expectedHeader, watchId, fragment, created: false, canceled: false });
        expect(response.events.map((e) => e.kv)).toEqual([kv, kv]);
      }),
    );
  });
});

describe("replicated requests", () => {
  const ids = fc.record({ high16: fc.nat(65_535), low48: fc.maxSafeNat().map((n) => n % 2 ** 48) });

  it("wrap the client's bytes behind a header with the request's ID", () => {
    fc.assert(
      fc.property(randomMessage(PutRequestDescriptor), ids, (message, { high16, low48 }) => {
        const put = message as unknown as PutRequest;
        const encoded = encodePutRequest(put);

        const bytes = bytesOf((writer) => writeRaftRequest(writer, 4, encoded, high16, low48));

        const id = (BigInt(high16) << 48n) | BigInt(low48);
        expect(bytes).toEqual(
          encodeInternalRaftRequest(createInternalRaftRequest({ put, header: createRequestHeader({ id }) })),
        );
        expect(decodeInternalRaftRequest(bytes).put).toEqual(put);
      }),
    );
  });

  it("of every kind are recognised by the field they are in", () => {
    const peek = new RaftRequestPeek();
    const kinds = InternalRaftRequestDescriptor.fields.filter((field) => field.id !== 1 && field.id !== 100);
    const anyKind = fc.constantFrom(...kinds).chain((field) => {
      const descriptor = field.message?.() as MessageDescriptor<AnyMessage>;
      return fc.tuple(fc.constant(field), fc.constant(descriptor), randomMessage(descriptor, 1), ids);
    });
    fc.assert(
      fc.property(anyKind, ([field, descriptor, message, { high16, low48 }]) => {
        const header = createRequestHeader({ id: (BigInt(high16) << 48n) | BigInt(low48), username: "root" });
        const bytes = encodeInternalRaftRequest(createInternalRaftRequest({ header, [field.name]: message }));

        peek.read(bytes);

        expect([peek.field, peek.idHigh16, peek.idLow48]).toEqual([field.id, high16, low48]);
        expect(descriptor.decode(bytes, peek.start, peek.end)).toEqual(message);
        expect(decodeRequestHeader(bytes, peek.headerStart, peek.headerEnd)).toEqual(header);
      }),
    );
  });

  it("and key-values that nobody made are refused with a DecodeError and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        for (const peek of [new RaftRequestPeek(), new KeyValuePeek()]) {
          try {
            peek.read(bytes);
          } catch (error) {
            expect((error as Error).name).toBe("DecodeError");
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("are recognised without being decoded", () => {
    const peek = new RaftRequestPeek();
    fc.assert(
      fc.property(randomMessage(PutRequestDescriptor), ids, (message, { high16, low48 }) => {
        const put = message as unknown as PutRequest;
        const bytes = bytesOf((writer) => writeRaftRequest(writer, 4, encodePutRequest(put), high16, low48));

        peek.read(bytes);

        expect(peek.field).toBe(4);
        expect(peek.idLow48).toBe(low48);
        expect(decodePutRequest(bytes, peek.start, peek.end)).toEqual(put);
      }),
    );
  });
});
