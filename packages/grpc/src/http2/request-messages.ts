import { gunzipSync } from "node:zlib";
import { Status } from "../status.ts";
import type { GrpcLimits } from "../types.ts";
import { readU32 } from "./frames.ts";
import { PREFIX_BYTES } from "./response-frames.ts";
import type { Stream } from "./stream.ts";

/** The first piece of room made for a message that comes in parts; more follows as it really comes. */
const FIRST_BODY_BYTES = 16_384;

/** Takes what the message reader finds. */
export interface MessageOwner {
  /** A whole message, `buffer[start, end)`, borrowed. `lastBytes` when the request ended with its last byte. */
  onMessage(stream: Stream, buffer: Uint8Array, start: number, end: number, lastBytes: boolean): void;
  /** The request breaks the rules of gRPC. */
  onBadMessage(stream: Stream, code: number, message: string): void;
  /** The stream may be granted flow-control credit again. */
  onCreditDue(stream: Stream): void;
}

/**
 * Splits request bodies into messages: a flag byte, four bytes of length, the message. A message that lies whole in the
 * chunk is handed on in place; others are put together in a buffer that grows with what has really come, and counted.
 *
 * Memory: unfinished messages are limited per connection and per server. Long before, the messages of a connection take
 * turns: one gets credit beyond its stream's first window only while all that have it fit into a connection's window, or
 * when it is the only one, so that they complete one after the other.
 */
export class RequestMessages {
  readonly #owner: MessageOwner;
  readonly #limits: GrpcLimits;
  readonly #total: { bytes: number };
  #unfinishedBytes = 0;
  /** Lengths of the messages for which all credit has been granted. */
  #promisedBytes = 0;
  /** Streams waiting for credit in the order of asking, and the one that gets it all the same. */
  #starved: Stream[] = [];
  #favourite: Stream | undefined;

  constructor(owner: MessageOwner, limits: GrpcLimits, total: { bytes: number }) {
    this.#owner = owner;
    this.#limits = limits;
    this.#total = total;
  }

  /** Takes `buffer[start, end)` of a request's body; `ends` when nothing follows. */
  take(stream: Stream, buffer: Uint8Array, start: number, end: number, ends: boolean): void {
    let position = start;
    while (!stream.ended) {
      if (stream.paused) {
        if (position < end) this.#holdInput(stream, buffer, position, end);
        return;
      }
      if (stream.raw !== undefined) {
        stream.raw.onBody(buffer.subarray(position, end));
        return;
      }
      if (stream.prefixHave < PREFIX_BYTES) {
        position = this.#takePrefix(stream, buffer, position, end);
        if (stream.prefixHave < PREFIX_BYTES || stream.ended) return;
      }
      const need = stream.messageLength - stream.messageHave;
      if (end - position < need) {
        this.#append(stream, buffer, position, end);
        return;
      }
      position += need;
      if (stream.messageHave === 0) {
        stream.prefixHave = 0;
        this.#owner.onMessage(stream, buffer, position - need, position, ends && position === end);
        if (stream.promisedBytes > 0 && stream.messageBody === undefined) this.release(stream);
      } else {
        this.#append(stream, buffer, position - need, position);
        if (stream.ended) return;
        const body = stream.messageBody as Buffer;
        const length = stream.messageLength;
        stream.prefixHave = 0;
        stream.messageBody = undefined;
        stream.messageHave = 0;
        this.#owner.onMessage(stream, body, 0, length, ends && position === end);
        if (stream.messageBody === undefined) this.release(stream);
      }
      if (position === end) return;
    }
  }

  /** Keeps a whole message until the request ends, in memory of its own and counted. */
  retain(stream: Stream, buffer: Uint8Array, start: number, end: number): void {
    stream.messageLength = end - start;
    if (stream.heldBytes > 0) {
      // It came in parts and was put together here already.
      stream.messageBody = buffer as Buffer;
      return;
    }
    const body = Buffer.allocUnsafe(end - start);
    body.set(buffer.subarray(start, end));
    stream.messageBody = body;
    this.#count(stream, end - start);
  }

  /** Goes on with input that came while the stream was paused. */
  resume(stream: Stream): void {
    const held = stream.heldInput;
    if (held === undefined) return;
    stream.heldInput = undefined;
    this.release(stream);
    for (let i = 0; i < held.length; i++) {
      const piece = held[i] as Uint8Array;
      this.take(stream, piece, 0, piece.length, stream.heldEnd && i === held.length - 1);
      if (stream.ended) return;
    }
  }

  /** Forgets what it held of a stream, and lets others have the credit this one was in the way of. */
  release(stream: Stream): void {
    if (stream.heldBytes > 0) {
      this.#unfinishedBytes -= stream.heldBytes;
      this.#total.bytes -= stream.heldBytes;
      stream.heldBytes = 0;
    }
    this.#promisedBytes -= stream.promisedBytes;
    stream.promisedBytes = 0;
    if (this.#favourite === stream) this.#favourite = undefined;
    if (this.#starved.length > 0) this.#feed();
  }

  /**
   * Whether `stream` may be granted credit for all that its unfinished message lacks; if not now, the owner is asked again.
   * What is granted will come, so it counts from now on.
   */
  mayCredit(stream: Stream): boolean {
    if (stream.prefixHave === 0) return true;
    const more = stream.messageLength - stream.promisedBytes;
    if (this.#promisedBytes + more > this.#limits.connectionReceiveWindowBytes) {
      this.#favourite ??= stream;
      if (this.#favourite !== stream) {
        if (!stream.starved) {
          stream.starved = true;
          this.#starved.push(stream);
        }
        return false;
      }
    }
    stream.promisedBytes += more;
    this.#promisedBytes += more;
    return true;
  }

  /** The message decompressed, or undefined when that failed and the call has been told. */
  inflate(stream: Stream, message: Uint8Array): Uint8Array | undefined {
    const max = this.#limits.maxReceiveMessageBytes;
    try {
      return gunzipSync(message, { maxOutputLength: max });
    } catch (error) {
      const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      if (tooLarge) {
        const text = `grpc: received message after decompression larger than max ${max}`;
        this.#owner.onBadMessage(stream, Status.RESOURCE_EXHAUSTED, text);
      } else {
        const reason = error instanceof Error ? error.message : String(error);
        this.#owner.onBadMessage(stream, Status.INTERNAL, `grpc: failed to decompress the received message: ${reason}`);
      }
      return undefined;
    }
  }

  /** Reads the prefix, or what has come of it, and returns the position behind. */
  #takePrefix(stream: Stream, buffer: Uint8Array, start: number, end: number): number {
    let position = start;
    if (stream.prefixHave === 0 && end - position >= PREFIX_BYTES) {
      stream.compressed = buffer[position] as number;
      stream.messageLength = readU32(buffer, position + 1);
      position += PREFIX_BYTES;
    } else {
      while (stream.prefixHave < PREFIX_BYTES && position < end) {
        const byte = buffer[position++] as number;
        if (stream.prefixHave === 0) {
          stream.compressed = byte;
          stream.messageLength = 0;
        } else stream.messageLength = stream.messageLength * 256 + byte;
        stream.prefixHave++;
      }
      if (stream.prefixHave < PREFIX_BYTES) return position;
    }
    stream.prefixHave = PREFIX_BYTES;
    stream.messageHave = 0;
    this.#checkPrefix(stream);
    return position;
  }

  #checkPrefix(stream: Stream): void {
    const { compressed, messageLength } = stream;
    const max = this.#limits.maxReceiveMessageBytes;
    if (compressed > 1) {
      this.#owner.onBadMessage(stream, Status.INTERNAL, `grpc: received unexpected payload format ${compressed}`);
    } else if (messageLength > max) {
      const text = `grpc: received message larger than max (${messageLength} vs. ${max})`;
      this.#owner.onBadMessage(stream, Status.RESOURCE_EXHAUSTED, text);
    } else if (compressed === 1 && !stream.head.gzip) {
      const text = "grpc: compressed flag set with identity or empty encoding";
      this.#owner.onBadMessage(stream, Status.INTERNAL, text);
    } else if (stream.messageSeen && stream.method.oneRequest) {
      const text = "cardinality violation: expected <EOF> for non client-streaming RPCs, but received another message";
      this.#owner.onBadMessage(stream, Status.INTERNAL, text);
    }
  }

  #append(stream: Stream, buffer: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    if (bytes === 0 || !this.#count(stream, bytes)) return;
    const have = stream.messageHave;
    let body = stream.messageBody;
    if (body === undefined || body.length < have + bytes) {
      const room = Math.max(have + bytes, Math.min(stream.messageLength, Math.max(FIRST_BODY_BYTES, have * 2)));
      const grown = Buffer.allocUnsafe(room);
      if (body !== undefined) grown.set(body.subarray(0, have));
      stream.messageBody = grown;
      body = grown;
    }
    body.set(buffer.subarray(start, end), have);
    stream.messageHave = have + bytes;
  }

  #holdInput(stream: Stream, buffer: Uint8Array, start: number, end: number): void {
    if (!this.#count(stream, end - start)) return;
    const piece = Uint8Array.prototype.slice.call(buffer, start, end);
    if (stream.heldInput === undefined) stream.heldInput = [piece];
    else stream.heldInput.push(piece);
  }

  /** Counts bytes held for a stream; false, having ended the call, when there are too many. */
  #count(stream: Stream, bytes: number): boolean {
    stream.heldBytes += bytes;
    this.#unfinishedBytes += bytes;
    this.#total.bytes += bytes;
    if (
      this.#unfinishedBytes <= this.#limits.maxUnfinishedBytesPerConnection &&
      this.#total.bytes <= this.#limits.maxUnfinishedBytes
    )
      return true;
    this.#owner.onBadMessage(stream, Status.RESOURCE_EXHAUSTED, "too many unfinished request messages at once");
    return false;
  }

  /** Asks for those that wait, until one has to go on waiting. */
  #feed(): void {
    while (this.#starved.length > 0) {
      const next = this.#starved[0] as Stream;
      if (!next.ended && !this.#hasRoom(next)) return;
      this.#starved.shift();
      next.starved = false;
      if (!next.ended) this.#owner.onCreditDue(next);
    }
  }

  #hasRoom(next: Stream): boolean {
    const more = next.messageLength - next.promisedBytes;
    return this.#favourite === undefined || this.#promisedBytes + more <= this.#limits.connectionReceiveWindowBytes;
  }
}
