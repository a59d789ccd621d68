import { crc32c } from "@quorate/base";

/** LevelDB's table files, as far as this package reads them itself. Source: LevelDB table_format.md, table/format.cc. */
export const FOOTER_BYTES = 48;
/** Behind each block: a byte for its compression and the masked CRC-32C of both. */
export const TRAILER_BYTES = 5;
const MAGIC: readonly number[] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** The only compression that engines of this package are written with. */
const UNCOMPRESSED = 0;
/** Behind the key in every entry of a table: sequence and kind. */
export const KEY_TRAILER_BYTES = 8;

/** Where a block lies in its file, without its trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** Whether a file's last bytes are those of a table. */
export function hasMagic(footer: Uint8Array): boolean {
  return MAGIC.every((byte, i) => footer[footer.length - 8 + i] === byte);
}

/** The checksum of `bytes[start, end)` as LevelDB stores it. */
export function maskedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  const crc = crc32c(0, bytes, start, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Whether the block at `[start, start + size)` is uncompressed and its checksum right; the trailer follows it in `bytes`. */
export function isIntactBlock(bytes: Uint8Array, start: number, size: number): boolean {
  const end = start + size + 1;
  if (end + 4 > bytes.length || bytes[end - 1] !== UNCOMPRESSED) return false;
  const masked = maskedCrc32c(bytes, start, end);
  for (let i = 0; i < 4; i++) if (bytes[end + i] !== ((masked >>> (8 * i)) & 0xff)) return false;
  return true;
}

/** Where the entries of the block in `bytes[start, end)` end and its restart points begin. */
export function entriesEnd(bytes: Uint8Array, start: number, end: number): number {
  const restarts = readFixed32(bytes, end - 4);
  return Math.max(start, end - 4 - restarts * 4);
}

/** The blocks that the index block in `bytes[start, start + size)` lists. Undefined if it cannot be read. */
export function listedBlocks(bytes: Uint8Array, start: number, size: number): BlockHandle[] | undefined {
  const end = entriesEnd(bytes, start, start + size);
  const blocks: BlockHandle[] = [];
  let position = start;
  while (position < end) {
    const shared = readVarint(bytes, position);
    const unshared = readVarint(bytes, shared.next);
    const valueLength = readVarint(bytes, unshared.next);
    const valueStart = valueLength.next + unshared.value;
    const value = readHandle(bytes, valueStart);
    if (value.next !== valueStart + valueLength.value) return undefined;
    blocks.push(value.handle);
    position = value.next;
  }
  return position === end ? blocks : undefined;
}

/** A block handle: offset and size as varints. */
export function readHandle(bytes: Uint8Array, at: number): { readonly handle: BlockHandle; readonly next: number } {
  const offset = readVarint(bytes, at);
  const size = readVarint(bytes, offset.next);
  return { handle: { offset: offset.value, size: size.value }, next: size.next };
}

export function readVarint(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let position = at;
  for (let scale = 1; position < at + 8; scale *= 128) {
    const byte = bytes[position++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return { value, next: position };
}

function readFixed32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
