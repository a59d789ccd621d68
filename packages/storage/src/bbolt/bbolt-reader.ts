import { compareBytes, copyBytes, type FileSystem, latin1FromBytes, type OpenFile } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import {
  type BboltMeta,
  type BboltRecord,
  BUCKET_HEADER_BYTES,
  decodeMeta,
  META_BYTES,
  PAGE_HEADER_BYTES,
  possiblePageSizes,
} from "./bbolt-format.ts";
import { type BboltElement, type BboltPage, PageReader } from "./page-reader.ts";

const REMEDY = "use another copy of it";
/** With two children a branch, a tree this high fills any disk. */
const HEIGHT_MAX = 64;

/** A bucket of a file: where its tree begins, or, of a small one, the page that lies in its place. */
export interface BboltBucket {
  /** The name's bytes as latin1. */
  readonly name: string;
  readonly root: number;
  readonly inline: Uint8Array | undefined;
  /** Where the file tells of it. */
  readonly offset: number;
}

/** The keys a page may hold: from `low`, and below `high` if there is one. */
interface Bounds {
  readonly low: Uint8Array | undefined;
  readonly high: Uint8Array | undefined;
}

/** Which leaves of a tree are wanted, and in what order. */
interface Course {
  /** The first key wanted. */
  readonly from: Uint8Array | undefined;
  readonly backward: boolean;
  /** A bit for each page that was met. */
  readonly visited: Uint8Array;
}

/**
 * Reads a bbolt file that nobody writes, whoever wrote it. Whatever the bytes are, it ends, and says what is wrong by a
 * StorageError with file and offset. Records carry no checksum: a changed value is not noticed. Memory: a page per height.
 */
export class BboltReader {
  readonly #file: OpenFile;
  readonly #pages: PageReader;
  readonly #root: number;

  private constructor(file: OpenFile, pages: PageReader, root: number) {
    this.#file = file;
    this.#pages = pages;
    this.#root = root;
  }

  /** Opens a file. Throws StorageError `missing`, `foreign` (something else entirely) or `damaged`. */
  static open(fs: FileSystem, path: string): BboltReader {
    let file: OpenFile;
    try {
      file = fs.open(path, "read");
    } catch (cause) {
      throw new StorageError("missing", "cannot open a bbolt file", { file: path, remedy: REMEDY, cause });
    }
    try {
      const { pageSize, pageCount, root } = readMeta(file, path);
      const pages = new PageReader(file, path, pageSize, pageCount, REMEDY);
      if (pageCount * pageSize > file.sizeBytes()) throw pages.damaged("it ends too early", file.sizeBytes());
      return new BboltReader(file, pages, root);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Bytes of the database: what follows in the file, such as a digest, is not part of it. */
  get sizeBytes(): number {
    return this.#pages.pageSize * this.#pages.pageCount;
  }

  /** All buckets in name order. Throws StorageError `damaged`. */
  buckets(): BboltBucket[] {
    const found: BboltBucket[] = [];
    for (const page of this.#walk(this.#root, undefined, false)) {
      for (const element of page.elements) found.push(this.#bucket(element, page.offset));
    }
    return found;
  }

  /** A bucket by its name, or undefined. Throws StorageError `damaged`. */
  bucket(name: string): BboltBucket | undefined {
    return this.buckets().find((bucket) => bucket.name === name);
  }

  /**
   * The records of a bucket in key order, a page at a time, in memory of their own; from a key on, if one is given. Throws
   * StorageError `damaged`. PERF: one read of the system a page.
   */
  *records(bucket: BboltBucket, from?: Uint8Array): Generator<readonly BboltRecord[], void, void> {
    for (const page of this.#leaves(bucket, from, false)) {
      const first = from === undefined ? 0 : page.elements.findIndex(({ key }) => compareBytes(key, from) >= 0);
      if (first === 0) yield page.elements;
      else if (first > 0) yield page.elements.slice(first);
    }
  }

  /** As {@link records}, from the last key to the first. */
  *recordsBackward(bucket: BboltBucket): Generator<readonly BboltRecord[], void, void> {
    for (const page of this.#leaves(bucket, undefined, true)) yield [...page.elements].reverse();
  }

  /** The value of a key, or undefined. */
  get(bucket: BboltBucket, key: Uint8Array): Uint8Array | undefined {
    for (const [record] of this.records(bucket, key)) {
      return record !== undefined && compareBytes(record.key, key) === 0 ? record.value : undefined;
    }
    return undefined;
  }

  close(): void {
    this.#file.close();
  }

  #bucket(element: BboltElement, offset: number): BboltBucket {
    const { key, value, isBucket } = element;
    const name = latin1FromBytes(key);
    if (!isBucket || value.length < BUCKET_HEADER_BYTES) throw this.#pages.damaged(`no bucket named ${name}`, offset);
    const root = Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
    if (root !== 0) return { name, root, inline: undefined, offset };
    return { name, root, inline: copyBytes(value.subarray(BUCKET_HEADER_BYTES)), offset };
  }

  *#inline(bucket: BboltBucket): Generator<BboltPage, void, void> {
    const page = this.#pages.parse(bucket.inline ?? new Uint8Array(0), bucket.offset);
    if (!page.isLeaf) throw this.#pages.damaged(`no leaf inside bucket ${bucket.name}`, bucket.offset);
    this.#checkOrder(page, { low: undefined, high: undefined });
    yield page;
  }

  *#leaves(bucket: BboltBucket, from: Uint8Array | undefined, backward: boolean): Generator<BboltPage, void, void> {
    for (const page of bucket.inline === undefined ? this.#walk(bucket.root, from, backward) : this.#inline(bucket)) {
      if (page.elements.some(({ isBucket }) => isBucket)) {
        throw this.#pages.damaged(`a bucket inside bucket ${bucket.name}`, page.offset);
      }
      yield page;
    }
  }

  /** The leaves of a tree in order, from that on which may hold a key. */
  *#walk(root: number, from: Uint8Array | undefined, backward: boolean): Generator<BboltPage, void, void> {
    const visited = new Uint8Array(Math.ceil(this.#pages.pageCount / 8));
    yield* this.#below(root, { low: undefined, high: undefined }, { from, backward, visited }, 0);
  }

  *#below(id: number, bounds: Bounds, course: Course, height: number): Generator<BboltPage, void, void> {
    const page = this.#pages.read(id);
    const { visited } = course;
    const mask = 1 << (id & 7);
    if (((visited[id >>> 3] as number) & mask) !== 0) throw this.#pages.damaged("a page used twice", page.offset);
    visited[id >>> 3] = (visited[id >>> 3] as number) | mask;
    if (height > HEIGHT_MAX) throw this.#pages.damaged("a tree that is too high", page.offset);
    this.#checkOrder(page, bounds);
    if (page.isLeaf) {
      if (page.elements.length === 0 && height > 0) throw this.#pages.damaged("an empty leaf", page.offset);
      yield page;
      return;
    }
    const { elements } = page;
    if (elements.length === 0) throw this.#pages.damaged("an empty branch", page.offset);
    for (let step = 0; step < elements.length; step++) {
      const i = course.backward ? elements.length - 1 - step : step;
      const { key, child } = elements[i] as BboltElement;
      const high = elements[i + 1]?.key ?? bounds.high;
      if (course.from !== undefined && high !== undefined && compareBytes(high, course.from) <= 0) continue;
      yield* this.#below(child, { low: key, high }, course, height + 1);
    }
  }

  #checkOrder(page: BboltPage, { low, high }: Bounds): void {
    let previous: Uint8Array | undefined;
    for (const { key } of page.elements) {
      const isBehind =
        previous === undefined ? low === undefined || compareBytes(low, key) <= 0 : compareBytes(previous, key) < 0;
      if (!isBehind) throw this.#pages.damaged("keys out of order", page.offset);
      previous = key;
    }
    if (previous !== undefined && high !== undefined && compareBytes(previous, high) >= 0) {
      throw this.#pages.damaged("keys out of order", page.offset);
    }
  }
}

/** The valid meta with the higher transaction. */
function readMeta(file: OpenFile, path: string): BboltMeta {
  const first = metaAt(file, 0);
  const seen: (BboltMeta | "foreign" | "damaged")[] = [first];
  for (const size of typeof first === "object" ? [first.pageSize] : possiblePageSizes()) {
    const second = metaAt(file, size);
    seen.push(typeof second === "object" && second.pageSize !== size ? "damaged" : second);
  }
  let newest: BboltMeta | undefined;
  for (const meta of seen) {
    if (typeof meta === "object" && (newest === undefined || meta.txid > newest.txid)) newest = meta;
  }
  if (newest !== undefined) return newest;
  const isForeign = seen.every((meta) => meta === "foreign");
  throw new StorageError(isForeign ? "foreign" : "damaged", isForeign ? "not a bbolt file" : "no valid meta page", {
    file: path,
    offset: 0,
    remedy: REMEDY,
  });
}

function metaAt(file: OpenFile, offset: number): BboltMeta | "foreign" | "damaged" {
  const bytes = new Uint8Array(META_BYTES);
  const count = file.read(bytes, 0, bytes.length, offset + PAGE_HEADER_BYTES);
  return decodeMeta(bytes.subarray(0, count));
}
