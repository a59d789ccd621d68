import type { FileSystem } from "@quorate/base";

/** Written bytes after which the files are looked at again. */
const REFRESH_BYTES = 32 * 1024 * 1024;

/** Bytes of the files in a directory: what they were when looked at last, plus what has been written since. */
export class DirectorySize {
  readonly #fs: FileSystem;
  readonly #directory: string;
  #known = 0;
  #added = 0;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
    this.refresh();
  }

  get bytes(): number {
    return this.#known + this.#added;
  }

  added(bytes: number): void {
    this.#added += bytes;
    if (this.#added >= REFRESH_BYTES) this.refresh();
  }

  /** Looks at the files. PERF: one call of the system per file. */
  refresh(): void {
    let bytes = 0;
    try {
      for (const name of this.#fs.list(this.#directory)) {
        // Files come and go while the engine works.
        bytes += this.#fs.stat(`${this.#directory}/${name}`)?.sizeBytes ?? 0;
      }
    } catch {
      // The directory cannot be read: an estimate that is out of date is better than none.
      return;
    }
    this.#known = bytes;
    this.#added = 0;
  }
}
