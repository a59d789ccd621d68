/** A growing set of half-open intervals of latin1 keys that tells whether a key is in one. PERF: O(log n) once sorted. */
export class KeyIntervals {
  readonly #begins: string[] = [];
  readonly #ends: string[] = [];
  /** Positions in order of their begins, and the greatest end up to each; undefined while out of date. */
  #order: readonly number[] | undefined;
  #greatestEnds: string[] = [];

  /** Adds [begin, end); nothing is in it when `end` is not above `begin`. */
  add(begin: string, end: string): void {
    this.#begins.push(begin);
    this.#ends.push(end);
    this.#order = undefined;
  }

  addAll(other: KeyIntervals): void {
    for (let i = 0; i < other.#begins.length; i++) this.add(other.#begins[i] as string, other.#ends[i] as string);
  }

  covers(key: string): boolean {
    if (this.#begins.length === 0) return false;
    const order = this.#order ?? this.#sort();
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#begins[order[middle] as number] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (this.#greatestEnds[low - 1] as string) > key;
  }

  #sort(): readonly number[] {
    const begins = this.#begins;
    const order = begins.map((_, i) => i);
    order.sort((a, b) => ((begins[a] as string) < (begins[b] as string) ? -1 : 1));
    let greatest = "";
    this.#greatestEnds = order.map((i) => {
      const end = this.#ends[i] as string;
      if (end > greatest) greatest = end;
      return greatest;
    });
    this.#order = order;
    return order;
  }
}
