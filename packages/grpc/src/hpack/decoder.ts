import { latin1FromBytes } from "@quorate/base";
import { type HeaderField, headerField } from "./field.ts";
import { decodeHuffman } from "./huffman.ts";
import { LiteralMemo } from "./literal-memo.ts";
import { DYNAMIC_BASE, STATIC_TABLE } from "./static-table.ts";

/** The table both sides start with, RFC 9113 section 6.5.2; we never raise it. */
export const TABLE_BYTES = 4096;
/** An entry takes 32 bytes at least, so the ring never needs more places. */
const RING = TABLE_BYTES / 32;
/** Strings of up to this many coded bytes share one scratch buffer. */
const SCRATCH_BYTES = 4096;

const scratch = Buffer.allocUnsafeSlow(Math.ceil((SCRATCH_BYTES * 8) / 5) + 1);

/** The place of a `grpc-timeout` field in a list: its own value is in {@link HpackDecoder.timeoutMs}. */
export const TIMEOUT_PLACE: HeaderField = headerField("grpc-timeout", "0n");

export interface DecoderLimits {
  readonly maxHeaderListBytes: number;
  readonly maxHeaderFields: number;
}

/**
 * HPACK decoding for one connection. `decode` leaves its result in the public fields, which stay valid until the next call:
 * no list is allocated per request, and a field that came by index is the table's own object.
 * Source: RFC 7541, with the integer and string bounds of CVE-2023-33953.
 */
export class HpackDecoder {
  /** The fields of the last block, `count` of them when the list is within its limits. */
  readonly fields: HeaderField[] = [];
  count = 0;
  /** Decoded size of the list, counted on beyond the limit. */
  listBytes = 0;
  /** True when the list exceeded a limit: the table is right, `fields` is cut off. */
  tooLarge = false;
  /** Value of `grpc-timeout`, NaN when malformed or repeated, -1 when absent. */
  timeoutMs = -1;
  /** Hash over the sequence of fields, equal for equal sequences of the same objects. */
  hash = 0;
  /** True when every field is an entry of a table or came as a literal before, so that the same objects may come again. */
  repeatable = true;

  readonly #limits: DecoderLimits;
  readonly #literals = new LiteralMemo();
  readonly #ring: (HeaderField | undefined)[] = Array.from({ length: RING });
  /** Ring position of the newest entry; older ones follow. */
  #newest = 0;
  #entries = 0;
  #tableBytes = 0;
  #tableMax = TABLE_BYTES;
  /** Where the reader stands in the block; -1 after an error. */
  #position = 0;

  constructor(limits: DecoderLimits) {
    this.#limits = limits;
  }

  /** Decodes the block `source[start, end)`. False when it is malformed, which is an error of the whole connection. */
  decode(source: Uint8Array, start: number, end: number): boolean {
    this.count = 0;
    this.listBytes = 0;
    this.tooLarge = false;
    this.timeoutMs = -1;
    this.hash = 0;
    this.repeatable = true;
    this.#position = start;
    let fieldSeen = false;
    while (this.#position < end) {
      const first = source[this.#position] as number;
      if (first >= 0x80) {
        const field = this.#entry(this.#integer(source, end, 0x7f));
        if (field === undefined) return false;
        this.#add(field);
      } else if (first >= 0x20 && first < 0x40) {
        const size = this.#integer(source, end, 0x1f);
        if (fieldSeen || size < 0 || size > TABLE_BYTES) return false;
        this.#tableMax = size;
        this.#evict(0);
        continue;
      } else if (!this.#literal(source, end, first)) return false;
      fieldSeen = true;
    }
    return true;
  }

  #literal(source: Uint8Array, end: number, first: number): boolean {
    const start = this.#position;
    const insert = first >= 0x40;
    const index = this.#integer(source, end, insert ? 0x3f : 0x0f);
    if (index < 0) return false;
    if (!insert) {
      const strings = this.#position;
      if ((index === 0 && !this.#skip(source, end)) || !this.#skip(source, end)) return false;
      // A list that is too large already is only followed for the sake of the table.
      if (this.tooLarge) return true;
      const known = this.#literals.find(source, start, this.#position);
      if (known !== undefined) {
        this.#add(known);
        return true;
      }
      this.#position = strings;
    }
    const name = index === 0 ? this.#string(source, end) : this.#entry(index)?.name;
    if (name === undefined) return false;
    const value = this.#string(source, end);
    if (value === undefined) return false;
    const field = headerField(name, value);
    if (insert) this.#insert(field);
    else if (field.timeoutMs === -1) {
      this.repeatable = false;
      // What was marked as never to be indexed is not kept, nor what depends on a table that changes.
      if (first < 0x10 && index < DYNAMIC_BASE) this.#literals.remember(source, start, this.#position, field);
    }
    this.#add(field);
    return true;
  }

  #add(field: HeaderField): void {
    let place = field;
    this.listBytes += field.size;
    if (field.timeoutMs !== -1) {
      this.timeoutMs = this.timeoutMs === -1 ? field.timeoutMs : Number.NaN;
      place = TIMEOUT_PLACE;
    }
    if (this.count >= this.#limits.maxHeaderFields || this.listBytes > this.#limits.maxHeaderListBytes) {
      this.tooLarge = true;
      return;
    }
    this.fields[this.count++] = place;
    this.hash = (Math.imul(this.hash, 31) + place.serial) | 0;
  }

  #entry(index: number): HeaderField | undefined {
    if (index <= 0) return undefined;
    if (index < DYNAMIC_BASE) return STATIC_TABLE[index];
    const age = index - DYNAMIC_BASE;
    return age < this.#entries ? this.#ring[(this.#newest + age) % RING] : undefined;
  }

  #insert(field: HeaderField): void {
    this.#evict(field.size);
    // An entry larger than the table empties it and is not kept, which is no error: RFC 7541 section 4.4.
    if (field.size > this.#tableMax) return;
    this.#newest = (this.#newest + RING - 1) % RING;
    this.#ring[this.#newest] = field;
    this.#entries++;
    this.#tableBytes += field.size;
  }

  /** Drops the oldest entries until `room` more bytes fit. */
  #evict(room: number): void {
    while (this.#entries > 0 && this.#tableBytes + room > this.#tableMax) {
      const oldest = (this.#newest + this.#entries - 1) % RING;
      this.#tableBytes -= (this.#ring[oldest] as HeaderField).size;
      this.#ring[oldest] = undefined;
      this.#entries--;
    }
  }

  /** An integer whose first byte holds its low bits under `mask`; at most five more bytes. -1 when it is malformed. */
  #integer(source: Uint8Array, end: number, mask: number): number {
    if (this.#position >= end) return -1;
    let value = (source[this.#position++] as number) & mask;
    if (value < mask) return value;
    let scale = 1;
    for (let octet = 0; octet < 5 && this.#position < end; octet++) {
      const byte = source[this.#position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return -1;
  }

  #skip(source: Uint8Array, end: number): boolean {
    const length = this.#integer(source, end, 0x7f);
    this.#position += length;
    return length >= 0 && this.#position <= end;
  }

  #string(source: Uint8Array, end: number): string | undefined {
    if (this.#position >= end) return undefined;
    const huffman = (source[this.#position] as number) >= 0x80;
    const length = this.#integer(source, end, 0x7f);
    if (length < 0 || length > end - this.#position) return undefined;
    const from = this.#position;
    this.#position += length;
    if (!huffman) return latin1FromBytes(source, from, from + length);
    const target = length <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafe(Math.ceil((length * 8) / 5) + 1);
    const decoded = decodeHuffman(source, from, from + length, target);
    return decoded < 0 ? undefined : latin1FromBytes(target, 0, decoded);
  }
}
