import { utf8TextStrict } from "@quorate/base";
import { DecodeError } from "./decode-error.ts";

const TWO_28 = 0x1000_0000;
const TWO_56 = 0x100_0000_0000_0000;
const TWO_63 = 0x8000_0000_0000_0000;
const TWO_64 = 0x1_0000_0000_0000_0000;

/** Wire types. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

const GROUP_START = 3;
const GROUP_END = 4;
const GROUP_DEPTH_MAX = 100;
/** Messages nest this deep at most; a transaction of etcd's limits needs half of it. */
const MESSAGE_DEPTH_MAX = 600;

/**
 * Reads protobuf fields from `bytes[position, end)`. Strict about truncation and overlong varints; what it throws is always a
 * {@link DecodeError}. Bytes it returns are views that share the input.
 */
export class Reader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  #depth = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
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

  /** A field's tag. Field number 0 and wire types 6 and 7 are refused. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new DecodeError("illegal tag 0", this.position);
    return tag;
  }

  /** A varint cut to 32 bits, unsigned. */
  uint32(): number {
    const bytes = this.bytes;
    if (this.position < this.end) {
      const first = bytes[this.position] as number;
      if (first < 0x80) {
        this.position++;
        return first;
      }
    }
    return this.#low32();
  }

  #low32(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#checkTenth(shift, byte);
        return result >>> 0;
      }
    }
    throw new DecodeError("variable length integer overflow", this.position);
  }

  /** An enum or int32: a varint cut to 32 bits, signed. */
  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    let any = 0;
    for (let count = 0; count < 10; count++) {
      const byte = this.#byte();
      any |= byte & 0x7f;
      if (byte < 0x80) {
        this.#checkTenth(count * 7, byte);
        return any !== 0;
      }
    }
    throw new DecodeError("variable length integer overflow", this.position);
  }

  /** An unsigned 64-bit varint as number: exact below 2^53, near above. */
  uint64(): number {
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#byte();
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#checkTenth(count * 7, byte);
        return result;
      }
      scale *= 0x80;
    }
    throw new DecodeError("variable length integer overflow", this.position);
  }

  /** A signed 64-bit varint as number: exact between -2^53 and 2^53, near outside. */
  int64(): number {
    const bytes = this.bytes;
    const start = this.position;
    if (start < this.end && (bytes[start] as number) < 0x80) {
      this.position++;
      return bytes[start] as number;
    }
    const value = this.uint64();
    if (value < TWO_63) return value;
    // Small negative numbers are lost in the sum; take them from the parts.
    return this.#negative(start, value);
  }

  #negative(start: number, value: number): number {
    if (this.position - start < 10) return value;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 4; i++) low += ((this.bytes[start + i] as number) & 0x7f) * 0x80 ** i;
    for (let i = 4; i < 8; i++) high += ((this.bytes[start + i] as number) & 0x7f) * 0x80 ** (i - 4);
    const top = ((this.bytes[start + 8] as number) & 0x7f) + ((this.bytes[start + 9] as number) & 1) * 0x80;
    // Two's complement of 64 bits, subtracted from the top down so that nothing is rounded away.
    return (top - TWO_64 / TWO_56) * TWO_56 + high * TWO_28 + low;
  }

  /** An unsigned 64-bit varint. */
  uint64Big(): bigint {
    let result = 0n;
    const start = this.position;
    const value = this.uint64();
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
    for (let i = this.position - 1; i >= start; i--) result = (result << 7n) | BigInt((this.bytes[i] as number) & 0x7f);
    return BigInt.asUintN(64, result);
  }

  /** A signed 64-bit varint. */
  int64Big(): bigint {
    const bytes = this.bytes;
    if (this.position < this.end && (bytes[this.position] as number) === 0) {
      this.position++;
      return 0n;
    }
    return BigInt.asIntN(64, this.uint64Big());
  }

  /** A length-delimited field's content, as view. */
  view(): Uint8Array {
    const end = this.delimited();
    const view = this.bytes.subarray(this.position, end);
    this.position = end;
    return view;
  }

  /** UTF-8 text; anything else is refused. */
  string(): string {
    const view = this.view();
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
    this.#skip(tag, 0);
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

  #byte(): number {
    if (this.position >= this.end) throw new DecodeError("unexpected EOF", this.position);
    return this.bytes[this.position++] as number;
  }

  /** Only one bit of the tenth byte is left of 64. */
  #checkTenth(shift: number, byte: number): void {
    if (shift === 63 && byte > 1) throw new DecodeError("variable length integer overflow", this.position);
  }
}
