import { PAGE_BYTES } from "./bbolt-format.ts";

/** Where the pages of a file go, one behind the other. */
export interface PageSink {
  /** The ID that the next page gets. */
  readonly nextPage: number;
  /** Whether pages are only counted, and never filled. */
  readonly isCount: boolean;
  /** Takes the next page, of at least `bytes`, in whole pages: `fill` gets it zeroed. */
  page(bytes: number, fill: (page: Uint8Array) => void): void;
}

/** Counts pages and looks at none: for what stands at the front of a file and depends on its end. */
export class PageCount implements PageSink {
  readonly isCount = true;
  nextPage: number;

  /** Begins behind the first `skipped` pages. */
  constructor(skipped: number) {
    this.nextPage = skipped;
  }

  page(bytes: number): void {
    this.nextPage += Math.ceil(bytes / PAGE_BYTES);
  }
}

/** Bytes of a chunk. */
export const CHUNK_BYTES: number = 256 * 1024;
const SPARES_MAX = 4;

/** Pages as chunks of one size, the last one but for. */
export class PageChunks implements PageSink {
  readonly isCount = false;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  readonly #full: Uint8Array<ArrayBuffer>[] = [];
  /** Chunks that were given back, to be used again: memory of many chunks a second costs more than what goes in. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  nextPage = 0;

  page(bytes: number, fill: (page: Uint8Array) => void): void {
    const size = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    this.nextPage += size / PAGE_BYTES;
    if (size <= CHUNK_BYTES - this.#used) {
      fill(this.#chunk.subarray(this.#used, this.#used + size));
      this.#advance(size);
      return;
    }
    const page = new Uint8Array(size);
    fill(page);
    for (let at = 0; at < size; ) {
      const part = page.subarray(at, at + CHUNK_BYTES - this.#used);
      this.#chunk.set(part, this.#used);
      at += part.length;
      this.#advance(part.length);
    }
  }

  /** A chunk that is full, the oldest; undefined if there is none. The taker's until it is given back. */
  takeFull(): Uint8Array<ArrayBuffer> | undefined {
    return this.#full.shift();
  }

  /** A chunk of {@link takeFull} that nobody looks at any more. */
  giveBack(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#spare.length < SPARES_MAX) this.#spare.push(chunk);
  }

  /** What is not a whole chunk; undefined if nothing is. */
  takeRest(): Uint8Array<ArrayBuffer> | undefined {
    const rest = this.#used === 0 ? undefined : this.#chunk.slice(0, this.#used);
    this.#used = 0;
    return rest;
  }

  #advance(bytes: number): void {
    this.#used += bytes;
    if (this.#used < CHUNK_BYTES) return;
    this.#full.push(this.#chunk);
    this.#chunk = this.#spare.pop()?.fill(0) ?? new Uint8Array(CHUNK_BYTES);
    this.#used = 0;
  }
}
