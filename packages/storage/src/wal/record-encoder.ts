import { crc32c } from "@quorate/base";
import type { Entry } from "@quorate/raft";
import { FRAME_ALIGNMENT, paddingFor, RecordType, varintSize } from "./record-format.ts";

const INITIAL_BYTES = 256 * 1024;
/** A buffer that one huge batch made larger than this is given back. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;
/** Length word, type field, crc field at its longest, data field's tag and longest length. */
const OVERHEAD_BYTES = FRAME_ALIGNMENT + 2 + 6 + 6 + FRAME_ALIGNMENT;
/** Longest head of an entry message: type, term, index, data's tag and length. */
const ENTRY_HEAD_BYTES = 4 + 9 + 9 + 6;

/**
 * Encodes records one behind the other into one reused buffer, and runs the checksum chain. PERF: an entry costs one copy of
 * its data, one pass of the checksum and no allocation.
 */
export class RecordEncoder {
  #buffer: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #view: DataView = new DataView(this.#buffer.buffer);
  #length = 0;
  #crc: number;
  /** Type of the last record encoded since the reset; 0 if there is none. */
  lastType = 0;

  /** `crc`: the running checksum so far, 0 in a new log. */
  constructor(crc: number) {
    this.#crc = crc;
  }

  /** The encoded bytes are `buffer[0, length)`; borrowed until the next call. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  get length(): number {
    return this.#length;
  }

  /** The running checksum behind what was encoded. */
  get crc(): number {
    return this.#crc;
  }

  /** Forgets the bytes, not the checksum. */
  reset(): void {
    this.#length = 0;
    this.lastType = 0;
    if (this.#buffer.length > KEPT_BYTES_MAX) this.#allocate(INITIAL_BYTES);
  }

  /** The record that links a segment to the one before it: it has no data, and carries the running checksum. */
  crcRecord(): void {
    this.#reserve(OVERHEAD_BYTES);
    const start = this.#length;
    const end = this.#head(start, RecordType.Crc, this.#crc);
    this.#frame(start, end);
  }

  /** A record around bytes that are a message already. */
  record(type: number, data: Uint8Array): void {
    this.#reserve(OVERHEAD_BYTES + data.length);
    this.#crc = crc32c(this.#crc, data);
    const start = this.#length;
    let position = this.#head(start, type, this.#crc);
    this.#buffer[position++] = 0x1a;
    position = this.#varint(position, data.length);
    this.#buffer.set(data, position);
    this.#frame(start, position + data.length);
  }

  /** An entry record, its raftpb.Entry written in place. */
  entry(entry: Entry): void {
    const { data } = entry;
    this.#reserve(OVERHEAD_BYTES + ENTRY_HEAD_BYTES + data.length);
    const dataField = data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length;
    const messageBytes =
      1 + varintSize(entry.type) + 1 + varintSize(entry.term) + 1 + varintSize(entry.index) + dataField;
    const start = this.#length;
    // The checksum stands before the data it covers and is a varint: the data is written where the longest checksum would
    // leave it, which is right fifteen times out of sixteen, and moved otherwise.
    const lengthSize = varintSize(messageBytes);
    const messageStart = start + FRAME_ALIGNMENT + 2 + 6 + 1 + lengthSize;
    const messageEnd = this.#message(messageStart, entry);
    this.#crc = crc32c(this.#crc, this.#buffer, messageStart, messageEnd);
    let position = this.#head(start, RecordType.Entry, this.#crc);
    this.#buffer[position++] = 0x1a;
    position = this.#varint(position, messageBytes);
    if (position !== messageStart) this.#buffer.copyWithin(position, messageStart, messageEnd);
    this.#frame(start, position + messageBytes);
  }

  #message(start: number, entry: Entry): number {
    const buffer = this.#buffer;
    let position = start;
    buffer[position++] = 0x08;
    position = this.#varint(position, entry.type);
    buffer[position++] = 0x10;
    position = this.#varint(position, entry.term);
    buffer[position++] = 0x18;
    position = this.#varint(position, entry.index);
    const { data } = entry;
    if (data.length === 0) return position;
    buffer[position++] = 0x22;
    position = this.#varint(position, data.length);
    buffer.set(data, position);
    return position + data.length;
  }

  /** Type and crc fields of the record of the frame at `start`; returns the position behind. */
  #head(start: number, type: number, crc: number): number {
    const buffer = this.#buffer;
    this.lastType = type;
    let position = start + FRAME_ALIGNMENT;
    buffer[position++] = 0x08;
    buffer[position++] = type;
    buffer[position++] = 0x10;
    return this.#varint(position, crc);
  }

  /** Writes length word and padding around the record that ends at `end`. */
  #frame(start: number, end: number): void {
    const recordBytes = end - start - FRAME_ALIGNMENT;
    const padding = paddingFor(recordBytes);
    this.#view.setUint32(start, recordBytes, true);
    this.#view.setUint32(start + 4, padding === 0 ? 0 : ((0x80 | padding) << 24) >>> 0, true);
    for (let i = 0; i < padding; i++) this.#buffer[end + i] = 0;
    this.#length = end + padding;
  }

  #varint(start: number, value: number): number {
    let position = start;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#buffer[position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#buffer[position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[position++] = rest;
    return position;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    let size = this.#buffer.length;
    while (size < needed) size *= 2;
    this.#allocate(size);
  }

  #allocate(size: number): void {
    const old = this.#buffer;
    this.#buffer = new Uint8Array(size);
    this.#view = new DataView(this.#buffer.buffer);
    if (this.#length > 0) this.#buffer.set(old.subarray(0, this.#length));
  }
}
