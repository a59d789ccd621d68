const KEYS_AT_ONCE = 6;
/** Bounds what the linearizability checker has to search: it looks at all calls of one key together. */
const CALLS_PER_KEY = 150;

/** The few keys that all clients fight over, replaced by new ones after some use. */
export class KeySource {
  #drawn = 0;

  /** The key of the next call. */
  next(): string {
    const generation = Math.floor(this.#drawn / (KEYS_AT_ONCE * CALLS_PER_KEY));
    const key = `key/${generation}/${this.#drawn % KEYS_AT_ONCE}`;
    this.#drawn += 1;
    return key;
  }
}
