import { assert } from "@quorate/base";
import type { DeleteRangeResult, OpResult, PutResult, RangeResult, TxnResult } from "../results.ts";
import { varintSize, type Writer } from "../writer.ts";
import { type HeaderBytes, writeInnerHeader } from "./header-bytes.ts";

/*
 * Responses assembled from stored bytes. Each function writes one whole message into the writer, without tag or length. With a
 * header it is the response of a call; without, one inside a transaction, whose header holds the revision alone.
 */

function writeHeader(writer: Writer, header: HeaderBytes | undefined, revision: number): void {
  if (header === undefined) writeInnerHeader(writer, revision);
  else header.write(writer, revision);
}

/** `etcdserverpb.RangeResponse` */
export function writeRangeResponse(writer: Writer, header: HeaderBytes | undefined, result: RangeResult): void {
  writeHeader(writer, header, result.revision);
  writeRangeBody(writer, result);
}

function writeRangeBody(writer: Writer, result: RangeResult): void {
  const { kvs } = result;
  for (let i = 0; i < kvs.length; i++) {
    writer.byte(0x12);
    writer.bytes(kvs[i] as Uint8Array);
  }
  if (result.more) {
    writer.byte(0x18);
    writer.byte(1);
  }
  if (result.count !== 0) {
    writer.byte(0x20);
    writer.varint(result.count);
  }
}

/** Bytes that {@link writeRangeResponse} writes at the most; for making room at once. */
export function rangeResponseSizeMax(result: RangeResult): number {
  let size = 64;
  for (const kv of result.kvs) size += 1 + varintSize(kv.length) + kv.length;
  return size;
}

/** `etcdserverpb.RangeStreamResponse`; only the last of a stream has a header. */
export function writeRangeStreamResponse(writer: Writer, header: HeaderBytes | undefined, result: RangeResult): void {
  writer.byte(0x0a);
  const start = writer.begin();
  if (header !== undefined) header.write(writer, result.revision);
  writeRangeBody(writer, result);
  writer.end(start);
}

/** `etcdserverpb.PutResponse` */
export function writePutResponse(writer: Writer, header: HeaderBytes | undefined, result: PutResult): void {
  writeHeader(writer, header, result.revision);
  if (result.prevKv !== undefined) {
    writer.byte(0x12);
    writer.bytes(result.prevKv);
  }
}

/** `etcdserverpb.DeleteRangeResponse` */
export function writeDeleteRangeResponse(
  writer: Writer,
  header: HeaderBytes | undefined,
  result: DeleteRangeResult,
): void {
  writeHeader(writer, header, result.revision);
  if (result.deleted !== 0) {
    writer.byte(0x10);
    writer.varint(result.deleted);
  }
  for (const kv of result.prevKvs) {
    writer.byte(0x1a);
    writer.bytes(kv);
  }
}

/** `etcdserverpb.TxnResponse`; a nested one has a header with nothing in it. */
export function writeTxnResponse(writer: Writer, header: HeaderBytes | undefined, result: TxnResult): void {
  if (header !== undefined) header.write(writer, result.revision);
  else {
    writer.byte(0x0a);
    writer.byte(0);
  }
  if (result.succeeded) {
    writer.byte(0x10);
    writer.byte(1);
  }
  for (const response of result.responses) {
    writer.byte(0x1a);
    const start = writer.begin();
    writeOp(writer, response);
    writer.end(start);
  }
}

function writeOp(writer: Writer, op: OpResult): void {
  const tag = op.kind === "range" ? 0x0a : op.kind === "put" ? 0x12 : op.kind === "deleteRange" ? 0x1a : 0x22;
  writer.byte(tag);
  const start = writer.begin();
  if (op.kind === "range") writeRangeResponse(writer, undefined, op.result);
  else if (op.kind === "put") writePutResponse(writer, undefined, op.result);
  else if (op.kind === "deleteRange") writeDeleteRangeResponse(writer, undefined, op.result);
  else writeTxnResponse(writer, undefined, op.result);
  writer.end(start);
}

/** `etcdserverpb.WatchResponse` with events, each an encoded `mvccpb.Event`. */
export function writeWatchResponse(
  writer: Writer,
  header: HeaderBytes,
  revision: number,
  watchId: bigint,
  events: readonly Uint8Array[],
  fragment: boolean,
): void {
  assert(events.length > 0, "a response of this kind has events");
  header.write(writer, revision);
  if (watchId !== 0n) {
    writer.byte(0x10);
    writer.bigint(watchId);
  }
  if (fragment) {
    writer.byte(0x38);
    writer.byte(1);
  }
  for (let i = 0; i < events.length; i++) {
    writer.byte(0x5a);
    writer.bytes(events[i] as Uint8Array);
  }
}
