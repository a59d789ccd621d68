import type { StorageError } from "../storage-error.ts";
import {
  type BlockHandle,
  entriesEnd,
  FOOTER_BYTES,
  hasMagic,
  isIntactBlock,
  KEY_TRAILER_BYTES,
  listedBlocks,
  readHandle,
  readVarint,
  TRAILER_BYTES,
} from "./table-format.ts";

/** Read from the file at a time, where a block is not larger. */
const WINDOW_BYTES = 256 * 1024;
const KIND_PUT = 1;

/** An open table file. */
export interface TableFile {
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  sizeBytes(): number;
}

/**
 * The entries of one table in their order, the checksum of every block verified. It reads instead of mapping: what it has read is
 * not in this process's memory any more. Memory: a window of 256 KiB or one block, and the table's index.
 */
export class TableCursor {
  readonly #file: TableFile;
  /** The error for a byte of the file. */
  readonly #damaged: (offset: number) => StorageError;
  readonly #isVerified: boolean;
  readonly #blocks: readonly BlockHandle[];
  #nextBlock = 0;
  #window: Uint8Array = new Uint8Array(0);
  /** How much of it was read. */
  #windowBytes = 0;
  /** Where the window lies in the file. */
  #windowOffset = 0;
  /** Read position and end of the current block's entries, in the window. */
  #position = 0;
  #end = 0;
  #whole: Uint8Array = new Uint8Array(64);
  #keyLength = 0;
  #key: Uint8Array = this.#whole;
  #isPut = false;
  /** Of the entry: 56 bits, of which a table never has more than a double holds. */
  #sequence = 0;
  #value: Uint8Array = new Uint8Array(0);

  /** Begins before the first entry. Throws what `damaged` makes. Where only lengths count, checksums need not be verified. */
  constructor(file: TableFile, damaged: (offset: number) => StorageError, isVerified = true) {
    this.#isVerified = isVerified;
    this.#file = file;
    this.#damaged = damaged;
    this.#blocks = this.#readIndex();
  }

  /** The entry's key; valid until the next one. */
  get key(): Uint8Array {
    return this.#key;
  }

  /** The newer of two entries of a key has the higher one. */
  get sequence(): number {
    return this.#sequence;
  }

  /** False for the mark of a deletion. */
  get isPut(): boolean {
    return this.#isPut;
  }

  /** The value; valid until the next one. */
  get value(): Uint8Array {
    return this.#value;
  }

  /** Goes to the next entry; false at the end. */
  next(): boolean {
    while (this.#position >= this.#end) {
      const block = this.#blocks[this.#nextBlock];
      if (block === undefined) return false;
      this.#nextBlock++;
      this.#enter(block);
    }
    this.#readEntry();
    return true;
  }

  #readEntry(): void {
    const window = this.#window;
    const shared = readVarint(window, this.#position);
    const unshared = readVarint(window, shared.next);
    const length = readVarint(window, unshared.next);
    const keyLength = shared.value + unshared.value;
    const valueStart = length.next + unshared.value;
    const end = valueStart + length.value;
    if (end > this.#end || keyLength < KEY_TRAILER_BYTES || shared.value > this.#keyLength + KEY_TRAILER_BYTES) {
      throw this.#damaged(this.#windowOffset + this.#position);
    }
    this.#takeKey(window, shared.value, length.next, valueStart);
    this.#value = window.subarray(valueStart, end);
    this.#position = end;
  }

  /** The key is the first `shared` bytes of the one before, and what lies in `bytes[from, to)`. */
  #takeKey(bytes: Uint8Array, shared: number, from: number, to: number): void {
    const length = shared + to - from;
    if (length > this.#whole.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#whole);
      this.#whole = larger;
    }
    const whole = this.#whole;
    for (let i = from, at = shared; i < to; i++, at++) whole[at] = bytes[i] as number;
    this.#keyLength = length - KEY_TRAILER_BYTES;
    // Most keys are as long as the one before: the same view.
    if (this.#key.length !== this.#keyLength || this.#key.buffer !== whole.buffer) {
      this.#key = whole.subarray(0, this.#keyLength);
    }
    this.#isPut = whole[this.#keyLength] === KIND_PUT;
    let sequence = 0;
    for (let at = length - 1; at > this.#keyLength; at--) sequence = sequence * 256 + (whole[at] as number);
    this.#sequence = sequence;
  }

  #enter({ offset, size }: BlockHandle): void {
    const bytes = size + TRAILER_BYTES;
    if (offset < this.#windowOffset || offset + bytes > this.#windowOffset + this.#windowBytes) {
      const last = this.#blocks[this.#blocks.length - 1] as BlockHandle;
      const left = last.offset + last.size + TRAILER_BYTES - offset;
      this.#readWindow(offset, Math.max(bytes, Math.min(WINDOW_BYTES, left)));
    }
    const start = offset - this.#windowOffset;
    if (this.#isVerified && !isIntactBlock(this.#window, start, size)) throw this.#damaged(offset);
    this.#position = start;
    this.#end = entriesEnd(this.#window, start, start + size);
    // The first key of a block shares nothing with one before.
    this.#keyLength = -KEY_TRAILER_BYTES;
  }

  #readIndex(): readonly BlockHandle[] {
    const at = this.#file.sizeBytes() - FOOTER_BYTES;
    if (at < 0) throw this.#damaged(0);
    const footer = this.#read(at, FOOTER_BYTES);
    if (!hasMagic(footer)) throw this.#damaged(at);
    const { handle: index } = readHandle(footer, readHandle(footer, 0).next);
    if (index.offset + index.size + TRAILER_BYTES > at) throw this.#damaged(at);
    const bytes = this.#read(index.offset, index.size + TRAILER_BYTES);
    const blocks = isIntactBlock(bytes, 0, index.size) ? listedBlocks(bytes, 0, index.size) : undefined;
    if (blocks === undefined) throw this.#damaged(index.offset);
    const beyond = blocks.find(({ offset, size }) => offset + size + TRAILER_BYTES > index.offset);
    if (beyond !== undefined) throw this.#damaged(Math.min(beyond.offset, at));
    return blocks;
  }

  /** Into the same memory as long as it is enough: a new window each time would cost more than reading it. */
  #readWindow(offset: number, length: number): void {
    if (length > this.#window.length) this.#window = new Uint8Array(length);
    this.#readInto(this.#window, offset, length);
    this.#windowBytes = length;
    this.#windowOffset = offset;
  }

  #read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#readInto(bytes, offset, length);
    return bytes;
  }

  #readInto(bytes: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const count = this.#file.read(bytes, done, length - done, offset + done);
      if (count === 0) throw this.#damaged(offset + done);
      done += count;
    }
  }
}
