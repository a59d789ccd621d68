import { assert } from "@quorate/base";

/** Bytes of a stored revision: main (int64, big endian), `_`, sub (int64, big endian). Source: etcd mvcc/revision.go. */
export const REVISION_BYTES = 17;

const SEPARATOR = 0x5f;
const TOMBSTONE_MARK = 0x74;
const TWO_TO_32 = 0x1_0000_0000;

/** The key of a record in etcd's `key` bucket: 17 bytes, and an 18th (`t`) for a tombstone. */
export function revisionBytes(main: number, sub: number, isTombstone = false): Uint8Array {
  const bytes = new Uint8Array(isTombstone ? REVISION_BYTES + 1 : REVISION_BYTES);
  writeInt64(bytes, 0, main);
  bytes[8] = SEPARATOR;
  writeInt64(bytes, 9, sub);
  if (isTombstone) bytes[REVISION_BYTES] = TOMBSTONE_MARK;
  return bytes;
}

/** The main revision in a stored revision. */
export function mainRevisionOf(bytes: Uint8Array): number {
  assert(bytes.length >= REVISION_BYTES, "a stored revision is too short", { length: bytes.length });
  return readInt64(bytes, 0);
}

function writeInt64(bytes: Uint8Array, offset: number, value: number): void {
  writeUint32(bytes, offset, Math.floor(value / TWO_TO_32));
  writeUint32(bytes, offset + 4, value % TWO_TO_32);
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

function readInt64(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let i = offset; i < offset + 8; i++) value = value * 256 + (bytes[i] as number);
  return value;
}
