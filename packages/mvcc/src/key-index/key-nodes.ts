/**
 * The nodes of the ordered tree over slots. Leaves hold slot numbers in key order; inner nodes hold children and, for each
 * child but the first, the least key that may be in it. Every node counts the live keys below it and knows the newest
 * revision that made or deleted one of them, so that a range is counted without walking it, also at revisions before the
 * newest as long as only values have changed since.
 */

/** Slots in one leaf at most. PERF: an insert moves half a leaf, a split allocates one. */
export const LEAF_SLOTS_MAX = 128;

/** Children of one inner node at most. */
export const INNER_CHILDREN_MAX = 64;

export class LeafNode {
  readonly slots: Int32Array = new Int32Array(LEAF_SLOTS_MAX);
  length = 0;
  /** Keys here whose newest revision is not a tombstone. */
  liveCount = 0;
  /** No key here came to life or died after this revision; it may be too high, never too low. */
  newestTurn = 0;
  parent: InnerNode | undefined = undefined;
  next: LeafNode | undefined = undefined;
  previous: LeafNode | undefined = undefined;
}

export class InnerNode {
  readonly children: KeyNode[] = [];
  /** `leastKeys[i]` is at most every key in `children[i]` and above every key in `children[i - 1]`; the first is unused. */
  readonly leastKeys: string[] = [];
  liveCount = 0;
  newestTurn = 0;
  parent: InnerNode | undefined = undefined;
}

export type KeyNode = LeafNode | InnerNode;

/** The child of `inner` in which `key` is, or would be. */
export function childFor(inner: InnerNode, key: string): number {
  const leastKeys = inner.leastKeys;
  let low = 1;
  let high = leastKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leastKeys[middle] as string) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
