import { SeededPrng } from "@quorate/base";

/** One interval [begin, end) of strings and what is kept for it. */
class IntervalNode<T> {
  readonly begin: string;
  readonly end: string;
  readonly value: T;
  readonly priority: number;
  /** The greatest end in the subtree: lets a search skip all of it. */
  maxEnd: string;
  left: IntervalNode<T> | undefined = undefined;
  right: IntervalNode<T> | undefined = undefined;

  constructor(begin: string, end: string, value: T, priority: number) {
    this.begin = begin;
    this.end = end;
    this.value = value;
    this.priority = priority;
    this.maxEnd = end;
  }
}

/**
 * Half-open intervals of strings, each at most once, searched by a point that they contain. A treap ordered by
 * (begin, end), every node knowing the greatest end below it. Heights are logarithmic whatever the insertion order,
 * because the priorities come from a generator of its own; they never show outside.
 */
export class IntervalTree<T> {
  #root: IntervalNode<T> | undefined = undefined;
  #size = 0;
  readonly #prng = new SeededPrng(0x1a7e);

  get size(): number {
    return this.#size;
  }

  /** What is kept for exactly [begin, end); undefined for nothing. PERF: O(log n). */
  get(begin: string, end: string): T | undefined {
    let node = this.#root;
    while (node !== undefined) {
      const order = compare(begin, end, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** Adds [begin, end), which must not be there yet; begin < end. PERF: O(log n). */
  add(begin: string, end: string, value: T): void {
    this.#root = insert(this.#root, new IntervalNode(begin, end, value, this.#prng.u32()));
    this.#size++;
  }

  /** Removes [begin, end), which must be there. PERF: O(log n). */
  remove(begin: string, end: string): void {
    this.#root = remove(this.#root, begin, end);
    this.#size--;
  }

  /** Appends to `found` what is kept for every interval that contains `point`, ordered by begin. PERF: O(log n) a match. */
  stab(point: string, found: T[]): void {
    if (this.#root !== undefined) stab(this.#root, point, found);
  }
}

function compare<T>(begin: string, end: string, node: IntervalNode<T>): number {
  if (begin !== node.begin) return begin < node.begin ? -1 : 1;
  if (end !== node.end) return end < node.end ? -1 : 1;
  return 0;
}

function stab<T>(node: IntervalNode<T>, point: string, found: T[]): void {
  if (node.maxEnd <= point) return;
  if (node.left !== undefined) stab(node.left, point, found);
  if (point < node.begin) return;
  if (point < node.end) found.push(node.value);
  if (node.right !== undefined) stab(node.right, point, found);
}

function refresh<T>(node: IntervalNode<T>): void {
  let maxEnd = node.end;
  if (node.left !== undefined && node.left.maxEnd > maxEnd) maxEnd = node.left.maxEnd;
  if (node.right !== undefined && node.right.maxEnd > maxEnd) maxEnd = node.right.maxEnd;
  node.maxEnd = maxEnd;
}

function insert<T>(node: IntervalNode<T> | undefined, added: IntervalNode<T>): IntervalNode<T> {
  if (node === undefined) return added;
  if (compare(added.begin, added.end, node) < 0) {
    const left = insert(node.left, added);
    node.left = left;
    if (left.priority > node.priority) return rotateRight(node, left);
  } else {
    const right = insert(node.right, added);
    node.right = right;
    if (right.priority > node.priority) return rotateLeft(node, right);
  }
  refresh(node);
  return node;
}

function remove<T>(node: IntervalNode<T> | undefined, begin: string, end: string): IntervalNode<T> | undefined {
  if (node === undefined) return undefined;
  const order = compare(begin, end, node);
  if (order === 0) return merge(node.left, node.right);
  if (order < 0) node.left = remove(node.left, begin, end);
  else node.right = remove(node.right, begin, end);
  refresh(node);
  return node;
}

/** One tree of two, every interval of the first being before every one of the second. */
function merge<T>(
  first: IntervalNode<T> | undefined,
  second: IntervalNode<T> | undefined,
): IntervalNode<T> | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  if (first.priority > second.priority) {
    first.right = merge(first.right, second);
    refresh(first);
    return first;
  }
  second.left = merge(first, second.left);
  refresh(second);
  return second;
}

function rotateRight<T>(node: IntervalNode<T>, left: IntervalNode<T>): IntervalNode<T> {
  node.left = left.right;
  left.right = node;
  refresh(node);
  refresh(left);
  return left;
}

function rotateLeft<T>(node: IntervalNode<T>, right: IntervalNode<T>): IntervalNode<T> {
  node.right = right.left;
  right.left = node;
  refresh(node);
  refresh(right);
  return right;
}
