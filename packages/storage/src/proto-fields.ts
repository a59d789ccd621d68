import { concatBytes } from "@quorate/base";

/**
 * Just enough protobuf for the few messages the files consist of. A cursor walks the fields of one message; every read is
 * checked against the end, and a violation is reported once, by `failed`.
 */
export class ProtoFields {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;
  #wireType = 0;
  /** Set when the bytes are not a message. Whatever was read since is meaningless. */
  failed = false;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Number of the next field, whose value must be taken or skipped before the next call; 0 at the end or on failure. */
  next(): number {
    if (this.failed || this.#position >= this.#end) return 0;
    const key = this.#varint();
    this.#wireType = key & 7;
    const field = Math.floor(key / 8);
    if (field === 0) this.failed = true;
    return this.failed ? 0 : field;
  }

  /** A varint as a number; exact up to 2^53. */
  number(): number {
    if (this.#wireType !== 0) this.failed = true;
    return this.#varint();
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      if (this.#position >= this.#end) break;
      const byte = this.#bytes[this.#position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    this.failed = true;
    return 0;
  }

  /** A varint as an unsigned 64-bit value. */
  bigint(): bigint {
    if (this.#wireType !== 0) this.failed = true;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#position >= this.#end) break;
      const byte = this.#bytes[this.#position++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    this.failed = true;
    return 0n;
  }

  /** A length-delimited value, sharing the message's memory. */
  bytes(): Uint8Array {
    const length = this.#varint();
    if (this.failed || this.#wireType !== 2 || length > this.#end - this.#position) {
      this.failed = true;
      return this.#bytes.subarray(0, 0);
    }
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  /** Passes over the value of a field that is not known. */
  skip(): void {
    if (this.#wireType === 0) this.#varint();
    else if (this.#wireType === 2) this.bytes();
    else if (this.#wireType === 1) this.#position += 8;
    else if (this.#wireType === 5) this.#position += 4;
    else this.failed = true;
    if (this.#position > this.#end) this.failed = true;
  }
}

/** Collects a message. Not for hot paths. */
export class ProtoBuilder {
  readonly #parts: Uint8Array[] = [];

  /** A varint field, zero included. */
  number(field: number, value: number): this {
    return this.bigint(field, BigInt(value));
  }

  /** A varint field of 64 bits, zero included. */
  bigint(field: number, value: bigint): this {
    this.#parts.push(varint(BigInt(field * 8)), varint(BigInt.asUintN(64, value)));
    return this;
  }

  /** A length-delimited field; the bytes are borrowed until `build`. */
  bytes(field: number, value: Uint8Array): this {
    this.#parts.push(varint(BigInt(field * 8 + 2)), varint(BigInt(value.length)), value);
    return this;
  }

  build(): Uint8Array {
    return concatBytes(this.#parts);
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
