import { EMPTY_BYTES, losslessBytes } from "@quorate/base";
import { DecodeError } from "../decode-error.ts";
import { LENGTH_DELIMITED, Reader } from "../reader.ts";
import { HIGH, LOW, words } from "../varint64.ts";
import { varintSize, type Writer } from "../writer.ts";

/** Of the ID, both in the request and in its header. */
const ID_TAG = 0x08;
const HEADER_FIELD = 100;
const TWO_32 = 0x1_0000_0000;

/** On whose behalf a request is made; see `RequestHeader`. */
export interface RequestCaller {
  readonly username: string;
  readonly authRevision: number;
}

/**
 * Writes an `InternalRaftRequest` around the encoded request of field `field` (borrowed), with the header that carries the
 * request's ID: bits 48 to 63 in `high16`, the rest in `low48`; and the caller, if there is one. Peer protocol page, section 12.
 */
export function writeRaftRequest(
  writer: Writer,
  field: number,
  request: Uint8Array,
  high16: number,
  low48: number,
  caller?: RequestCaller,
): void {
  writer.ensure(raftRequestSizeMax(request.length));
  writer.varint(field * 8 + 2);
  writer.bytes(request);
  writer.varint(HEADER_FIELD * 8 + 2);
  const start = writer.begin();
  writer.byte(0x08);
  writer.varintHalves(low48 % TWO_32, high16 * 0x1_0000 + Math.floor(low48 / TWO_32));
  if (caller !== undefined) writeCaller(writer, caller);
  writer.end(start);
}

function writeCaller(writer: Writer, { authRevision, username }: RequestCaller): void {
  if (username !== "") {
    writer.byte(0x12);
    writer.bytes(losslessBytes(username));
  }
  if (authRevision !== 0) {
    writer.byte(0x18);
    writer.varint(authRevision);
  }
}

/** Bytes that {@link writeRaftRequest} writes at the most for a request of `requestBytes` without a caller. */
export function raftRequestSizeMax(requestBytes: number): number {
  return requestBytes + varintSize(requestBytes) + 20;
}

/**
 * Looks at an encoded `InternalRaftRequest` without decoding the request inside: which field holds it, where it lies, and the
 * request's ID. Reused for one entry after the other.
 */
export class RaftRequestPeek {
  readonly #reader = new Reader(EMPTY_BYTES, 0, 0);
  /** Number of the field that holds the request. */
  field = 0;
  /** The encoded request is `data[start, end)`. */
  start = 0;
  end = 0;
  /** The ID's lower 48 bits and the 16 above them, which come from the member that proposed. */
  idLow48 = 0;
  idHigh16 = 0;
  /** The encoded `RequestHeader` is `data[headerStart, headerEnd)`; empty if there is none. */
  headerStart = 0;
  headerEnd = 0;

  /** Throws DecodeError, also when no request is inside. */
  read(data: Uint8Array): void {
    this.field = 0;
    this.start = 0;
    this.end = 0;
    this.idLow48 = 0;
    this.idHigh16 = 0;
    this.headerStart = 0;
    this.headerEnd = 0;
    const reader = this.#reader;
    reader.reset(data, 0, data.length);
    while (reader.position < data.length) this.#field(reader, reader.tag());
    if (this.headerEnd > this.headerStart && this.#idIsZero()) this.#header(reader);
    reader.reset(EMPTY_BYTES, 0, 0);
    if (this.field === 0) throw new DecodeError("a replicated request without a request", 0);
  }

  #field(reader: Reader, tag: number): void {
    if (tag === ID_TAG) {
      this.#id(reader);
    } else if ((tag & 7) !== LENGTH_DELIMITED) {
      reader.skip(tag);
    } else {
      const end = reader.delimited();
      if (tag >>> 3 === HEADER_FIELD) {
        this.headerStart = reader.position;
        this.headerEnd = end;
      } else {
        this.field = tag >>> 3;
        this.start = reader.position;
        this.end = end;
      }
      reader.position = end;
    }
  }

  /** The ID is taken from the header unless the request itself has one, as etcd does. */
  #header(reader: Reader): void {
    reader.reset(reader.bytes, this.headerStart, this.headerEnd);
    while (reader.position < reader.end) {
      const tag = reader.tag();
      if (tag === ID_TAG) this.#id(reader);
      else reader.skip(tag);
    }
  }

  #idIsZero(): boolean {
    return this.idLow48 === 0 && this.idHigh16 === 0;
  }

  #id(reader: Reader): void {
    const value = reader.uint64();
    if (value < TWO_32) {
      this.idLow48 = value;
      this.idHigh16 = 0;
      return;
    }
    const high = words[HIGH] as number;
    this.idLow48 = (high & 0xffff) * TWO_32 + (words[LOW] as number);
    this.idHigh16 = high >>> 16;
  }
}
