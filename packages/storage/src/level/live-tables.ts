import { concatBytes, copyBytes, type FileSystem, latin1FromBytes, type OpenFile } from "@quorate/base";
import { KEY_TRAILER_BYTES, maskedCrc32c } from "./table-format.ts";

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
/** Kinds of fragments in LevelDB's log format: a whole record, or its first, a middle, its last one. */
const FULL = 1;
const FIRST = 2;
const LAST = 4;
/** Fields of a version edit. */
const Tag = {
  Comparator: 1,
  LogNumber: 2,
  NextFile: 3,
  LastSequence: 4,
  CompactPointer: 5,
  DeletedFile: 6,
  NewFile: 7,
  PrevLogNumber: 9,
};

/** A table that belongs to the engine's content. */
export interface LiveTable {
  readonly path: string;
  /** Its first key, without sequence and kind. */
  readonly smallest: Uint8Array;
}

/** What the engine's manifest says. */
export interface Manifest {
  /**
   * The tables it names, oldest first, whether they are there or not; what else lies there is unfinished or obsolete. While the engine is
   * open, one may be gone at once: it was merged into others.
   */
  readonly tables: readonly LiveTable[];
  /** What logs with lower numbers hold is in tables. */
  readonly logNumber: number;
}

/**
 * Reads an engine's manifest, and from then on only what was added to it: it grows as long as the engine is open. Memory: the tables,
 * and a block of the file. Source: LevelDB log_format.md, db/version_edit.cc.
 */
export class ManifestReader {
  readonly #fs: FileSystem;
  readonly #directory: string;
  /** The file that was read last; another one begins anew. */
  #name = "";
  #state: ManifestState = emptyState();
  /** Up to here everything was read, whole fragments. */
  #position = 0;
  /** Fragments of a record whose last one is still to come. */
  #parts: Uint8Array[] = [];

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  /** What it says now; undefined where it makes no sense. Throws what the system reports. */
  read(): Manifest | undefined {
    const name = latin1FromBytes(this.#fs.readFile(`${this.#directory}/CURRENT`)).trim();
    if (name !== this.#name) this.#begin(name);
    const file = this.#fs.open(`${this.#directory}/${name}`, "read");
    try {
      this.#readOn(file);
    } catch (error) {
      this.#begin("");
      if (error instanceof RangeError) return undefined;
      throw error;
    } finally {
      file.close();
    }
    return { tables: this.#tables(), logNumber: this.#state.logNumber };
  }

  #begin(name: string): void {
    this.#name = name;
    this.#state = emptyState();
    this.#position = 0;
    this.#parts = [];
  }

  #tables(): LiveTable[] {
    const tables: LiveTable[] = [];
    for (const [number, table] of Array.from(this.#state.live).sort(([a], [b]) => a - b)) {
      table.path ??= this.#pathOf(number);
      tables.push({ path: table.path, smallest: table.smallest });
    }
    return tables;
  }

  #pathOf(number: number): string {
    const base = `${this.#directory}/${String(number).padStart(6, "0")}`;
    const isOld = this.#fs.stat(`${base}.ldb`) === undefined && this.#fs.stat(`${base}.sst`) !== undefined;
    return `${base}${isOld ? ".sst" : ".ldb"}`;
  }

  /** Block by block: no fragment lies in two. */
  #readOn(file: OpenFile): void {
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const blockEnd = (Math.floor(this.#position / BLOCK_BYTES) + 1) * BLOCK_BYTES;
      const have = readUpTo(file, block, blockEnd - this.#position, this.#position);
      const used = this.#take(block.subarray(0, have));
      this.#position += used;
      const left = blockEnd - this.#position;
      if (left < HEADER_BYTES && have - used === left) this.#position = blockEnd;
      if (this.#position !== blockEnd) return;
    }
  }

  /** Takes whole fragments; returns how many bytes they were. Throws RangeError where a checksum is wrong. */
  #take(bytes: Uint8Array): number {
    let position = 0;
    while (position + HEADER_BYTES <= bytes.length) {
      const length = (bytes[position + 4] as number) + (bytes[position + 5] as number) * 256;
      const start = position + HEADER_BYTES;
      // A record that is being written, or never was to its end, is none: as the engine sees it.
      if (start + length > bytes.length) break;
      if (!isIntact(bytes, position, length)) throw new RangeError("checksum of a manifest record");
      this.#takeFragment(bytes[position + 6] as number, bytes.subarray(start, start + length));
      position = start + length;
    }
    return position;
  }

  #takeFragment(kind: number, fragment: Uint8Array): void {
    if (kind === FULL || kind === FIRST) this.#parts = [];
    if (kind === FULL) applyEdit(fragment, this.#state);
    else this.#parts.push(copyBytes(fragment));
    if (kind !== LAST) return;
    applyEdit(concatBytes(this.#parts), this.#state);
    this.#parts = [];
  }
}

function readUpTo(file: OpenFile, target: Uint8Array, length: number, position: number): number {
  for (let done = 0; ; ) {
    const count = done < length ? file.read(target, done, length - done, position + done) : 0;
    if (count === 0) return done;
    done += count;
  }
}

/** The tables that a manifest names; undefined where it cannot be read: the engine says so itself when it is opened. */
export function liveTables(manifest: ManifestReader): readonly LiveTable[] | undefined {
  try {
    return manifest.read()?.tables;
  } catch {
    return undefined;
  }
}

/** The number of the newest log of the engine, which takes its writes; 0 if there is none. Throws what the system reports. */
export function newestLogNumber(fs: FileSystem, directory: string): number {
  const numbers = fs.list(directory).map((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

interface ManifestState {
  /** First keys of the tables by their numbers, and their paths once they are known. */
  readonly live: Map<number, { readonly smallest: Uint8Array; path: string | undefined }>;
  logNumber: number;
}

function emptyState(): ManifestState {
  return { live: new Map(), logNumber: 0 };
}

/** The masked CRC-32C of kind and content stands before them. */
function isIntact(bytes: Uint8Array, at: number, length: number): boolean {
  const stored =
    (bytes[at] as number) +
    (bytes[at + 1] as number) * 0x100 +
    (bytes[at + 2] as number) * 0x1_0000 +
    (bytes[at + 3] as number) * 0x100_0000;
  return maskedCrc32c(bytes, at + 6, at + HEADER_BYTES + length) === stored;
}

function applyEdit(edit: Uint8Array, state: ManifestState): void {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = edit[position++];
      if (byte === undefined) throw new RangeError("version edit cut off");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (): Uint8Array => {
    const length = varint();
    position += length;
    return edit.subarray(position - length, position);
  };
  while (position < edit.length) {
    const tag = varint();
    if (tag === Tag.Comparator) bytes();
    else if (tag === Tag.CompactPointer) {
      varint();
      bytes();
    } else if (tag === Tag.DeletedFile) {
      varint();
      state.live.delete(varint());
    } else if (tag === Tag.NewFile) {
      varint();
      const number = varint();
      varint();
      const smallest = bytes();
      state.live.set(number, { smallest: smallest.slice(0, smallest.length - KEY_TRAILER_BYTES), path: undefined });
      bytes();
    } else if (tag === Tag.LogNumber) state.logNumber = varint();
    else if (tag === Tag.NextFile || tag === Tag.LastSequence || tag === Tag.PrevLogNumber) {
      varint();
    } else throw new RangeError("unknown field of a version edit");
  }
}
