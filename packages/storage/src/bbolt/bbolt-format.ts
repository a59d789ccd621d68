/**
 * How a bbolt file is laid out. Pages of one size, little-endian; a page's ID is its place. Pages 0 and 1 are metas, of which the
 * valid one with the higher transaction counts. Source: bbolt internal/common page.go, meta.go, bucket.go; file formats page,
 * section 1.
 */

/** The page size of files written here; files are read with any. */
export const PAGE_BYTES = 4096;
export const PAGE_HEADER_BYTES = 16;
/** Of an element in a leaf or branch page: flags or position, sizes, child. */
export const ELEMENT_BYTES = 16;
export const META_BYTES = 64;
/** Root page and sequence, which is what a bucket's value begins with. */
export const BUCKET_HEADER_BYTES = 16;

export const PageFlag = { Branch: 1, Leaf: 2, Meta: 4, Freelist: 16 } as const;
/** Marks the element of a leaf page that is a bucket. */
export const BUCKET_ELEMENT = 1;

const MAGIC = 0xed0cdaed;
const VERSION = 2;
const CHECKED_BYTES = 56;
const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const NO_FREELIST = 0xffffffffffffffffn;
const PAGE_SIZE_MIN = 1024;
const PAGE_SIZE_MAX = 16 * 1024 * 1024;

/** One key and its value. */
export interface BboltRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What a meta page says. */
export interface BboltMeta {
  readonly pageSize: number;
  /** The page of the tree of buckets. */
  readonly root: number;
  /** The first page ID that was never used: the file's size in pages. */
  readonly pageCount: number;
  readonly txid: bigint;
}

/** The 64 bytes behind a meta page's header. */
export function encodeMeta(meta: BboltMeta): Uint8Array {
  const bytes = new Uint8Array(META_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, meta.pageSize, true);
  view.setBigUint64(16, BigInt(meta.root), true);
  view.setBigUint64(32, NO_FREELIST, true);
  view.setBigUint64(40, BigInt(meta.pageCount), true);
  view.setBigUint64(48, meta.txid, true);
  view.setBigUint64(CHECKED_BYTES, fnv1a(bytes.subarray(0, CHECKED_BYTES)), true);
  return bytes;
}

/** What the 64 bytes behind a meta page's header say; `foreign` without the magic number, `damaged` if anything else is wrong. */
export function decodeMeta(bytes: Uint8Array): BboltMeta | "foreign" | "damaged" {
  if (bytes.length < META_BYTES) return "foreign";
  const view = new DataView(bytes.buffer, bytes.byteOffset, META_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return "foreign";
  if (view.getUint32(4, true) !== VERSION) return "damaged";
  if (view.getBigUint64(CHECKED_BYTES, true) !== fnv1a(bytes.subarray(0, CHECKED_BYTES))) return "damaged";
  const pageSize = view.getUint32(8, true);
  const isPower = (pageSize & (pageSize - 1)) === 0;
  if (!isPower || pageSize < PAGE_SIZE_MIN || pageSize > PAGE_SIZE_MAX) return "damaged";
  return {
    pageSize,
    root: Number(view.getBigUint64(16, true)),
    pageCount: Number(view.getBigUint64(40, true)),
    txid: view.getBigUint64(48, true),
  };
}

/** FNV-1a of 64 bits. Not for hot paths. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  return hash;
}

/** Where meta page 1 may lie while the page size is not known: behind a page of any size. */
export function possiblePageSizes(): number[] {
  const sizes: number[] = [];
  for (let size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) sizes.push(size);
  return sizes;
}
