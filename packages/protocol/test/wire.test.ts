import { describe, expect, it } from "@jest/globals";
import { concatBytes } from "@quorate/base";
import fc from "fast-check";
import {
  type AnyMessage,
  createKeyValue,
  createPutRequest,
  createRequestOp,
  createTxnRequest,
  DecodeError,
  decodeAuthRoleAddRequest,
  decodeLenient,
  decodeLogged,
  decodePutRequest,
  decodeRaftConfState,
  decodeRequestOp,
  decodeTxnRequest,
  decodeWatchCreateRequest,
  encodeKeyValue,
  encodePutRequest,
  encodeRequestOp,
  encodeTxnRequest,
  type MessageDescriptor,
  RangeRequestDescriptor,
  Reader,
  readAuthRoleAddRequest,
  readPutRequest,
  TxnRequestDescriptor,
  Writer,
} from "../src/index.ts";
import { randomMessage } from "./random-message.ts";

/* What protobuf says of bytes that no encoder of ours makes: unknown fields, repeated ones, other packing, nonsense. */

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const message = (descriptor: unknown): fc.Arbitrary<AnyMessage> =>
  randomMessage(descriptor as MessageDescriptor<AnyMessage>);

function field(tag: number, content: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.varint(tag);
  writer.bytes(content);
  return writer.finish();
}

describe("decoding", () => {
  it("passes over fields it does not know, of every wire type", () => {
    const unknown = [
      bytes(0xa0, 0x06, 0xff, 0x01),
      bytes(0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8),
      bytes(0xa2, 0x06, 2, 1, 2),
      bytes(0xa3, 0x06, 0x08, 1, 0x13, 0x14, 0xa4, 0x06),
      bytes(0xa5, 0x06, 1, 2, 3, 4),
    ];
    const put = createPutRequest({ key: bytes(1), value: bytes(2), lease: 3n });

    for (const extra of unknown) {
      expect(decodePutRequest(concatBytes([extra, encodePutRequest(put), extra]))).toEqual(put);
    }
  });

  it("passes over known fields of another wire type, as etcd does", () => {
    expect(decodePutRequest(bytes(0x08, 5, 0x1a, 1, 0))).toEqual(createPutRequest());
  });

  it("refuses wire types 6 and 7, field number 0, field numbers that do not fit, and groups that do not close", () => {
    const refused = [
      bytes(0x0e, 1),
      bytes(0x0f, 1),
      bytes(0x02, 0),
      bytes(0x00),
      bytes(0x8a, 0x80, 0x80, 0x80, 0x80, 0x01, 1, 1),
      bytes(0x0c),
      bytes(0x0b),
      bytes(0x0b, 0x14),
      new Uint8Array(1000).fill(0x0b),
    ];
    for (const wrong of refused) expect(() => decodePutRequest(wrong)).toThrow(DecodeError);
  });

  it("lets through, of what members of etcd before 3.7 left in a log, what those let through", () => {
    const put = createPutRequest({ key: bytes(1), value: bytes(2), lease: 3n });
    const odd = [
      // Groups deep inside of each other, such that end otherwise than they began, also with field number 0.
      concatBytes([new Uint8Array(50_000).fill(0x43), new Uint8Array(50_000).fill(0x44)]),
      bytes(0xfb, 0x07, 0x03, 0xf4, 0x07, 0x08, 1, 0x00, 1, 0xfc, 0x07),
      // A value, and a field number, that do not fit; of what does not fit the rest is passed over.
      bytes(0xf8, 0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
      bytes(0xf8, 0xff, 0xff, 0xff, 0x1f, 1),
      bytes(0xfa, 0xff, 0xff, 0xff, 0x1f, 2, 1, 1),
    ];
    for (const field of odd) {
      const encoded = concatBytes([field, encodePutRequest(put), field]);
      expect(() => decodePutRequest(encoded)).toThrow(DecodeError);
      expect(decodeLenient(readPutRequest, encoded)).toEqual(put);
      const padded = concatBytes([bytes(0x0e), encoded, bytes(0x0e)]);
      expect(decodeLogged(decodePutRequest, readPutRequest, padded, 1, padded.length - 1)).toEqual(put);
    }
    const refused = [bytes(0x0e, 1), bytes(0x00), bytes(0x0c), bytes(0x43, 0x43, 0x44), bytes(0x12, 5, 1)];
    for (const wrong of refused) expect(() => decodeLenient(readPutRequest, wrong)).toThrow(DecodeError);
  });

  it("keeps text of a log that is no UTF-8, and refuses it elsewhere", () => {
    const encoded = bytes(0x0a, 2, 0x61, 0xff);
    expect(() => decodeAuthRoleAddRequest(encoded)).toThrow("string field contains invalid UTF-8");
    expect(decodeLenient(readAuthRoleAddRequest, encoded)).toEqual({ name: "a\udcff" });
  });

  it("refuses lengths beyond the message they are in, though the bytes go on", () => {
    const inner = field(0x12, concatBytes([bytes(0x0a, 5, 1), bytes(2)]));

    expect(() => decodeRequestOp(concatBytes([inner, new Uint8Array(100).fill(8)]))).toThrow(DecodeError);
  });

  it("merges a message that comes twice, as if its bytes had come at once", () => {
    fc.assert(
      fc.property(message(TxnRequestDescriptor), message(TxnRequestDescriptor), (first, second) => {
        const [a, b] = [first, second].map((one) => TxnRequestDescriptor.encode(one as never)) as [
          Uint8Array,
          Uint8Array,
        ];
        const twice = concatBytes([field(0x22, a), field(0x22, b)]);

        expect(decodeRequestOp(twice)).toEqual(decodeRequestOp(field(0x22, concatBytes([a, b]))));
      }),
    );
    fc.assert(
      fc.property(message(RangeRequestDescriptor), message(RangeRequestDescriptor), (first, second) => {
        const [a, b] = [first, second].map((one) => RangeRequestDescriptor.encode(one as never)) as [
          Uint8Array,
          Uint8Array,
        ];
        const twice = concatBytes([field(0x0a, a), field(0x0a, b)]);

        expect(decodeRequestOp(twice)).toEqual(decodeRequestOp(field(0x0a, concatBytes([a, b]))));
      }),
    );
  });

  it("keeps the last of a oneof", () => {
    const put = encodeRequestOp(createRequestOp({ requestPut: createPutRequest({ key: bytes(1) }) }));
    const txn = encodeRequestOp(createRequestOp({ requestTxn: createTxnRequest() }));

    expect(decodeRequestOp(concatBytes([put, txn]))).toEqual(createRequestOp({ requestTxn: createTxnRequest() }));
    expect(decodeRequestOp(concatBytes([put, txn, put]))).toEqual(decodeRequestOp(put));
  });

  it("takes repeated numbers packed and one by one, but not past the end of the pack", () => {
    expect(decodeWatchCreateRequest(bytes(0x2a, 2, 1, 0, 0x28, 1)).filters).toEqual([1, 0, 1]);
    expect(decodeRaftConfState(bytes(0x0a, 3, 1, 0x81, 1, 0x08, 2)).voters).toEqual([1n, 129n, 2n]);
    expect(() => decodeWatchCreateRequest(bytes(0x2a, 1, 0x81, 0x00))).toThrow(DecodeError);
  });

  it("takes as many levels of transactions as etcd's limits allow", () => {
    let txn = createTxnRequest();
    for (let i = 0; i < 128; i++) txn = createTxnRequest({ success: [createRequestOp({ requestTxn: txn })] });

    expect(decodeTxnRequest(encodeTxnRequest(txn))).toEqual(txn);
  });

  it("gives views of the input, and reads only its range", () => {
    const encoded = encodeKeyValue(createKeyValue({ key: bytes(1, 2, 3) }));
    const framed = concatBytes([bytes(9, 9), encoded, bytes(9)]);

    const request = decodePutRequest(framed, 2, 2 + encoded.length);

    expect(request.key.buffer).toBe(framed.buffer);
    expect(request.key).toEqual(bytes(1, 2, 3));
    expect(() => new Reader(framed, 0, framed.length + 1)).toThrow("the range to read lies within the bytes");
  });

  it("refuses text that is not UTF-8", () => {
    expect(() => RangeRequestDescriptor.decode(bytes(0x0a, 1, 0xff))).not.toThrow();
    expect(() => decodeTxnRequest(bytes(0x0a, 2, 0x1a, 0xff))).toThrow(DecodeError);
  });
});
