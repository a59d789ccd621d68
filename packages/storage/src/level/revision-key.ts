/**
 * Keys of the engine. A revision is 8 bytes main, 8 bytes sub (big-endian) and a byte that is 1 for a tombstone, so byte order
 * is revision order with a put before a tombstone. Revisions are below 2^53: their first byte is 0, and other kinds of
 * records begin with a letter.
 */
export const REVISION_KEY_BYTES = 17;

/** Behind every revision, before every other record. */
export const REVISIONS_END: Uint8Array = Uint8Array.of(0x01);

/** Writes a revision key at `target[at, at + 17)`. */
export function writeRevisionKey(
  target: Uint8Array,
  at: number,
  main: number,
  sub: number,
  isTombstone: boolean,
): void {
  writeUint64(target, at, main);
  writeUint64(target, at + 8, sub);
  target[at + 16] = isTombstone ? 1 : 0;
}

/** A revision key in bytes of its own. */
export function revisionKey(main: number, sub: number, isTombstone: boolean): Uint8Array {
  const key = new Uint8Array(REVISION_KEY_BYTES);
  writeRevisionKey(key, 0, main, sub, isTombstone);
  return key;
}

/** The number in 8 big-endian bytes. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 0x1_0000_0000 + readUint32(bytes, at + 4);
}

function writeUint64(target: Uint8Array, at: number, value: number): void {
  writeUint32(target, at, Math.floor(value / 0x1_0000_0000));
  writeUint32(target, at + 4, value >>> 0);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Big-endian. */
export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
