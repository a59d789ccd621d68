import { prefixEnd } from "@quorate/base";

/** The end of a range without end, and the key that all others follow. */
export const FIRST_KEY: Uint8Array = Uint8Array.of(0);

const encoder = new TextEncoder();

/** A key or value as typed. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Which keys a command means. */
export interface KeyRange {
  readonly key: Uint8Array;
  /** Empty: the key alone. One zero byte: all from the key on. */
  readonly rangeEnd: Uint8Array;
}

export interface RangeFlags {
  readonly prefix: boolean;
  readonly fromKey: boolean;
}

/**
 * The range for a key, an end and the flags --prefix and --from-key; an empty key then means all keys. `encode` makes bytes of what was
 * typed: {@link bytesOf} on a command line. CLI page, A2.
 */
export function keyRange(
  key: string,
  end: string | undefined,
  flags: RangeFlags,
  encode: (text: string) => Uint8Array = bytesOf,
): KeyRange {
  const bytes = encode(key);
  if (end !== undefined) return { key: bytes, rangeEnd: encode(end) };
  if (!flags.prefix && !flags.fromKey) return { key: bytes, rangeEnd: new Uint8Array() };
  const first = bytes.length === 0 ? FIRST_KEY : bytes;
  const isPrefix = flags.prefix && !flags.fromKey && bytes.length > 0;
  return { key: first, rangeEnd: isPrefix ? prefixEnd(bytes) : FIRST_KEY };
}
