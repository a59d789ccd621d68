import { assert, compareBytes, copyBytes, must } from "@quorate/base";
import { ELEMENT_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES, PageFlag } from "./bbolt-format.ts";
import type { PageSink } from "./page-sink.ts";

/** Pages are filled up to here, as etcd fills those it only appends to: later writes of etcd find room. */
const FILL_BYTES = Math.floor(PAGE_BYTES * 0.9);
/** Records of about a page's size share pages, or much of each would stay empty; up to here. */
const SHARED_BYTES_MAX = 8 * PAGE_BYTES;
/** A page that is emptier than this is filled on, as long as there is something. */
const EMPTY_SHARE_MAX = 1 / 8;
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
  readonly #output: PageSink;
  readonly #elementFlags: number;
  /** Of the leaf in the making: lengths of keys and values in turn, and the bytes of both, one behind the other. */
  readonly #lengths: number[] = [];
  #data: Uint8Array = new Uint8Array(0);
  #leafBytes = PAGE_HEADER_BYTES;
  #firstKey: Uint8Array = new Uint8Array(0);
  #lastKey: Uint8Array | undefined;
  readonly #levels: Level[] = [];

  /** `elementFlags`: what each leaf element is marked with. */
  constructor(output: PageSink, elementFlags: number) {
    this.#output = output;
    this.#elementFlags = elementFlags;
  }

  /** Adds a record, behind all before. The key is shared; the value is copied. */
  put(key: Uint8Array, value: Uint8Array): void {
    assert(key.length > 0 && key.length <= KEY_BYTES_MAX, "a key has 1 to 32768 bytes");
    assert(this.#lastKey === undefined || compareBytes(this.#lastKey, key) < 0, "keys ascend");
    this.#lastKey = key;
    const bytes = ELEMENT_BYTES + key.length + value.length;
    if (this.#leafBytes + bytes > FILL_BYTES && isWellFilled(this.#leafBytes)) this.#writeLeaf();
    if (this.#lengths.length === 0) this.#firstKey = key;
    if (!this.#output.isCount) this.#copy(key, value);
    this.#lengths.push(key.length, value.length);
    this.#leafBytes += bytes;
  }

  /** Writes what is left; returns the root's page. */
  finish(): number {
    if (this.#lengths.length > 0 || this.#levels.length === 0) this.#writeLeaf();
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

  #copy(key: Uint8Array, value: Uint8Array): void {
    const at = this.#dataBytes;
    const end = at + key.length + value.length;
    if (end > this.#data.length) {
      const larger = new Uint8Array(Math.max(2 * end, SHARED_BYTES_MAX));
      larger.set(this.#data.subarray(0, at));
      this.#data = larger;
    }
    this.#data.set(key, at);
    this.#data.set(value, at + key.length);
  }

  /** What the keys and values of the leaf take. */
  get #dataBytes(): number {
    return this.#leafBytes - PAGE_HEADER_BYTES - (this.#lengths.length / 2) * ELEMENT_BYTES;
  }

  #writeLeaf(): void {
    const page = this.#output.nextPage;
    this.#output.page(this.#leafBytes, (bytes) => this.#fillLeaf(bytes, page));
    // A copy: the key may be a view of something large.
    this.#addChild(0, { key: copyBytes(this.#firstKey), page });
    this.#lengths.length = 0;
    this.#firstKey = new Uint8Array(0);
    this.#leafBytes = PAGE_HEADER_BYTES;
  }

  #fillLeaf(bytes: Uint8Array, page: number): void {
    const lengths = this.#lengths;
    const count = lengths.length / 2;
    const view = header(bytes, page, PageFlag.Leaf, count);
    let data = PAGE_HEADER_BYTES + count * ELEMENT_BYTES;
    bytes.set(this.#data.subarray(0, this.#dataBytes), data);
    for (let i = 0, element = PAGE_HEADER_BYTES; i < count; i++, element += ELEMENT_BYTES) {
      const [keyBytes, valueBytes] = [lengths[2 * i] as number, lengths[2 * i + 1] as number];
      view.setUint32(element, this.#elementFlags, true);
      view.setUint32(element + 4, data - element, true);
      view.setUint32(element + 8, keyBytes, true);
      view.setUint32(element + 12, valueBytes, true);
      data += keyBytes + valueBytes;
    }
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

/** Whether a leaf of so many bytes leaves little of its pages empty, or is large enough. */
function isWellFilled(bytes: number): boolean {
  const whole = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
  return bytes >= SHARED_BYTES_MAX || whole - bytes <= whole * EMPTY_SHARE_MAX;
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
