import { latin1FromBytes } from "@quorate/base";

/** Keys from `begin` up to, not including, `end`, as latin1 text; undefined: without an end. */
interface KeyInterval {
  readonly begin: string;
  readonly end: string | undefined;
}

/**
 * A set of key ranges. Whether it holds a range depends on all of them together: ranges that touch or overlap count as one. gRPC API
 * page, section 11.3.
 */
export class KeyIntervals {
  readonly #collected: KeyInterval[] = [];
  /** In ascending order, none touching the next; undefined while out of date. */
  #merged: readonly KeyInterval[] | undefined;

  /** Adds `[key, rangeEnd)`, by the rules of permissions: an empty end means the key alone, a zero byte no end. */
  add(key: Uint8Array, rangeEnd: Uint8Array): void {
    this.#collected.push(intervalOf(key, rangeEnd));
    this.#merged = undefined;
  }

  /** Whether every key of `[key, rangeEnd)` is in the set; ends as in `add`. PERF: O(log n). */
  contains(key: Uint8Array, rangeEnd: Uint8Array): boolean {
    const { begin, end } = intervalOf(key, rangeEnd);
    const last = this.#lastFrom(begin);
    if (last === undefined) return false;
    // A range that is empty or the wrong way round is looked at like its first key.
    if (end !== undefined && end <= begin) return last.end === undefined || begin < last.end;
    return last.end === undefined || (end !== undefined && end <= last.end);
  }

  /** The last interval that begins at or before `begin`. */
  #lastFrom(begin: string): KeyInterval | undefined {
    this.#merged ??= merge(this.#collected);
    let low = 0;
    let high = this.#merged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#merged[middle] as KeyInterval).begin <= begin) low = middle + 1;
      else high = middle;
    }
    return this.#merged[low - 1];
  }
}

function intervalOf(key: Uint8Array, rangeEnd: Uint8Array): KeyInterval {
  const begin = latin1FromBytes(key);
  if (rangeEnd.length === 0) return { begin, end: `${begin}\0` };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { begin, end: undefined };
  return { begin, end: latin1FromBytes(rangeEnd) };
}

function merge(intervals: readonly KeyInterval[]): readonly KeyInterval[] {
  const merged: KeyInterval[] = [];
  for (const next of [...intervals].sort((a, b) => (a.begin < b.begin ? -1 : a.begin > b.begin ? 1 : 0))) {
    const last = merged.at(-1);
    if (last === undefined || (last.end !== undefined && last.end < next.begin)) merged.push(next);
    else merged[merged.length - 1] = { begin: last.begin, end: laterOf(last.end, next.end) };
  }
  return merged;
}

function laterOf(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return undefined;
  return a > b ? a : b;
}
