import { DecodeError } from "../decode-error.ts";
import { Reader } from "../reader.ts";
import { varintSize, type Writer } from "../writer.ts";

const ID_FIELD = 1;
const HEADER_FIELD = 100;
const TWO_28 = 0x1000_0000;
const TWO_48 = 0x1_0000_0000_0000;

/**
 * Writes an `InternalRaftRequest` around the encoded request of field `field` (borrowed), with the header that carries the
 * request's ID: bits 48 to 63 in `high16`, the rest in `low48`. Peer protocol page, section 12.
 */
export function writeRaftRequest(
  writer: Writer,
  field: number,
  request: Uint8Array,
  high16: number,
  low48: number,
): void {
  writer.varint(field * 8 + 2);
  writer.bytes(request);
  writer.varint(HEADER_FIELD * 8 + 2);
  const start = writer.begin();
  writer.byte(0x08);
  writeId(writer, high16, low48);
  writer.end(start);
}

/** A varint of 64 bits from its two parts. */
function writeId(writer: Writer, high16: number, low48: number): void {
  if (high16 === 0) {
    writer.varint(low48);
    return;
  }
  writer.ensure(10);
  const { buffer } = writer;
  // 28 bits are four bytes; the 20 bits left of the low part are joined by the 16 high ones.
  let low = low48 % TWO_28;
  let high = Math.floor(low48 / TWO_28) + high16 * 0x10_0000;
  let position = writer.length;
  for (let i = 0; i < 4; i++) {
    buffer[position++] = (low & 0x7f) | 0x80;
    low >>>= 7;
  }
  while (high >= 0x80) {
    buffer[position++] = (high % 0x80) | 0x80;
    high = Math.floor(high / 0x80);
  }
  buffer[position++] = high;
  writer.length = position;
}

/** Bytes that {@link writeRaftRequest} adds at the most. */
export function raftRequestSizeMax(requestBytes: number): number {
  return requestBytes + varintSize(requestBytes) + 20;
}

/**
 * Looks at an encoded `InternalRaftRequest` without decoding the request inside: which field holds it, where it lies, and the
 * request's ID. Reused for one entry after the other.
 */
export class RaftRequestPeek {
  /** Number of the field that holds the request; 0 if there is none. */
  field = 0;
  /** The encoded request is `data[start, end)`. */
  start = 0;
  end = 0;
  /** The lower 48 bits of the ID. */
  idLow48 = 0;

  /** Throws DecodeError. */
  read(data: Uint8Array): void {
    this.field = 0;
    this.start = 0;
    this.end = 0;
    this.idLow48 = 0;
    const reader = new Reader(data, 0, data.length);
    while (reader.position < data.length) {
      const tag = reader.tag();
      const field = tag >>> 3;
      if (field === ID_FIELD) {
        this.idLow48 = lowBits(reader);
      } else if ((tag & 7) !== 2) {
        reader.skip(tag);
      } else if (field === HEADER_FIELD) {
        this.#header(reader, reader.delimited());
      } else {
        this.field = field;
        this.end = reader.delimited();
        this.start = reader.position;
        reader.position = this.end;
      }
    }
    if (this.field === 0) throw new DecodeError("a replicated request without a request", 0);
  }

  #header(reader: Reader, end: number): void {
    while (reader.position < end) {
      const tag = reader.tag();
      if (tag === 0x08) this.idLow48 = lowBits(reader);
      else reader.skip(tag);
    }
  }
}

/** Reads a varint and keeps its lower 48 bits. */
function lowBits(reader: Reader): number {
  const { bytes } = reader;
  let result = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (reader.position >= reader.end) throw new DecodeError("unexpected EOF", reader.position);
    const byte = bytes[reader.position++] as number;
    if (i < 6) result += (byte & 0x7f) * scale;
    else if (i === 6) result += (byte & 0x3f) * scale;
    if (byte < 0x80) return result % TWO_48;
    scale *= 0x80;
  }
  throw new DecodeError("variable length integer overflow", reader.position);
}
