const SLAB_BYTES = 64 * 1024;
/** What is larger gets memory of its own, so that little is left over at the end of a slab. */
const SHARED_BYTES_MAX = SLAB_BYTES / 16;

/**
 * Gives out small byte arrays from large ones, because an array of more than 64 bytes with memory of its own costs V8 an
 * allocation outside its heap, and its collector the account of it: 350 ns against 40. An array keeps its whole slab
 * alive, so this is for bytes that live about as long as their neighbours.
 */
export class ByteSlab {
  #slab: Uint8Array = new Uint8Array(SLAB_BYTES);
  #used = 0;

  /** `size` zero bytes that nobody else has. */
  take(size: number): Uint8Array {
    if (size > SHARED_BYTES_MAX) return new Uint8Array(size);
    if (this.#used + size > SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + size;
    return this.#slab.subarray(start, this.#used);
  }
}
