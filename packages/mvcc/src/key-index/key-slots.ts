const CHUNK_BITS = 12;
const CHUNK_SLOTS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SLOTS - 1;

/** Numbers kept for one revision of a key, in this order: main, sub, create revision, version (0: a tombstone). */
export const REVISION_NUMBERS = 4;

function filledArray<T>(value: T): T[] {
  return Array.from<T>({ length: CHUNK_SLOTS }).fill(value);
}

/** Columns of 4,096 keys. Chunks never move, so the table grows without copying. */
class SlotChunk {
  readonly keys: string[] = filledArray<string>("");
  readonly histories: (number[] | undefined)[] = filledArray<number[] | undefined>(undefined);
  readonly newest: Float64Array = new Float64Array(CHUNK_SLOTS * REVISION_NUMBERS);
}

/**
 * What is known of each key, in columns instead of one object per key: a key is a slot, a small number that stays its own
 * until the key is forgotten. The newest revision sits in a typed array; older ones, which most keys do not have, in one
 * flat array of numbers per key, oldest first. Space: 48 bytes a key, and 32 a version plus 48 once.
 */
export class KeySlots {
  readonly #chunks: SlotChunk[] = [];
  #used = 0;
  readonly #free: number[] = [];

  /** A slot for `key` whose numbers are all zero. */
  take(key: string): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#used++;
      if (slot >>> CHUNK_BITS === this.#chunks.length) this.#chunks.push(new SlotChunk());
    }
    this.#chunk(slot).keys[slot & CHUNK_MASK] = key;
    return slot;
  }

  /** Gives the slot back. */
  release(slot: number): void {
    const chunk = this.#chunk(slot);
    const at = slot & CHUNK_MASK;
    chunk.keys[at] = "";
    chunk.histories[at] = undefined;
    chunk.newest.fill(0, at * REVISION_NUMBERS, (at + 1) * REVISION_NUMBERS);
    this.#free.push(slot);
  }

  key(slot: number): string {
    return this.#chunk(slot).keys[slot & CHUNK_MASK] as string;
  }

  /** The older revisions, {@link REVISION_NUMBERS} numbers each, oldest first; undefined when there are none. */
  history(slot: number): number[] | undefined {
    return this.#chunk(slot).histories[slot & CHUNK_MASK];
  }

  setHistory(slot: number, history: number[] | undefined): void {
    this.#chunk(slot).histories[slot & CHUNK_MASK] = history;
  }

  main(slot: number): number {
    return this.#chunk(slot).newest[(slot & CHUNK_MASK) * REVISION_NUMBERS] as number;
  }

  sub(slot: number): number {
    return this.#chunk(slot).newest[(slot & CHUNK_MASK) * REVISION_NUMBERS + 1] as number;
  }

  createRevision(slot: number): number {
    return this.#chunk(slot).newest[(slot & CHUNK_MASK) * REVISION_NUMBERS + 2] as number;
  }

  /** The newest version, 0 when the newest revision is a tombstone. */
  version(slot: number): number {
    return this.#chunk(slot).newest[(slot & CHUNK_MASK) * REVISION_NUMBERS + 3] as number;
  }

  /** Sets the newest revision, forgetting the one before. */
  setNewest(slot: number, main: number, sub: number, createRevision: number, version: number): void {
    const newest = this.#chunk(slot).newest;
    const at = (slot & CHUNK_MASK) * REVISION_NUMBERS;
    newest[at] = main;
    newest[at + 1] = sub;
    newest[at + 2] = createRevision;
    newest[at + 3] = version;
  }

  /** Moves the newest revision into the history. */
  archiveNewest(slot: number): void {
    const chunk = this.#chunk(slot);
    const index = slot & CHUNK_MASK;
    const newest = chunk.newest;
    const at = index * REVISION_NUMBERS;
    const main = newest[at] as number;
    const sub = newest[at + 1] as number;
    const createRevision = newest[at + 2] as number;
    const version = newest[at + 3] as number;
    const history = chunk.histories[index];
    // The literal is allocated without slack; most keys never have a third version between two compactions.
    if (history === undefined) chunk.histories[index] = [main, sub, createRevision, version];
    else history.push(main, sub, createRevision, version);
  }

  #chunk(slot: number): SlotChunk {
    return this.#chunks[slot >>> CHUNK_BITS] as SlotChunk;
  }
}
