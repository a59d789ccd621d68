import type { FileSystem, OpenFile } from "@quorate/base";
import type { SlabStore } from "@quorate/raft";

/** A file of this size is followed by another; it is gone when nothing in it is needed any more. */
const FILE_BYTES = 64 * 1024 * 1024;

interface SlabFile {
  readonly file: OpenFile;
  used: number;
  live: number;
}

interface Place {
  readonly file: SlabFile;
  readonly offset: number;
  readonly length: number;
}

/**
 * Parts of the log for members that are behind, in files without a name: the system has them back when this process ends. Nothing is
 * synced; what was written a moment ago is read from the system's cache, which counts as nobody's memory.
 */
export class SlabFiles implements SlabStore {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #places = new Map<number, Place>();
  #nextHandle = 0;
  #current: SlabFile | undefined;
  #isClosed = false;

  /** `path`: where files are made, before their name is taken away. */
  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  put(bytes: Uint8Array): number | undefined {
    if (this.#isClosed) return undefined;
    try {
      const file = this.#fileFor(bytes.length);
      const offset = file.used;
      for (let done = 0; done < bytes.length; ) {
        done += file.file.write(bytes, done, bytes.length - done, offset + done);
      }
      file.used += bytes.length;
      file.live++;
      const handle = this.#nextHandle++;
      this.#places.set(handle, { file, offset, length: bytes.length });
      return handle;
    } catch {
      // A full disk, or no file descriptors: memory has to do.
      return undefined;
    }
  }

  get(handle: number): Uint8Array {
    const place = this.#places.get(handle);
    if (place === undefined) throw new Error("no such slab");
    const { file, length, offset } = place;
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = file.file.read(bytes, done, length - done, offset + done);
      if (count === 0) throw new Error("a slab's file has become shorter");
      done += count;
    }
    return bytes;
  }

  drop(handle: number): void {
    const place = this.#places.get(handle);
    if (place === undefined) return;
    this.#places.delete(handle);
    const { file } = place;
    if (--file.live > 0) return;
    if (this.#current === file) this.#current = undefined;
    file.file.close();
  }

  /** Gives everything up; nothing can be had or kept afterwards. */
  close(): void {
    this.#isClosed = true;
    for (const handle of this.#places.keys()) this.drop(handle);
  }

  #fileFor(bytes: number): SlabFile {
    const { used } = this.#current ?? { used: 0 };
    if (this.#current === undefined || (used > 0 && used + bytes > FILE_BYTES)) {
      const file = this.#fs.open(this.#path, "create", 0o600);
      this.#fs.removeFile(this.#path);
      this.#current = { file, used: 0, live: 0 };
    }
    return this.#current;
  }
}
