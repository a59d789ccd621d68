import { writeLatin1 } from "@quorate/base";

const INITIAL_BYTES = 1024;
const TWO_32 = 0x1_0000_0000;

/**
 * A growing buffer that protobuf fields are written into. Reuse one: `reset` keeps its memory. Numbers are safe integers;
 * 64-bit identities are bigints. Source: protobuf encoding page.
 */
export class Writer {
  /** What was written is `buffer[0, length)`; replaced when it grows. */
  buffer: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = 0;

  /** Forgets what was written. */
  reset(): void {
    this.length = 0;
  }

  /** A copy of what was written, with memory of its own. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
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

  /** A number in [0, 2^53) as varint. */
  varint(value: number): void {
    this.ensure(8);
    const buffer = this.buffer;
    let position = this.length;
    let rest = value;
    while (rest >= 0x80) {
      buffer[position++] = (rest % 0x80) | 0x80;
      // Bit operations stop at 2^31.
      rest = rest < TWO_32 / 2 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    buffer[position++] = rest;
    this.length = position;
  }

  /** A signed number as int64: negative ones take ten bytes. Beyond 2^53 it is as exact as the number was. */
  int64(value: number): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.varint(value);
    else this.bigint(BigInt(value));
  }

  /** A 64-bit integer, signed or not, as varint. */
  bigint(value: bigint): void {
    if (value >= 0n && value <= 0x1f_ffff_ffff_ffffn) {
      this.varint(Number(value));
      return;
    }
    this.ensure(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.length++] = Number(rest);
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

/** Bytes of a number in [0, 2^53) as varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  if (value < 0x2_0000_0000_0000) return 7;
  return 8;
}

/** Bytes of a signed number as int64. */
export function int64Size(value: number): number {
  return value < 0 ? 10 : varintSize(value);
}

/** Bytes of a 64-bit integer as varint. */
export function bigintSize(value: bigint): number {
  if (value >= 0n && value <= 0x1f_ffff_ffff_ffffn) return varintSize(Number(value));
  let rest = BigInt.asUintN(64, value);
  let size = 1;
  while (rest >= 0x80n) {
    rest >>= 7n;
    size++;
  }
  return size;
}
