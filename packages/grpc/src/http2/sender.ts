import { assert, concatBytes } from "@quorate/base";
import { Status } from "../status.ts";
import type { MetadataInit } from "../types.ts";
import { type BulkOwner, BulkQueue } from "./bulk-queue.ts";
import type { CallEnds } from "./call-ends.ts";
import {
  CONTINUATION,
  DATA,
  DEFAULT_WINDOW,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  HEADERS,
  MAX_FRAME_BYTES,
  writeFrameHeader,
  writeU32,
} from "./frames.ts";
import type { Output } from "./output.ts";
import {
  ACCEPTED_ENCODINGS,
  DATA_AT,
  messagePrefix,
  PREFIX_BYTES,
  RESPONSE_BLOCK,
  RESPONSE_END,
  RESPONSE_START,
  trailerBlock,
  trailersOnlyBlock,
} from "./response-frames.ts";
import type { Stream } from "./stream.ts";

export interface SenderLimits {
  readonly maxSendMessageBytes: number;
  readonly streamHighWaterBytes: number;
  readonly connectionSoftBufferBytes: number;
  readonly connectionHardBufferBytes: number;
  readonly maxBufferedBytes: number;
}

/** What the sender tells its connection. */
export interface SenderOwner extends BulkOwner {
  readonly ends: CallEnds;
  /** A message was accepted for sending. */
  onMessageSent(stream: Stream, bytes: number): void;
  /** The outcome of a call is decided. */
  onCallEnded(stream: Stream, code: number): void;
  /** END_STREAM was written; the stream is not used any more. */
  onLocalClose(stream: Stream): void;
  /** A response was refused because the peer does not read. */
  onSlowReader(): void;
}

/**
 * The sending half of a connection: responses into frames. What fits into one frame and both flow-control windows goes
 * straight to the output; the rest waits in the bulk queue.
 */
export class Sender {
  readonly output: Output;
  readonly bulk: BulkQueue;
  /** What the peer grants each new stream. */
  initialWindow: number = DEFAULT_WINDOW;
  readonly #owner: SenderOwner;
  readonly #limits: SenderLimits;
  /** Streams whose producer was told to pause. */
  #waiters: Stream[] = [];
  readonly #onEmpty = (stream: Stream): void => {
    stream.taken();
    if (stream.trailers !== undefined || stream.endsWithData) this.#writeEnd(stream);
  };

  readonly #total: { bytes: number };

  /** `total` counts what waits with the streams of all connections together. */
  constructor(owner: SenderOwner, limits: SenderLimits, output: Output, total: { bytes: number }) {
    this.#owner = owner;
    this.#limits = limits;
    this.output = output;
    this.#total = total;
    this.bulk = new BulkQueue(owner, output, total);
  }

  /** Response bytes held for this connection, wherever they wait. */
  get bufferedBytes(): number {
    return this.bulk.queuedBytes + this.output.waitingBytes + this.output.inFlightBytes;
  }

  /** Whether so much waits for this connection that nothing may be added. */
  get overfull(): boolean {
    const { connectionSoftBufferBytes, connectionHardBufferBytes, maxBufferedBytes } = this.#limits;
    const bytes = this.bufferedBytes;
    // When all connections together hold too much, those that read what they are sent are still served.
    return (
      bytes > connectionSoftBufferBytes && (bytes > connectionHardBufferBytes || this.#total.bytes > maxBufferedBytes)
    );
  }

  /** Moves bulk data to the output. */
  pump(): void {
    this.bulk.pump(this.#onEmpty);
  }

  /** Answers a unary call with a message that is copied: the fast path of the whole package. */
  respond(stream: Stream, message: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (!this.#direct(stream, length) || stream.responseBlock !== undefined) {
      this.send(stream, message, start, end);
      if (!stream.ended) this.finish(stream, Status.OK, "", undefined);
      return;
    }
    const at = this.#startResponse(stream, length);
    const buffer = this.output.buffer as Buffer;
    copyInto(buffer, at, message, start, end);
    this.#endResponse(stream, buffer, at + length, length);
  }

  /** Answers a unary call with a message made of shared parts. */
  respondParts(stream: Stream, parts: readonly Uint8Array[], length: number): void {
    assertLength(parts, length);
    if (!this.#direct(stream, length) || stream.responseBlock !== undefined) {
      this.sendParts(stream, parts, length);
      if (!stream.ended) this.finish(stream, Status.OK, "", undefined);
      return;
    }
    const at = this.#startResponse(stream, length);
    const buffer = this.output.buffer as Buffer;
    copyParts(buffer, at, parts);
    this.#endResponse(stream, buffer, at + length, length);
  }

  /** Sends one message of a stream, copied. */
  send(stream: Stream, message: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (!this.#admit(stream, length)) return false;
    this.sendHeaders(stream);
    if (this.#direct(stream, length)) {
      const at = this.#startData(stream, length);
      copyInto(this.output.buffer as Buffer, at, message, start, end);
    } else this.#enqueue(stream, [message.slice(start, end)], length);
    this.#owner.onMessageSent(stream, length);
    return this.#askWritable(stream);
  }

  /** Sends one message of a stream made of shared parts. */
  sendParts(stream: Stream, parts: readonly Uint8Array[], length: number): boolean {
    assertLength(parts, length);
    if (!this.#admit(stream, length)) return false;
    this.sendHeaders(stream);
    if (this.#direct(stream, length)) {
      // In this order: making room may begin another buffer.
      const at = this.#startData(stream, length);
      copyParts(this.output.buffer as Buffer, at, parts);
    } else this.#enqueue(stream, parts, length);
    this.#owner.onMessageSent(stream, length);
    return this.#askWritable(stream);
  }

  /** Sends one message of a stream made of borrowed parts; `onTaken` is called once nobody looks at them any more. */
  sendBorrowed(stream: Stream, parts: readonly Uint8Array[], length: number, onTaken: () => void): boolean {
    const isWritable = this.sendParts(stream, parts, length);
    if (stream.queuedBytes === 0) onTaken();
    else if (stream.onTaken === undefined) stream.onTaken = [onTaken];
    else stream.onTaken.push(onTaken);
    return isWritable;
  }

  /** Sends bytes of a body that is not gRPC, shared. */
  sendRaw(stream: Stream, bytes: Uint8Array): boolean {
    this.bulk.add(stream, bytes);
    return this.#askWritable(stream);
  }

  /** Ends a body that is not gRPC: an empty DATA frame carries END_STREAM. */
  endRaw(stream: Stream): void {
    stream.ended = true;
    stream.endsWithData = true;
    if (stream.queuedBytes === 0) this.#writeEnd(stream);
  }

  /** Ends a call with a status behind what was sent. Throws, having done nothing, when the trailers cannot be encoded. */
  finish(stream: Stream, code: number, message: string, trailers: MetadataInit | undefined): void {
    const block =
      stream.headersSent || stream.responseBlock !== undefined
        ? trailerBlock(code, message, trailers)
        : trailersOnlyBlock(200, code, message, trailers);
    if (stream.responseBlock !== undefined) this.sendHeaders(stream);
    stream.headersSent = true;
    stream.ended = true;
    stream.trailers = block;
    this.#owner.onCallEnded(stream, code);
    if (stream.queuedBytes === 0) this.#writeEnd(stream);
  }

  /** Answers a request that its header fields alone rule out. */
  reject(stream: Stream): void {
    const { httpStatus, code, message } = stream.head;
    const block = trailersOnlyBlock(httpStatus, code, message, undefined);
    stream.headersSent = true;
    stream.ended = true;
    stream.trailers = code === Status.UNIMPLEMENTED ? concatBytes([block, ACCEPTED_ENCODINGS]) : block;
    this.#writeEnd(stream);
  }

  /** Writes the response headers if that has not happened. */
  sendHeaders(stream: Stream): void {
    if (stream.headersSent) return;
    stream.headersSent = true;
    this.headerBlock(stream.id, stream.responseBlock ?? RESPONSE_BLOCK, false);
    stream.responseBlock = undefined;
  }

  /** Writes a header block, continued in CONTINUATION frames where it is long. */
  headerBlock(streamId: number, block: Uint8Array, endStream: boolean): void {
    let position = 0;
    do {
      const take = Math.min(block.length - position, MAX_FRAME_BYTES);
      const last = position + take === block.length;
      const flags = (last ? FLAG_END_HEADERS : 0) | (endStream && position === 0 ? FLAG_END_STREAM : 0);
      const type = position === 0 ? HEADERS : CONTINUATION;
      this.output.frame(type, flags, streamId, block.subarray(position, position + take));
      position += take;
    } while (position < block.length);
    this.#owner.onDataSent();
    this.#owner.markDirty();
  }

  /** Whether `stream` should send more. */
  isWritable(stream: Stream): boolean {
    return (
      stream.queuedBytes < this.#limits.streamHighWaterBytes &&
      this.bufferedBytes < this.#limits.connectionSoftBufferBytes
    );
  }

  /** Tells streams that were asked to pause and may go on. */
  notifyDrained(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const stream of waiters) {
      if (stream.ended) continue;
      if (this.isWritable(stream)) {
        stream.waitsForDrain = false;
        stream.drained();
      } else this.#waiters.push(stream);
    }
  }

  #direct(stream: Stream, length: number): boolean {
    const framed = length + PREFIX_BYTES;
    return (
      framed <= MAX_FRAME_BYTES &&
      framed <= this.bulk.window &&
      framed <= stream.sendWindow &&
      stream.queuedBytes === 0 &&
      length <= this.#limits.maxSendMessageBytes
    );
  }

  /** Whether a message of `length` may be sent; ends the call when not. */
  #admit(stream: Stream, length: number): boolean {
    const max = this.#limits.maxSendMessageBytes;
    if (length > max) {
      const message = `grpc: trying to send message larger than max (${length} vs. ${max})`;
      this.#refuse(stream, message);
      return false;
    }
    if (!this.overfull) return true;
    this.bulk.forget(stream);
    this.#refuse(stream, "too much data waits for this connection to read");
    this.#owner.onSlowReader();
    return false;
  }

  #refuse(stream: Stream, message: string): void {
    if (stream.method.kind === "unary") this.finish(stream, Status.RESOURCE_EXHAUSTED, message, undefined);
    else this.#owner.ends.fail(stream, Status.RESOURCE_EXHAUSTED, message);
  }

  /** Writes all of a unary response before its message and returns where that goes; room for the rest is reserved. */
  #startResponse(stream: Stream, length: number): number {
    const { id } = stream;
    const framed = length + PREFIX_BYTES;
    const at = this.output.reserve(RESPONSE_START.length + length + RESPONSE_END.length);
    const buffer = this.output.buffer as Buffer;
    buffer.set(RESPONSE_START, at);
    writeU32(buffer, at + 5, id);
    const data = at + DATA_AT;
    buffer[data + 1] = framed >>> 8;
    buffer[data + 2] = framed;
    writeU32(buffer, data + 5, id);
    writeU32(buffer, data + 10, length);
    this.bulk.window -= framed;
    return data + 9 + PREFIX_BYTES;
  }

  #endResponse(stream: Stream, buffer: Buffer, at: number, length: number): void {
    buffer.set(RESPONSE_END, at);
    writeU32(buffer, at + 5, stream.id);
    stream.headersSent = true;
    stream.ended = true;
    const owner = this.#owner;
    owner.onMessageSent(stream, length);
    owner.onDataSent();
    owner.onCallEnded(stream, Status.OK);
    owner.onLocalClose(stream);
    owner.markDirty();
  }

  /** Writes the start of a DATA frame for one whole message and returns where the message goes. */
  #startData(stream: Stream, length: number): number {
    const framed = length + PREFIX_BYTES;
    const at = this.output.reserve(9 + framed);
    const buffer = this.output.buffer as Buffer;
    writeFrameHeader(buffer, at, framed, DATA, 0, stream.id);
    buffer[at + 9] = 0;
    writeU32(buffer, at + 10, length);
    this.bulk.window -= framed;
    stream.sendWindow -= framed;
    this.#owner.onDataSent();
    this.#owner.markDirty();
    return at + 9 + PREFIX_BYTES;
  }

  #enqueue(stream: Stream, parts: readonly Uint8Array[], length: number): void {
    this.bulk.add(stream, messagePrefix(length));
    for (const part of parts) this.bulk.add(stream, part);
  }

  #writeEnd(stream: Stream): void {
    if (stream.endsWithData) this.output.smallFrame(DATA, FLAG_END_STREAM, stream.id, 0);
    else this.headerBlock(stream.id, stream.trailers as Uint8Array, true);
    stream.trailers = undefined;
    this.#owner.onLocalClose(stream);
    this.#owner.markDirty();
  }

  #askWritable(stream: Stream): boolean {
    if (this.isWritable(stream)) return true;
    if (!stream.waitsForDrain) {
      stream.waitsForDrain = true;
      this.#waiters.push(stream);
    }
    return false;
  }
}

/** A wrong length would garble all that follows on the connection, so it must not get that far. */
function assertLength(parts: readonly Uint8Array[], length: number): void {
  let sum = 0;
  for (const part of parts) sum += part.length;
  assert(sum === length, "the parts of a message are as long as its length says");
}

function copyParts(target: Uint8Array, at: number, parts: readonly Uint8Array[]): void {
  let position = at;
  for (const part of parts) {
    copyInto(target, position, part, 0, part.length);
    position += part.length;
  }
}

/** A loop beats a native call for the few bytes of most messages. */
function copyInto(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  if (end - start <= 24) {
    for (let from = start, to = at; from < end; ) target[to++] = source[from++] as number;
  } else target.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
}
