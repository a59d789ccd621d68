/** What a path leads to. */
export interface FileStat {
  readonly kind: "file" | "directory" | "other";
  readonly sizeBytes: number;
  /** Unix permission bits; 0 where the platform has none. */
  readonly mode: number;
}

/**
 * How a file is opened: `read` and `readWrite` want it to exist, `create` makes an empty one or empties what is there,
 * `createNew` fails with `EEXIST` if something is there.
 */
export type OpenMode = "read" | "readWrite" | "create" | "createNew";

/**
 * One open file, addressed by byte position. Every call but those named "later" has happened when it returns; none of
 * them makes anything durable but the syncs. Failures are thrown (or handed to `done`) as an `Error` with the system's
 * `code`, for example `ENOSPC`. After a failed sync nothing written since the last good one may be trusted, and a later
 * success proves nothing.
 */
export interface OpenFile {
  /** The system's number of the file, by which another thread can read it; undefined where there is none. */
  readonly descriptor?: number;
  /** Reads into `target[offset, offset + length)`; returns how many bytes there were, 0 at the end. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes `bytes[offset, offset + length)`, borrowed; returns how many bytes went, which may be fewer. */
  write(bytes: Uint8Array, offset: number, length: number, position: number): number;
  /**
   * Writes all of `bytes`, borrowed until `done` is called: later, once. Off the caller's thread: it does not wait where the
   * system makes writers wait for the disk.
   */
  writeLater(bytes: Uint8Array, position: number, done: (error?: Error) => void): void;
  /** Cuts the file, or extends it with zeros. */
  truncate(sizeBytes: number): void;
  sizeBytes(): number;
  /** Makes data and metadata durable. */
  sync(): void;
  /** Makes the data, and what of the metadata is needed to read it back, durable. */
  syncData(): void;
  /** As {@link syncData}, off the caller's thread; `done` is called later, once. */
  syncDataLater(done: (error?: Error) => void): void;
  /** Writes zeros over `[from, to)` and makes them durable, off the caller's thread; `done` is called later, once. */
  zeroLater(from: number, to: number, done: (error?: Error) => void): void;
  close(): void;
}

/**
 * The port to files and directories. Paths are the platform's. Failures are thrown as an `Error` with the system's `code`.
 * A file that was created, renamed or removed stays so after a power cut only once its directory was synced.
 */
export interface FileSystem {
  /** What `path` leads to, or undefined if there is nothing. */
  stat(path: string): FileStat | undefined;
  /** Names inside a directory, sorted. */
  list(path: string): string[];
  /** Makes a directory and those above it, with these permission bits; one that exists is left as it is. */
  makeDirectory(path: string, mode: number): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): void;
  rename(from: string, to: string): void;
  removeFile(path: string): void;
  /** As {@link removeFile}, off the caller's thread: a large file can take a while. `done` is called later, once. */
  removeFileLater(path: string, done: (error?: Error) => void): void;
  /** Removes a directory with everything in it; none there is fine. */
  removeDirectory(path: string): void;
  /** `permissions` apply where the file is created. */
  open(path: string, mode: OpenMode, permissions?: number): OpenFile;
  /** The whole file. */
  readFile(path: string): Uint8Array;
}
