/** A thing that can leave while it waits: entries of gone things are dropped when they surface or at a rebuild. */
export interface Waiting {
  readonly gone: boolean;
}

/**
 * A binary heap of (deadline, item), earliest first. Deadlines that move later are not updated in place: whoever takes
 * an item whose real deadline is later puts it back. So a renewal costs nothing here.
 */
export class DeadlineHeap<T extends Waiting> {
  readonly #deadlinesMs: number[] = [];
  readonly #items: T[] = [];
  #goneCount = 0;

  get size(): number {
    return this.#items.length;
  }

  /** The earliest deadline, milliseconds; Infinity when the heap is empty. */
  get earliestMs(): number {
    return this.#deadlinesMs[0] ?? Number.POSITIVE_INFINITY;
  }

  push(deadlineMs: number, item: T): void {
    const deadlines = this.#deadlinesMs;
    const items = this.#items;
    let hole = deadlines.length;
    deadlines.push(deadlineMs);
    items.push(item);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const parentMs = deadlines[parent] as number;
      if (parentMs <= deadlineMs) break;
      deadlines[hole] = parentMs;
      items[hole] = items[parent] as T;
      hole = parent;
    }
    deadlines[hole] = deadlineMs;
    items[hole] = item;
  }

  /** Removes and returns the item with the earliest deadline; undefined when the heap is empty. */
  pop(): T | undefined {
    const first = this.#items[0];
    const deadlineMs = this.#deadlinesMs.pop();
    const item = this.#items.pop();
    if (first === undefined || deadlineMs === undefined || item === undefined) return undefined;
    if (this.#items.length > 0) this.#sink(0, deadlineMs, item);
    if (first.gone && this.#goneCount > 0) this.#goneCount--;
    return first;
  }

  /** Tells that one waiting item is gone. Once half of the entries are, all such are dropped: memory stays bounded. */
  noteGone(): void {
    this.#goneCount++;
    if (this.#goneCount < 64 || this.#goneCount * 2 < this.#items.length) return;
    const deadlines = this.#deadlinesMs;
    const items = this.#items;
    let kept = 0;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as T;
      if (item.gone) continue;
      items[kept] = item;
      deadlines[kept] = deadlines[i] as number;
      kept++;
    }
    items.length = kept;
    deadlines.length = kept;
    for (let i = (kept >> 1) - 1; i >= 0; i--) this.#sink(i, deadlines[i] as number, items[i] as T);
    this.#goneCount = 0;
  }

  clear(): void {
    this.#deadlinesMs.length = 0;
    this.#items.length = 0;
    this.#goneCount = 0;
  }

  /** Places (deadline, item) at `hole` or below it, where the heap's order wants it. */
  #sink(start: number, deadlineMs: number, item: T): void {
    const deadlines = this.#deadlinesMs;
    const items = this.#items;
    const size = items.length;
    let hole = start;
    for (;;) {
      let child = hole * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && (deadlines[child + 1] as number) < (deadlines[child] as number)) child++;
      const childMs = deadlines[child] as number;
      if (childMs >= deadlineMs) break;
      deadlines[hole] = childMs;
      items[hole] = items[child] as T;
      hole = child;
    }
    deadlines[hole] = deadlineMs;
    items[hole] = item;
  }
}
