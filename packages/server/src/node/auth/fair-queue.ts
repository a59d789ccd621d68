/**
 * What waits for its turn, by where it comes from: each place's first in turn, so that nobody is held up by how many another place
 * sends. Within a place, first come, first served.
 */
export class FairQueue<T> {
  readonly #max: number;
  /** The places that have something waiting, the next one's turn first. */
  readonly #places = new Map<string, T[]>();
  #size = 0;

  /** `max`: more do not wait, over all places. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Adds one. Returns the one for which there is no room, if any: where too many wait, the last of the place that has most of them gives
   * way to another place's, and else it is the one that was to be added.
   */
  push(place: string, item: T): T | undefined {
    const own = this.#places.get(place);
    let displaced: T | undefined;
    if (this.#size >= this.#max) {
      const longest = this.#longest();
      if (longest.length <= (own?.length ?? 0) + 1) return item;
      displaced = longest.pop();
      this.#size--;
    }
    this.#size++;
    if (own === undefined) this.#places.set(place, [item]);
    else own.push(item);
    return displaced;
  }

  /** Takes the one whose turn it is; undefined where none waits. */
  shift(): T | undefined {
    const [first] = this.#places;
    if (first === undefined) return undefined;
    const [place, waiting] = first;
    // The place's next turn comes after that of all others.
    this.#places.delete(place);
    const item = waiting.shift();
    if (waiting.length > 0) this.#places.set(place, waiting);
    this.#size--;
    return item;
  }

  /** PERF: O(places), where too many wait. */
  #longest(): T[] {
    let longest: T[] = [];
    for (const waiting of this.#places.values()) if (waiting.length > longest.length) longest = waiting;
    return longest;
  }
}
