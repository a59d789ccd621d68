import { assert } from "@quorate/base";

/**
 * The appends on their way to one peer, oldest first: the last index of each and its payload bytes. A ring that grows to the
 * limit and stays. One message may go beyond the byte limit, because it is refused only when the limit is already reached.
 */
export class Inflights {
  readonly #countMax: number;
  readonly #bytesMax: number;
  #indexes: number[] = [];
  #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#count === this.#countMax || this.#bytes >= this.#bytesMax;
  }

  /** Notes an append whose last entry has `index`. The ring is not full. */
  add(index: number, bytes: number): void {
    assert(!this.full, "an append is sent only where there is room in flight");
    if (this.#count === this.#indexes.length) this.#grow();
    const at = (this.#start + this.#count) % this.#indexes.length;
    this.#indexes[at] = index;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** The peer has everything up to `index`. */
  freeTo(index: number): void {
    while (this.#count > 0 && (this.#indexes[this.#start] as number) <= index) {
      this.#bytes -= this.#sizes[this.#start] as number;
      this.#start = (this.#start + 1) % this.#indexes.length;
      this.#count--;
    }
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const size = Math.min(Math.max(8, this.#indexes.length * 2), this.#countMax);
    this.#indexes = this.#unrolled(this.#indexes, size);
    this.#sizes = this.#unrolled(this.#sizes, size);
    this.#start = 0;
  }

  /** The ring's content from position 0 on, followed by zeros. */
  #unrolled(ring: readonly number[], size: number): number[] {
    const result: number[] = [];
    for (let i = 0; i < size; i++) {
      result.push(i < this.#count ? (ring[(this.#start + i) % ring.length] as number) : 0);
    }
    return result;
  }
}
