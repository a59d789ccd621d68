import { assert, losslessText, utf8TextStrict } from "@quorate/base";
import { DecodeError } from "./decode-error.ts";
import { MESSAGE_DEPTH_MAX } from "./limits.ts";
import { HIGH, LOW, signed, unsigned, words } from "./varint64.ts";

const TWO_32 = 0x1_0000_0000;

/** Wire types. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

const GROUP_START = 3;
const GROUP_END = 4;
const GROUP_DEPTH_MAX = 100;
/** Of the largest field number, which no message has. */
const UNKNOWN_FIELD_TAG = 0xffff_fff8;

/**
 * Reads protobuf fields from `bytes[position, end)`. Strict about truncation and overlong varints; what it throws for bad
 * input is always a {@link DecodeError}. Bytes it returns are views that share the input.
 */
export class Reader {
  bytes: Uint8Array;
  position: number;
  end: number;
  /**
   * Whether is let through what etcd before 3.7 lets through: text that is no UTF-8, which becomes `losslessText`, varints whose
   * value has more than 64 bits, which are cut off, and unknown fields of any number, as groups of any depth and end.
   */
  isLenient = false;
  #depth = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    assert(start >= 0 && start <= end && end <= bytes.length, "the range to read lies within the bytes");
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Begins anew with other bytes, so that one reader serves for many. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    assert(start >= 0 && start <= end && end <= bytes.length, "the range to read lies within the bytes");
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.#depth = 0;
  }

  /** Narrows reading to a nested message that ends at `end`; returns what {@link leave} wants. */
  enter(end: number): number {
    if (++this.#depth > MESSAGE_DEPTH_MAX) throw new DecodeError("exceeded maximum recursion depth", this.position);
    const outer = this.end;
    this.end = end;
    return outer;
  }

  /** Ends the nested message. */
  leave(outer: number): void {
    this.#depth--;
    this.end = outer;
  }

  /** A field's tag, below 2^32. Field number 0 is refused; wire types 6 and 7 are by {@link skip}. */
  tag(): number {
    let tag = this.position < this.end ? (this.bytes[this.position] as number) : 0x80;
    if (tag < 0x80) this.position++;
    else tag = this.uint64();
    if (tag >= 8 && tag < TWO_32) return tag;
    if (tag >= TWO_32 && this.isLenient) return UNKNOWN_FIELD_TAG + ((words[LOW] as number) & 7);
    throw new DecodeError("illegal field number", this.position);
  }

  /** A varint cut to 32 bits, unsigned. */
  uint32(): number {
    const value = this.uint64();
    return value < TWO_32 ? value : (words[LOW] as number);
  }

  /** An enum or int32: a varint cut to 32 bits, signed. */
  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  /** An unsigned 64-bit varint as number: exact below 2^53, near above. */
  uint64(): number {
    const { bytes, end } = this;
    let position = this.position;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position >= end) throw new DecodeError("unexpected EOF", position);
      const byte = bytes[position++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return value;
      }
    }
    this.#wide();
    return (words[HIGH] as number) * TWO_32 + (words[LOW] as number);
  }

  /** A signed 64-bit varint as number: exact between -2^53 and 2^53, near outside. */
  int64(): number {
    const value = this.uint64();
    return value < TWO_32 ? value : ((words[HIGH] as number) | 0) * TWO_32 + (words[LOW] as number);
  }

  /** An unsigned 64-bit varint. */
  uint64Big(): bigint {
    const value = this.uint64();
    return value < TWO_32 ? BigInt(value) : (unsigned[0] as bigint);
  }

  /** A signed 64-bit varint. */
  int64Big(): bigint {
    const value = this.uint64();
    return value < TWO_32 ? BigInt(value) : (signed[0] as bigint);
  }

  /** Reads a varint into the halves of varint64.ts. */
  #wide(): void {
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let count = 0; count < 10; count++) {
      if (this.position >= this.end) throw new DecodeError("unexpected EOF", this.position);
      const byte = this.bytes[this.position++] as number;
      if (count < 4) low |= (byte & 0x7f) << (count * 7);
      else if (count < 8) middle |= (byte & 0x7f) << ((count - 4) * 7);
      else high |= (byte & 0x7f) << ((count - 8) * 7);
      if (byte < 0x80) {
        // Only one bit of the tenth byte is left of 64.
        if (count === 9 && byte > 1 && !this.isLenient) break;
        words[LOW] = low | (middle << 28);
        words[HIGH] = (middle >>> 4) | (high << 24);
        return;
      }
    }
    throw new DecodeError("variable length integer overflow", this.position);
  }

  /** A length-delimited field's content, as view. */
  view(): Uint8Array {
    const end = this.delimited();
    const view = this.bytes.subarray(this.position, end);
    this.position = end;
    return view;
  }

  /** UTF-8 text; anything else is refused unless {@link isLenient}. */
  string(): string {
    const view = this.view();
    if (this.isLenient) return losslessText(view);
    const text = utf8TextStrict(view);
    if (text === undefined) throw new DecodeError("string field contains invalid UTF-8", this.position);
    return text;
  }

  /** Reads a length and returns where the content ends; the position is at its start. */
  delimited(): number {
    const length = this.uint64();
    if (length > this.end - this.position) throw new DecodeError("unexpected EOF", this.position);
    return this.position + length;
  }

  /** Passes over the value of a field that is not known. */
  skip(tag: number): void {
    if (this.isLenient) this.#skipLeniently(tag);
    else this.#skip(tag, 0);
  }

  /** A group ends with any marker, as soon as as many have come as there were beginnings. */
  #skipLeniently(tag: number): void {
    let type = tag & 7;
    for (let depth = 0; ; type = this.uint32() & 7) {
      if (type === GROUP_START) depth++;
      else if (type === GROUP_END && depth > 0) depth--;
      else this.#skip(type, 0);
      if (depth === 0) return;
    }
  }

  #skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.uint64();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case LENGTH_DELIMITED:
        this.position = this.delimited();
        return;
      case FIXED32:
        this.#advance(4);
        return;
      case GROUP_START:
        this.#skipGroup(tag, depth);
        return;
      default:
        throw new DecodeError(`illegal wire type ${tag & 7}`, this.position);
    }
  }

  #skipGroup(tag: number, depth: number): void {
    if (depth >= GROUP_DEPTH_MAX) throw new DecodeError("groups nest too deeply", this.position);
    for (;;) {
      const inner = this.tag();
      if ((inner & 7) === GROUP_END) {
        if (inner >>> 3 !== tag >>> 3) throw new DecodeError("mismatching end group marker", this.position);
        return;
      }
      this.#skip(inner, depth + 1);
    }
  }

  #advance(count: number): void {
    if (count > this.end - this.position) throw new DecodeError("unexpected EOF", this.position);
    this.position += count;
  }
}
