import { assert } from "@quorate/base";
import type { KeyNode } from "./key-nodes.ts";
import { childFor, INNER_CHILDREN_MAX, InnerNode, LEAF_SLOTS_MAX, LeafNode } from "./key-nodes.ts";
import type { KeySlots } from "./key-slots.ts";

/** Neighbouring leaves that together have no more than this many slots become one. */
const MERGE_SLOTS_MAX = LEAF_SLOTS_MAX / 2;

/**
 * Slots in the order of their keys: a B+tree whose nodes count live keys. It is touched only when a key is added, removed,
 * comes to life or dies; most writes do none of that.
 */
export class KeyTree {
  readonly #slots: KeySlots;
  #root: KeyNode = new LeafNode();

  constructor(slots: KeySlots) {
    this.#slots = slots;
  }

  get root(): KeyNode {
    return this.#root;
  }

  /** The leaf in which `key` is, or would be. PERF: O(log n). */
  leafFor(key: string): LeafNode {
    let node = this.#root;
    while (node instanceof InnerNode) node = node.children[childFor(node, key)] as KeyNode;
    return node;
  }

  /** The first position in `leaf` whose key is not below `key`. */
  lowerBound(leaf: LeafNode, key: string): number {
    const slots = leaf.slots;
    let low = 0;
    let high = leaf.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slots.key(slots[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds a slot whose key is not in the tree and not live yet, and returns the leaf it is in. PERF: O(log n). */
  insert(slot: number, key: string): LeafNode {
    let leaf = this.leafFor(key);
    let at = this.lowerBound(leaf, key);
    if (leaf.length === LEAF_SLOTS_MAX) {
      const right = this.#splitLeaf(leaf, at, key);
      // A key at the very seam may go left: the right leaf's least key is its own first key then.
      if (at > leaf.length || right.length === 0) {
        at -= leaf.length;
        leaf = right;
      }
    }
    leaf.slots.copyWithin(at + 1, at, leaf.length);
    leaf.slots[at] = slot;
    leaf.length += 1;
    return leaf;
  }

  /** Notes that a key in `leaf` came to life (1) or died (-1) at main revision `main`. PERF: O(depth). */
  turn(leaf: LeafNode, main: number, liveDelta: 1 | -1): void {
    leaf.newestTurn = main;
    leaf.liveCount += liveDelta;
    for (let node = leaf.parent; node !== undefined; node = node.parent) {
      node.newestTurn = main;
      node.liveCount += liveDelta;
    }
  }

  /** Takes the slot at a position of `leaf` out. The leaf may be empty then: call `tidy` when done with it. */
  removeAt(leaf: LeafNode, at: number): void {
    leaf.slots.copyWithin(at, at + 1, leaf.length);
    leaf.length -= 1;
  }

  /** Unlinks an empty leaf, or joins a nearly empty one with its right sibling. */
  tidy(leaf: LeafNode): void {
    if (leaf.length === 0) {
      this.#unlinkLeaf(leaf);
      return;
    }
    const right = leaf.next;
    if (right === undefined || right.parent !== leaf.parent || leaf.length + right.length > MERGE_SLOTS_MAX) return;
    leaf.slots.set(right.slots.subarray(0, right.length), leaf.length);
    leaf.length += right.length;
    leaf.liveCount += right.liveCount;
    leaf.newestTurn = Math.max(leaf.newestTurn, right.newestTurn);
    right.length = 0;
    this.#unlinkLeaf(right);
  }

  /**
   * Halves a full leaf and returns its new right half; empty, and meant for `key`, when `key` goes behind all others,
   * so that keys arriving in order leave full leaves behind.
   */
  #splitLeaf(leaf: LeafNode, at: number, key: string): LeafNode {
    const keep = at === LEAF_SLOTS_MAX ? LEAF_SLOTS_MAX : LEAF_SLOTS_MAX / 2;
    const right = new LeafNode();
    right.length = LEAF_SLOTS_MAX - keep;
    right.slots.set(leaf.slots.subarray(keep, LEAF_SLOTS_MAX));
    leaf.length = keep;
    let liveMoved = 0;
    for (let i = 0; i < right.length; i++) {
      const slot = right.slots[i] as number;
      if (this.#slots.version(slot) !== 0) liveMoved += 1;
    }
    right.liveCount = liveMoved;
    leaf.liveCount -= liveMoved;
    right.newestTurn = leaf.newestTurn;
    right.next = leaf.next;
    right.previous = leaf;
    if (leaf.next !== undefined) leaf.next.previous = right;
    leaf.next = right;
    this.#linkRight(leaf, right, right.length === 0 ? key : this.#slots.key(right.slots[0] as number));
    return right;
  }

  /** Makes `right`, split off `left`, its neighbour in the parent; splits the parent, and so on up, where it is full. */
  #linkRight(left: KeyNode, right: KeyNode, leastKey: string): void {
    let parent = left.parent;
    if (parent === undefined) {
      parent = new InnerNode();
      parent.children.push(left);
      parent.leastKeys.push("");
      parent.liveCount = left.liveCount + right.liveCount;
      parent.newestTurn = left.newestTurn;
      left.parent = parent;
      this.#root = parent;
    }
    const at = parent.children.indexOf(left) + 1;
    assert(at > 0, "a node is missing from its parent");
    parent.children.splice(at, 0, right);
    parent.leastKeys.splice(at, 0, leastKey);
    right.parent = parent;
    if (parent.children.length > INNER_CHILDREN_MAX) this.#splitInner(parent, at);
  }

  #splitInner(inner: InnerNode, insertedAt: number): void {
    const count = inner.children.length;
    const keep = insertedAt === count - 1 ? count - 1 : count >>> 1;
    const right = new InnerNode();
    const leastKey = inner.leastKeys[keep] as string;
    for (const child of inner.children.splice(keep)) {
      child.parent = right;
      right.children.push(child);
      right.liveCount += child.liveCount;
    }
    right.leastKeys.push("", ...inner.leastKeys.splice(keep).slice(1));
    right.newestTurn = inner.newestTurn;
    inner.liveCount -= right.liveCount;
    this.#linkRight(inner, right, leastKey);
  }

  #unlinkLeaf(leaf: LeafNode): void {
    if (leaf.parent === undefined) return;
    if (leaf.next !== undefined) leaf.next.previous = leaf.previous;
    if (leaf.previous !== undefined) leaf.previous.next = leaf.next;
    let node: KeyNode = leaf;
    let parent: InnerNode | undefined = leaf.parent;
    while (parent !== undefined) {
      const at = parent.children.indexOf(node);
      assert(at >= 0, "a node is missing from its parent");
      parent.children.splice(at, 1);
      parent.leastKeys.splice(at, 1);
      if (parent.children.length > 0) break;
      node = parent;
      parent = parent.parent;
    }
    this.#lowerRoot();
  }

  #lowerRoot(): void {
    while (this.#root instanceof InnerNode && this.#root.children.length <= 1) {
      this.#root = this.#root.children[0] ?? new LeafNode();
      this.#root.parent = undefined;
    }
  }
}
