import { assert, compareBytes, copyBytes, must } from "@quorate/base";
import { type BboltRecord, ELEMENT_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES, PageFlag } from "./bbolt-format.ts";
import type { PageOutput } from "./page-output.ts";

/** Pages are filled up to here, as etcd fills those it only appends to: later writes of etcd find room. */
const FILL_BYTES = Math.floor(PAGE_BYTES * 0.9);
/** bbolt panics at a branch with one child when it has to merge pages. */
const CHILDREN_MIN = 2;
const KEY_BYTES_MAX = 32768;

/** A child that no branch page lists yet. */
interface Child {
  readonly key: Uint8Array;
  readonly page: number;
}

/** The children of one height that wait for a branch page, and what they would take in one. */
interface Level {
  readonly children: Child[];
  bytes: number;
}

/**
 * Writes one tree from records in ascending order: leaves as they fill, a branch page as soon as enough children for more than
 * one are there. Memory: some pages per height.
 */
export class TreeWriter {
  readonly #output: PageOutput;
  readonly #elementFlags: number;
  #leaf: BboltRecord[] = [];
  #leafBytes = PAGE_HEADER_BYTES;
  #lastKey: Uint8Array | undefined;
  readonly #levels: Level[] = [];

  /** `elementFlags`: what each leaf element is marked with. */
  constructor(output: PageOutput, elementFlags: number) {
    this.#output = output;
    this.#elementFlags = elementFlags;
  }

  /** Adds a record, behind all before; borrowed until `finish`. */
  put(key: Uint8Array, value: Uint8Array): void {
    assert(key.length > 0 && key.length <= KEY_BYTES_MAX, "a key has 1 to 32768 bytes");
    assert(this.#lastKey === undefined || compareBytes(this.#lastKey, key) < 0, "keys ascend");
    this.#lastKey = key;
    const bytes = ELEMENT_BYTES + key.length + value.length;
    if (this.#leaf.length > 0 && this.#leafBytes + bytes > FILL_BYTES) this.#writeLeaf();
    this.#leaf.push({ key, value });
    this.#leafBytes += bytes;
  }

  /** Writes what is left; returns the root's page. */
  finish(): number {
    if (this.#leaf.length > 0 || this.#levels.length === 0) this.#writeLeaf();
    for (let height = 0; ; height++) {
      const { children } = must(this.#levels[height], "a level below the root");
      const isTop = height === this.#levels.length - 1;
      if (isTop && children.length === 1) return must(children[0], "the root").page;
      while (this.#bytes(height) > FILL_BYTES && children.length >= 2 * CHILDREN_MIN) this.#writeFront(height);
      this.#writeBranch(height, children.length);
    }
  }

  #bytes(height: number): number {
    return PAGE_HEADER_BYTES + (this.#levels[height]?.bytes ?? 0);
  }

  #writeLeaf(): void {
    const records = this.#leaf;
    const page = this.#output.nextPage;
    this.#output.page(this.#leafBytes, (bytes) => {
      const view = header(bytes, page, PageFlag.Leaf, records.length);
      let data = PAGE_HEADER_BYTES + records.length * ELEMENT_BYTES;
      for (let i = 0, element = PAGE_HEADER_BYTES; i < records.length; i++, element += ELEMENT_BYTES) {
        const { key, value } = records[i] as BboltRecord;
        view.setUint32(element, this.#elementFlags, true);
        view.setUint32(element + 4, data - element, true);
        view.setUint32(element + 8, key.length, true);
        view.setUint32(element + 12, value.length, true);
        bytes.set(key, data);
        bytes.set(value, data + key.length);
        data += key.length + value.length;
      }
    });
    // A copy: the key may be a view of something large.
    this.#addChild(0, { key: copyBytes(records[0]?.key ?? new Uint8Array(0)), page });
    this.#leaf = [];
    this.#leafBytes = PAGE_HEADER_BYTES;
  }

  #addChild(height: number, child: Child): void {
    const level = this.#levels[height] ?? { children: [], bytes: 0 };
    this.#levels[height] = level;
    level.children.push(child);
    level.bytes += ELEMENT_BYTES + child.key.length;
    if (level.bytes > 2 * FILL_BYTES && level.children.length >= 2 * CHILDREN_MIN) this.#writeFront(height);
  }

  /** One branch page of the oldest children, with enough left for another. */
  #writeFront(height: number): void {
    const { children } = must(this.#levels[height], "a level with children");
    let count = 0;
    let bytes = PAGE_HEADER_BYTES;
    for (const { key } of children) {
      bytes += ELEMENT_BYTES + key.length;
      if (count >= CHILDREN_MIN && bytes > FILL_BYTES) break;
      if (count >= children.length - CHILDREN_MIN) break;
      count++;
    }
    this.#writeBranch(height, count);
  }

  #writeBranch(height: number, count: number): void {
    const level = must(this.#levels[height], "a level with children");
    assert(count >= CHILDREN_MIN, "a branch has at least two children");
    const children = level.children.splice(0, count);
    const bytesNeeded = children.reduce((sum, { key }) => sum + ELEMENT_BYTES + key.length, 0);
    level.bytes -= bytesNeeded;
    const page = this.#output.nextPage;
    this.#output.page(PAGE_HEADER_BYTES + bytesNeeded, (bytes) => {
      const view = header(bytes, page, PageFlag.Branch, count);
      let data = PAGE_HEADER_BYTES + count * ELEMENT_BYTES;
      children.forEach((child, i) => {
        const element = PAGE_HEADER_BYTES + i * ELEMENT_BYTES;
        view.setUint32(element, data - element, true);
        view.setUint32(element + 4, child.key.length, true);
        view.setBigUint64(element + 8, BigInt(child.page), true);
        bytes.set(child.key, data);
        data += child.key.length;
      });
    });
    this.#addChild(height + 1, { key: must(children[0], "a first child").key, page });
  }
}

/** Writes a page's header and returns a view of the page. */
function header(bytes: Uint8Array, page: number, flags: number, count: number): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setBigUint64(0, BigInt(page), true);
  view.setUint16(8, flags, true);
  view.setUint16(10, count, true);
  view.setUint32(12, bytes.length / PAGE_BYTES - 1, true);
  return view;
}
