import { crc32 } from "node:zlib";
import { writeUint32 } from "./revision-key.ts";

/**
 * Every record of the engine carries a checksum of its own, because LevelDB does not verify tables it reads (rule E3): the
 * value is followed by the CRC-32 of key and value, big-endian.
 */
export const CHECKSUM_BYTES = 4;

/** A value as it is stored under `key`. */
export function sealValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(value.length + CHECKSUM_BYTES);
  stored.set(value);
  writeUint32(stored, value.length, crc32(value, crc32(key)));
  return stored;
}

/** The value inside `stored`, sharing its memory, without a look at the checksum; undefined if there is no room for one. */
export function valuePart(stored: Uint8Array): Uint8Array | undefined {
  const end = stored.length - CHECKSUM_BYTES;
  return end < 0 ? undefined : stored.subarray(0, end);
}

/** The value inside `stored`, sharing its memory; undefined if the checksum does not match. */
export function openValue(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
  const value = valuePart(stored);
  if (value === undefined) return undefined;
  const end = value.length;
  const crc = crc32(value, crc32(key));
  for (let i = 0; i < CHECKSUM_BYTES; i++) {
    if (stored[end + i] !== ((crc >>> (24 - 8 * i)) & 0xff)) return undefined;
  }
  return value;
}
