/** What a cached value costs besides its bytes, about. */
const ENTRY_BYTES = 160;

/** Where the values of a revision are found in maps: most have sub 0. */
export function revisionMapKey(main: number, sub: number): number | string {
  return sub === 0 ? main : `${main}.${sub}`;
}

/**
 * Values of revisions read from the engine, up to a bound in bytes. Two generations: a value that is used moves to the young one;
 * when that is half the bound, the old one goes. Revisions never change, so nothing has to be updated.
 */
export class ValueCache {
  readonly #generationBytesMax: number;
  #young = new Map<number | string, Uint8Array>();
  #old = new Map<number | string, Uint8Array>();
  #youngBytes = 0;

  constructor(bytesMax: number) {
    this.#generationBytesMax = bytesMax / 2;
  }

  get(key: number | string): Uint8Array | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: number | string, value: Uint8Array): void {
    const bytes = value.length + ENTRY_BYTES;
    if (bytes > this.#generationBytesMax) return;
    if (this.#youngBytes + bytes > this.#generationBytesMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, value);
    this.#youngBytes += bytes;
  }

  delete(key: number | string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
