import type { OpenFile } from "@quorate/base";
import { writeFully } from "../file-writing.ts";
import { PAGE_BYTES } from "./bbolt-format.ts";

const BUFFER_BYTES = 256 * 1024;

/** The pages of a file that is written from front to back, through one buffer. A page larger than that goes past it. */
export class PageOutput {
  readonly #file: OpenFile;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  #position: number;

  /** Begins behind the first `skipped` pages, which are written at the end. */
  constructor(file: OpenFile, skipped: number) {
    this.#file = file;
    this.#position = skipped * PAGE_BYTES;
  }

  /** The ID that the next page gets. */
  get nextPage(): number {
    return (this.#position + this.#used) / PAGE_BYTES;
  }

  /** Bytes handed to the file so far. */
  get writtenBytes(): number {
    return this.#position;
  }

  /** Takes the next page, of at least `bytes`, in whole pages: fills it by `fill`, which gets it zeroed. */
  page(bytes: number, fill: (page: Uint8Array) => void): void {
    const size = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    if (size > BUFFER_BYTES - this.#used) this.flush();
    if (size > BUFFER_BYTES) {
      const large = new Uint8Array(size);
      fill(large);
      writeFully(this.#file, large, size, this.#position);
      this.#position += size;
      return;
    }
    const page = this.#buffer.subarray(this.#used, this.#used + size);
    page.fill(0);
    fill(page);
    this.#used += size;
  }

  flush(): void {
    writeFully(this.#file, this.#buffer, this.#used, this.#position);
    this.#position += this.#used;
    this.#used = 0;
  }
}
