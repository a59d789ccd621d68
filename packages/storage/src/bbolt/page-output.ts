import type { OpenFile } from "@quorate/base";
import { writeLater } from "../file-writing.ts";
import { PAGE_BYTES } from "./bbolt-format.ts";

const BUFFER_BYTES = 256 * 1024;

/** Pages that wait to be written, and where they belong. */
interface Full {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/**
 * The pages of a file that is written from front to back, through a few buffers: pages are added at once, and reach the file when
 * it is asked to. A page larger than a buffer has memory of its own.
 */
export class PageOutput {
  readonly #file: OpenFile;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  /** Where the buffer belongs. */
  #position: number;
  readonly #full: Full[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** Begins behind the first `skipped` pages, which are written at the end. */
  constructor(file: OpenFile, skipped: number) {
    this.#file = file;
    this.#position = skipped * PAGE_BYTES;
  }

  /** The ID that the next page gets. */
  get nextPage(): number {
    return (this.#position + this.#used) / PAGE_BYTES;
  }

  /** Whether something is ready for the file. */
  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  /** Takes the next page, of at least `bytes`, in whole pages: fills it by `fill`, which gets it zeroed. */
  page(bytes: number, fill: (page: Uint8Array) => void): void {
    const size = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    if (size > BUFFER_BYTES - this.#used) this.#setAside();
    if (size > BUFFER_BYTES) {
      const large = new Uint8Array(size);
      fill(large);
      this.#full.push({ bytes: large, position: this.#position });
      this.#position += size;
      return;
    }
    const page = this.#buffer.subarray(this.#used, this.#used + size);
    page.fill(0);
    fill(page);
    this.#used += size;
  }

  /** Writes what is full; returns how many bytes. */
  async writeFull(): Promise<number> {
    let written = 0;
    for (let next = this.#full.shift(); next !== undefined; next = this.#full.shift()) {
      await writeLater(this.#file, next.bytes, next.position);
      written += next.bytes.length;
      if (next.bytes.buffer.byteLength === BUFFER_BYTES)
        this.#spare.push(new Uint8Array(next.bytes.buffer as ArrayBuffer));
    }
    return written;
  }

  /** Writes everything. */
  async flush(): Promise<void> {
    this.#setAside();
    await this.writeFull();
  }

  #setAside(): void {
    if (this.#used === 0) return;
    this.#full.push({ bytes: this.#buffer.subarray(0, this.#used), position: this.#position });
    this.#position += this.#used;
    this.#used = 0;
    this.#buffer = this.#spare.pop() ?? new Uint8Array(BUFFER_BYTES);
  }
}
