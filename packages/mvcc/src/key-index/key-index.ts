import { childFor, type KeyNode, LeafNode } from "./key-nodes.ts";
import { KeySlots, REVISION_NUMBERS } from "./key-slots.ts";
import { KeyTree } from "./key-tree.ts";
import { SlotByKey } from "./slot-by-key.ts";

/** Stands for a key's newest revision where a position in its history is asked for. */
const NEWEST = -1;

/** What a range found: slots in key order and, beside each, which of its revisions was meant. Cleared by its owner. */
export class FoundKeys {
  readonly slots: number[] = [];
  readonly positions: number[] = [];

  get length(): number {
    return this.slots.length;
  }
}

/** Keys looked at for what one dropped revision costs: so that slices take about the same time whatever they find. */
const KEYS_PER_BUDGET_UNIT = 8;

/** Where a compaction stands: at a key, and at one of its older revisions. Starts before all keys. */
export class CompactionCursor {
  key = "";
  entry = 0;
}

/** Told of each revision that a compaction drops, per key from the oldest to the newest. */
export type DropRevision = (main: number, sub: number, isTombstone: boolean) => void;

/**
 * Which revisions each key has. Keys are latin1 strings; `end` undefined means to the end of all keys. Nothing here
 * depends on the order in which keys came, so that the same writes give the same answers everywhere.
 */
export class KeyIndex {
  readonly #slots = new KeySlots();
  readonly #tree = new KeyTree(this.#slots);
  readonly #slotByKey = new SlotByKey();
  #position = NEWEST;

  /** Number of keys that are live now. */
  get liveCount(): number {
    return this.#tree.root.liveCount;
  }

  /** The slot of a key that has any revision, live or not; undefined when it has none. PERF: O(1). */
  slotOf(key: string): number | undefined {
    return this.#slotByKey.get(key);
  }

  /** Whether the newest revision is a put. */
  isLive(slot: number): boolean {
    return this.#slots.version(slot) !== 0;
  }

  /** The newest main revision of the key, put or tombstone. */
  newestMain(slot: number): number {
    return this.#slots.main(slot);
  }

  newestSub(slot: number): number {
    return this.#slots.sub(slot);
  }

  newestCreateRevision(slot: number): number {
    return this.#slots.createRevision(slot);
  }

  /** 0 when the newest revision is a tombstone. */
  newestVersion(slot: number): number {
    return this.#slots.version(slot);
  }

  /** Adds the first known revision of a key; `version` 0 is a tombstone. PERF: O(log n). */
  add(key: string, main: number, sub: number, createRevision: number, version: number): void {
    const slot = this.#slots.take(key);
    const leaf = this.#tree.insert(slot, key);
    this.#slotByKey.set(key, slot);
    this.#slots.setNewest(slot, main, sub, createRevision, version);
    if (version !== 0) this.#tree.turn(leaf, main, 1);
  }

  /** Adds a newer revision to a key; `version` 0 is a tombstone. PERF: O(1), O(log n) where the key comes to life or dies. */
  append(slot: number, main: number, sub: number, createRevision: number, version: number): void {
    const slots = this.#slots;
    const wasLive = slots.version(slot) !== 0;
    const isLive = version !== 0;
    slots.archiveNewest(slot);
    slots.setNewest(slot, main, sub, createRevision, version);
    if (isLive !== wasLive) this.#tree.turn(this.#tree.leafFor(slots.key(slot)), main, isLive ? 1 : -1);
  }

  /**
   * The slot of a key that is live at `revision`, or undefined. Which of its revisions that is stays in `foundPosition`
   * until the next call. PERF: O(1); O(log versions) for an older revision.
   */
  find(key: string, revision: number): number | undefined {
    const slot = this.#slotByKey.get(key);
    return slot !== undefined && this.#seek(slot, revision) ? slot : undefined;
  }

  /** As `find`, where the slot is known already. */
  findIn(slot: number, revision: number): boolean {
    return this.#seek(slot, revision);
  }

  /** The position the last find settled on, for the getters that take one. */
  get foundPosition(): number {
    return this.#position;
  }

  key(slot: number): string {
    return this.#slots.key(slot);
  }

  main(slot: number, position: number): number {
    return position === NEWEST ? this.#slots.main(slot) : this.#number(slot, position, 0);
  }

  sub(slot: number, position: number): number {
    return position === NEWEST ? this.#slots.sub(slot) : this.#number(slot, position, 1);
  }

  createRevision(slot: number, position: number): number {
    return position === NEWEST ? this.#slots.createRevision(slot) : this.#number(slot, position, 2);
  }

  version(slot: number, position: number): number {
    return position === NEWEST ? this.#slots.version(slot) : this.#number(slot, position, 3);
  }

  /** Appends to `found` the keys of [begin, end) live at `revision`, in order, at most `limit`. PERF: O(keys walked). */
  collect(begin: string, end: string | undefined, revision: number, limit: number, found: FoundKeys): void {
    const slots = this.#slots;
    let leaf: LeafNode | undefined = this.#tree.leafFor(begin);
    let at = this.#tree.lowerBound(leaf, begin);
    while (leaf !== undefined) {
      // One comparison tells whether the whole leaf is inside.
      const last: number = leaf.length - 1;
      const stop: number =
        end === undefined || last < 0 || slots.key(leaf.slots[last] as number) < end
          ? leaf.length
          : this.#tree.lowerBound(leaf, end);
      for (; at < stop; at++) {
        const slot = leaf.slots[at] as number;
        if (!this.#seek(slot, revision)) continue;
        if (found.slots.length >= limit) return;
        found.slots.push(slot);
        found.positions.push(this.#position);
      }
      if (stop < leaf.length) return;
      leaf = leaf.next;
      at = 0;
    }
  }

  /**
   * Number of keys of [begin, end) live at `revision`. PERF: O(log n) where no key of the range came to life or died after
   * `revision`; else the leaves of those that did are walked.
   */
  count(begin: string, end: string | undefined, revision: number): number {
    if (end !== undefined && end <= begin) return 0;
    return this.#countBelow(this.#tree.root, begin, end, revision);
  }

  /** Whether this revision is the newest at or below `at` of its key. Both are main revisions; tombstones count as well. */
  isNewestAt(key: string, main: number, sub: number, at: number): boolean {
    const slot = this.#slotByKey.get(key);
    if (slot === undefined || !this.#seekAny(slot, at)) return false;
    return this.main(slot, this.#position) === main && this.sub(slot, this.#position) === sub;
  }

  /** Whether the key was deleted at exactly this main revision, be it that it was put again in the same one. */
  isDeletedAt(key: string, main: number): boolean {
    const slot = this.#slotByKey.get(key);
    return slot !== undefined && this.#isDeletedAt(slot, main);
  }

  /** Whether any key was deleted at exactly this main revision. PERF: O(n). */
  hasTombstoneAt(main: number): boolean {
    for (let leaf: LeafNode | undefined = this.#tree.leafFor(""); leaf !== undefined; leaf = leaf.next) {
      if (leaf.newestTurn < main) continue;
      for (let i = 0; i < leaf.length; i++) if (this.#isDeletedAt(leaf.slots[i] as number, main)) return true;
    }
    return false;
  }

  /**
   * Drops what a compaction at main revision `at` makes unreachable, from where `cursor` stands until about `budget` is spent
   * (1 for each dropped revision, a little for each key). Kept are, for each key, its newest revision at or below `at`
   * unless that is a tombstone below `at`, any tombstone at exactly `at`, and all above. Whether more remains.
   */
  compact(at: number, cursor: CompactionCursor, budget: number, drop: DropRevision): boolean {
    let left = budget;
    let leaf = this.#tree.leafFor(cursor.key);
    let i = this.#tree.lowerBound(leaf, cursor.key);
    for (;;) {
      if (i >= leaf.length) {
        const next = leaf.next;
        if (next !== undefined) cursor.key = this.#slots.key(next.slots[0] as number);
        left -= 1 + leaf.length / KEYS_PER_BUDGET_UNIT;
        this.#tree.tidy(leaf);
        if (next === undefined) return false;
        if (left <= 0) return true;
        leaf = this.#tree.leafFor(cursor.key);
        i = this.#tree.lowerBound(leaf, cursor.key);
        continue;
      }
      const slot = leaf.slots[i] as number;
      left -= this.#compactHistory(slot, at, cursor, left, drop);
      if (left <= 0) {
        cursor.key = this.#slots.key(slot);
        this.#tree.tidy(leaf);
        return true;
      }
      if (this.#isDead(slot, at)) {
        drop(this.#slots.main(slot), this.#slots.sub(slot), true);
        left -= 1;
        this.#slotByKey.delete(this.#slots.key(slot));
        this.#tree.removeAt(leaf, i);
        this.#slots.release(slot);
      } else {
        i += 1;
      }
    }
  }

  #isDead(slot: number, at: number): boolean {
    return this.#slots.main(slot) < at && this.#slots.version(slot) === 0;
  }

  /**
   * Tells the dropped ones among a key's older revisions, at most `max`, from the cursor's entry on, and returns their number.
   * The array is cut once all are told: until then it has entries too many, which nobody can ask for any more.
   */
  #compactHistory(slot: number, at: number, cursor: CompactionCursor, max: number, drop: DropRevision): number {
    const history = this.#slots.history(slot);
    if (history === undefined) return 0;
    let dropped = 0;
    let read = cursor.entry * REVISION_NUMBERS;
    for (; read < history.length && (history[read] as number) <= at; read += REVISION_NUMBERS) {
      if (dropped >= max) {
        cursor.entry = read / REVISION_NUMBERS;
        return dropped;
      }
      if (this.#isKept(slot, history, read, at)) continue;
      drop(history[read] as number, history[read + 1] as number, history[read + 3] === 0);
      dropped += 1;
    }
    cursor.entry = 0;
    if (read > 0) this.#cutHistory(slot, history, read, at);
    return dropped;
  }

  /** Whether the entry, which is not above `at`, outlives a compaction there. */
  #isKept(slot: number, history: readonly number[], entry: number, at: number): boolean {
    // A tombstone at exactly this revision stays for watchers that start from it (etcd since 3.4.34 and 3.5.16).
    if (history[entry + 3] === 0) return history[entry] === at;
    const next = entry + REVISION_NUMBERS;
    return (next < history.length ? (history[next] as number) : this.#slots.main(slot)) > at;
  }

  /** Leaves the kept ones of the entries before `end`, and all from `end` on. */
  #cutHistory(slot: number, history: number[], end: number, at: number): void {
    const kept: number[] = [];
    for (let entry = 0; entry < end; entry += REVISION_NUMBERS) {
      if (!this.#isKept(slot, history, entry, at)) continue;
      for (let i = entry; i < entry + REVISION_NUMBERS; i++) kept.push(history[i] as number);
    }
    if (kept.length === end) return;
    // A copy, so that the room of what is gone is given back.
    const rest = kept.length === 0 ? history.slice(end) : kept.concat(history.slice(end));
    this.#slots.setHistory(slot, rest.length === 0 ? undefined : rest);
  }

  #countBelow(node: KeyNode, begin: string | undefined, end: string | undefined, revision: number): number {
    if (begin === undefined && end === undefined && node.newestTurn <= revision) return node.liveCount;
    if (node instanceof LeafNode) return this.#countLeaf(node, begin, end, revision);
    const first = begin === undefined ? 0 : childFor(node, begin);
    const last = end === undefined ? node.children.length - 1 : childFor(node, end);
    let total = 0;
    for (let i = first; i <= last; i++) {
      const child = node.children[i] as KeyNode;
      total += this.#countBelow(child, i === first ? begin : undefined, i === last ? end : undefined, revision);
    }
    return total;
  }

  #countLeaf(leaf: LeafNode, begin: string | undefined, end: string | undefined, revision: number): number {
    const start = begin === undefined ? 0 : this.#tree.lowerBound(leaf, begin);
    const stop = end === undefined ? leaf.length : this.#tree.lowerBound(leaf, end);
    let total = 0;
    for (let i = start; i < stop; i++) if (this.#seek(leaf.slots[i] as number, revision)) total += 1;
    return total;
  }

  /** Settles `#position` on the newest revision at or below `revision`; whether that is a put. */
  #seek(slot: number, revision: number): boolean {
    if (this.#slots.main(slot) <= revision) {
      this.#position = NEWEST;
      return this.#slots.version(slot) !== 0;
    }
    return this.#seekAny(slot, revision) && this.version(slot, this.#position) !== 0;
  }

  /** Settles `#position` on the newest revision at or below `revision`, put or tombstone; whether there is one. */
  #seekAny(slot: number, revision: number): boolean {
    this.#position = NEWEST;
    if (this.#slots.main(slot) <= revision) return true;
    const history = this.#slots.history(slot);
    if (history === undefined) return false;
    let low = 0;
    let high = history.length / REVISION_NUMBERS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((history[middle * REVISION_NUMBERS] as number) <= revision) low = middle + 1;
      else high = middle;
    }
    this.#position = low - 1;
    return low > 0;
  }

  #isDeletedAt(slot: number, main: number): boolean {
    if (!this.#seekAny(slot, main)) return false;
    for (let position = this.#position; this.main(slot, position) === main; position = this.#before(slot, position)) {
      if (this.version(slot, position) === 0) return true;
      if (!this.#hasBefore(slot, position)) return false;
    }
    return false;
  }

  #hasBefore(slot: number, position: number): boolean {
    return position === NEWEST ? this.#slots.history(slot) !== undefined : position > 0;
  }

  #before(slot: number, position: number): number {
    if (position !== NEWEST) return position - 1;
    const history = this.#slots.history(slot) as number[];
    return history.length / REVISION_NUMBERS - 1;
  }

  #number(slot: number, position: number, which: number): number {
    const history = this.#slots.history(slot) as number[];
    return history[position * REVISION_NUMBERS + which] as number;
  }
}
