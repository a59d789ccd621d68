import { must } from "@quorate/base";

/**
 * Received chunks as one run of bytes. What lies in one chunk is handed out as a view, what spans several as a copy; nothing
 * is allocated for bytes that a peer only promises. Chunks are shared from the moment they are pushed.
 */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  /** Read position in the first chunk. */
  #position = 0;
  #length = 0;

  /** Bytes waiting. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // Views of a plain array cost less than half of a Buffer's, and what is kept for long had better be of one kind.
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#length += chunk.length;
  }

  /** The next `count` bytes, or undefined while there are fewer. PERF: copies only across chunks. */
  take(count: number): Uint8Array | undefined {
    if (count > this.#length) return undefined;
    this.#length -= count;
    const head = this.#chunks[0];
    if (head === undefined) return EMPTY;
    const end = this.#position + count;
    if (end > head.length) return this.#takeAcross(count);
    const view = head.subarray(this.#position, end);
    this.#position = end;
    if (end === head.length) {
      this.#chunks.shift();
      this.#position = 0;
    }
    return view;
  }

  /** Everything that waits. */
  takeAll(): Uint8Array {
    return must(this.take(this.#length), "all that waits can be taken");
  }

  clear(): void {
    this.#chunks = [];
    this.#position = 0;
    this.#length = 0;
  }

  #takeAcross(count: number): Uint8Array {
    const whole = new Uint8Array(count);
    const chunks = this.#chunks;
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const chunk = must(chunks[used], "the length counts what the chunks hold");
      const part = chunk.subarray(this.#position, this.#position + count - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#position += part.length;
      if (this.#position === chunk.length) {
        used++;
        this.#position = 0;
      }
    }
    chunks.splice(0, used);
    return whole;
  }
}

const EMPTY = new Uint8Array(0);

/** The number in 8 bytes big-endian at the beginning; exact below 2^53, near above. */
export function uint64At(bytes: Uint8Array): number {
  let high = 0;
  let low = 0;
  for (let i = 0; i < 4; i++) {
    high = high * 256 + (bytes[i] as number);
    low = low * 256 + (bytes[i + 4] as number);
  }
  return high * 0x1_0000_0000 + low;
}
