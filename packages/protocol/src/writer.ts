import { assert, writeLatin1 } from "@quorate/base";
import { HIGH, LOW, splitSigned, splitUnsigned, unsigned, words } from "./varint64.ts";

const INITIAL_BYTES = 1024;
const TWO_31 = 0x8000_0000;

/**
 * A growing buffer that protobuf fields are written into. Reuse one: `reset` keeps its memory. Numbers are safe integers;
 * 64-bit identities are bigints. Source: protobuf encoding page.
 */
export class Writer {
  /** What was written is `buffer[0, length)`; replaced when it grows. */
  buffer: Uint8Array;
  length = 0;

  /** `buffer` is where it begins to write, given. */
  constructor(buffer: Uint8Array = new Uint8Array(INITIAL_BYTES)) {
    this.buffer = buffer;
  }

  /** Forgets what was written. */
  reset(): void {
    this.length = 0;
  }

  /** A copy of what was written, with memory of its own. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  /** Copies what was written to the beginning of `target`. */
  copyTo(target: Uint8Array): void {
    const { buffer, length } = this;
    // Below this a loop beats the call.
    if (length < 32) for (let i = 0; i < length; i++) target[i] = buffer[i] as number;
    else target.set(buffer.subarray(0, length));
  }

  /** Makes room for `bytes` more. */
  ensure(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }

  /** One byte, which a tag of a field below 16 is. */
  byte(value: number): void {
    this.ensure(1);
    this.buffer[this.length++] = value;
  }

  /** A number in [0, 2^64) as varint; beyond 2^53 it is as exact as the number was. */
  varint(value: number): void {
    if (value >= TWO_31) {
      splitUnsigned(value);
      this.varintHalves(words[LOW] as number, words[HIGH] as number);
      return;
    }
    assert(value >= 0, "a varint is not negative");
    this.ensure(5);
    const { buffer } = this;
    let position = this.length;
    let rest = value;
    while (rest >= 0x80) {
      buffer[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[position++] = rest;
    this.length = position;
  }

  /** A signed number as int64: negative ones take ten bytes. Beyond 2^53 it is as exact as the number was. */
  int64(value: number): void {
    if (value >= 0 && value < TWO_31) {
      this.varint(value);
      return;
    }
    splitSigned(value);
    this.varintHalves(words[LOW] as number, words[HIGH] as number);
  }

  /** A 64-bit integer, signed or not, as varint. */
  bigint(value: bigint): void {
    unsigned[0] = value;
    this.varintHalves(words[LOW] as number, words[HIGH] as number);
  }

  /** The 64-bit integer made of two unsigned halves, as varint. */
  varintHalves(lowHalf: number, highHalf: number): void {
    this.ensure(10);
    const { buffer } = this;
    let low = lowHalf;
    let high = highHalf;
    let position = this.length;
    while (high !== 0 || low >= 0x80) {
      buffer[position++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    buffer[position++] = low;
    this.length = position;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const count = bytes.length;
    this.ensure(count);
    if (count < 24) {
      for (let i = 0; i < count; i++) this.buffer[this.length + i] = bytes[i] as number;
    } else {
      this.buffer.set(bytes, this.length);
    }
    this.length += count;
  }

  /** A length and bytes. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A length and the bytes that a latin1 string stands for. */
  latin1(text: string): void {
    this.varint(text.length);
    this.ensure(text.length);
    this.length = writeLatin1(text, this.buffer, this.length);
  }

  /** Begins a length-delimited field whose length is not known: returns what {@link end} wants. */
  begin(): number {
    this.ensure(1);
    return ++this.length;
  }

  /** Ends it: writes the length before it. PERF: moves the content when it takes 128 bytes or more. */
  end(start: number): void {
    const size = this.length - start;
    if (size < 0x80) {
      this.buffer[start - 1] = size;
      return;
    }
    const extra = varintSize(size) - 1;
    this.ensure(extra);
    this.buffer.copyWithin(start + extra, start, this.length);
    this.length = start - 1;
    this.varint(size);
    this.length += size;
  }
}

/** From this size on the scratch writer's memory is given back. */
const SCRATCH_BYTES_MAX = 1024 * 1024;
let scratch = new Writer();

/** The encoded form of `message`, in memory of its own. `write` must not come back here. */
export function encodeMessage<T>(write: (writer: Writer, message: T) => void, message: T): Uint8Array {
  scratch.reset();
  write(scratch, message);
  const bytes = scratch.finish();
  if (scratch.buffer.length > SCRATCH_BYTES_MAX) scratch = new Writer();
  return bytes;
}

/** Bytes of a number in [0, 2^64) as varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  if (value < 0x2_0000_0000_0000) return 7;
  if (value < 2 ** 56) return 8;
  return value < 2 ** 63 ? 9 : 10;
}

/** Bytes of a signed number as int64. */
export function int64Size(value: number): number {
  // The largest int64 was rounded up to 2^63 when it became a number.
  return value < 0 ? 10 : Math.min(varintSize(value), 9);
}

/** Bytes of a 64-bit integer as varint. */
export function bigintSize(value: bigint): number {
  unsigned[0] = value;
  const high = words[HIGH] as number;
  if (high === 0) return varintSize(words[LOW] as number);
  // The low half fills four groups of seven bits and lends four bits to the fifth.
  if (high < 0x8) return 5;
  if (high < 0x400) return 6;
  if (high < 0x2_0000) return 7;
  if (high < 0x100_0000) return 8;
  return high < TWO_31 ? 9 : 10;
}
