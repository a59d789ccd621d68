/**
 * Bytes and the latin1 strings that stand for them inside indexes: one char code per byte, so that string order is
 * byte order and V8 compares and hashes keys natively. Where the host has Node's `Buffer` its native conversions are
 * used; elsewhere plain loops give the same result.
 */
interface NativeBytes {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string;
  readonly latin1Write: (this: Uint8Array, text: string, offset: number, length: number) => number;
}
interface NativeBuffer {
  readonly prototype: NativeBytes;
  compare(a: Uint8Array, b: Uint8Array): number;
}

const native = (globalThis as { Buffer?: NativeBuffer }).Buffer;
const nativeSlice = native?.prototype.latin1Slice;
const nativeWrite = native?.prototype.latin1Write;

/** No bytes at all; shared, so never write through it. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** The latin1 string of `bytes[start, end)`. */
export function latin1FromBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (nativeSlice !== undefined) return nativeSlice.call(bytes, start, end);
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** Writes `text` (char codes below 256) at `offset` and returns the offset behind it. */
export function writeLatin1(text: string, target: Uint8Array, offset: number): number {
  const length = text.length;
  if (length > 24 && nativeWrite !== undefined) {
    nativeWrite.call(target, text, offset, length);
  } else {
    for (let i = 0; i < length; i++) target[offset + i] = text.charCodeAt(i);
  }
  return offset + length;
}

/** The bytes a latin1 string stands for, in a fresh array. */
export function bytesFromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(text, bytes, 0);
  return bytes;
}

/** Compares as unsigned bytes, shorter first among equal prefixes: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (native !== undefined) return native.compare(a, b);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** A copy with memory of its own: unlike `subarray`, it keeps no larger buffer alive. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** All parts, one behind the other, in a fresh array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
