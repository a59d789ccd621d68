import type { OpenFile } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import { type BboltRecord, ELEMENT_BYTES, PAGE_HEADER_BYTES, PageFlag } from "./bbolt-format.ts";

/** An element of a page: a record or bucket of a leaf, or a child of a branch (`value` is empty then). */
export interface BboltElement extends BboltRecord {
  readonly isBucket: boolean;
  /** The child's page; 0 in a leaf. */
  readonly child: number;
}

/** A page that was read: all its elements, their bytes inside memory of the page's own. */
export interface BboltPage {
  readonly isLeaf: boolean;
  readonly elements: readonly BboltElement[];
  /** Where the page lies in the file, for messages. */
  readonly offset: number;
}

/** Reads pages of an open file and checks them as far as one page can be checked alone. */
export class PageReader {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly #remedy: string;

  constructor(file: OpenFile, path: string, pageSize: number, pageCount: number, remedy: string) {
    this.#file = file;
    this.#path = path;
    this.pageSize = pageSize;
    this.pageCount = pageCount;
    this.#remedy = remedy;
  }

  /** The error for what is wrong at a byte of the file. */
  damaged(what: string, offset: number): StorageError {
    return new StorageError("damaged", `damaged bbolt file: ${what}`, {
      file: this.#path,
      offset,
      remedy: this.#remedy,
    });
  }

  /** Reads the page `id`. Throws StorageError `damaged`. */
  read(id: number): BboltPage {
    if (!Number.isSafeInteger(id) || id < 2 || id >= this.pageCount) {
      throw this.damaged(`a reference to page ${id} of ${this.pageCount}`, 0);
    }
    const offset = id * this.pageSize;
    const first = this.#bytes(offset, this.pageSize);
    const view = new DataView(first.buffer);
    const overflow = view.getUint32(12, true);
    if (view.getBigUint64(0, true) !== BigInt(id)) throw this.damaged("a page with another page's number", offset);
    if (id + overflow >= this.pageCount) throw this.damaged("a page that reaches beyond the end", offset);
    const size = (overflow + 1) * this.pageSize;
    const count = view.getUint16(10, true);
    if (PAGE_HEADER_BYTES + count * ELEMENT_BYTES > size) throw this.damaged("a page with too many elements", offset);
    if (overflow === 0) return this.parse(first, offset);
    const elements = this.#bytes(offset, Math.max(this.pageSize, PAGE_HEADER_BYTES + count * ELEMENT_BYTES));
    // What the elements say they need is read, not what the page claims to be.
    return this.parse(this.#bytes(offset, this.#usedBytes(elements, size, offset)), offset);
  }

  /** The elements of a page's bytes, header included. Throws StorageError `damaged`. */
  parse(bytes: Uint8Array, offset: number): BboltPage {
    if (bytes.length < PAGE_HEADER_BYTES) throw this.damaged("a page without a header", offset);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const flags = view.getUint16(8, true);
    if (flags !== PageFlag.Leaf && flags !== PageFlag.Branch) {
      throw this.damaged(`a page of type ${flags} where a branch or leaf should be`, offset);
    }
    const isLeaf = flags === PageFlag.Leaf;
    const count = view.getUint16(10, true);
    if (PAGE_HEADER_BYTES + count * ELEMENT_BYTES > bytes.length) {
      throw this.damaged("a page with too many elements", offset);
    }
    const elements: BboltElement[] = [];
    for (let i = 0, at = PAGE_HEADER_BYTES; i < count; i++, at += ELEMENT_BYTES) {
      elements.push(this.#element(bytes, view, at, isLeaf, offset));
    }
    return { isLeaf, elements, offset };
  }

  #element(bytes: Uint8Array, view: DataView, at: number, isLeaf: boolean, offset: number): BboltElement {
    const position = at + view.getUint32(isLeaf ? at + 4 : at, true);
    const keySize = view.getUint32(isLeaf ? at + 8 : at + 4, true);
    const valueSize = isLeaf ? view.getUint32(at + 12, true) : 0;
    const flags = isLeaf ? view.getUint32(at, true) : 0;
    const end = position + keySize + valueSize;
    if (end > bytes.length) throw this.damaged("an element that reaches beyond its page", offset + at);
    if (keySize === 0 || flags > 1) throw this.damaged("a malformed element", offset + at);
    return {
      key: bytes.subarray(position, position + keySize),
      value: bytes.subarray(position + keySize, end),
      isBucket: flags === 1,
      child: isLeaf ? 0 : Number(view.getBigUint64(at + 8, true)),
    };
  }

  #usedBytes(bytes: Uint8Array, size: number, offset: number): number {
    const view = new DataView(bytes.buffer);
    const isLeaf = view.getUint16(8, true) === PageFlag.Leaf;
    const count = view.getUint16(10, true);
    let used = PAGE_HEADER_BYTES + count * ELEMENT_BYTES;
    for (let i = 0, at = PAGE_HEADER_BYTES; i < count; i++, at += ELEMENT_BYTES) {
      const sizes = isLeaf
        ? view.getUint32(at + 4, true) + view.getUint32(at + 8, true) + view.getUint32(at + 12, true)
        : view.getUint32(at, true) + view.getUint32(at + 4, true);
      if (at + sizes > size) throw this.damaged("an element that reaches beyond its page", offset + at);
      used = Math.max(used, at + sizes);
    }
    return used;
  }

  #bytes(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = this.#file.read(bytes, done, length - done, offset + done);
      if (count === 0) throw this.damaged("it ends too early", offset + done);
      done += count;
    }
    return bytes;
  }
}
