import { resolve } from "node:path";
import type { FileSystem } from "@quorate/base";
import { BUILDING, type MemberIdentity, writeMarker } from "../data-directory.ts";
import { directoryOf, makeDirectoryDurably } from "../file-writing.ts";
import { ProcessLock } from "../process-lock.ts";
import { StorageError } from "../storage-error.ts";

const MODE = 0o700;

/** Where a data directory is to be made. */
export interface BuildPlace {
  readonly fs: FileSystem;
  readonly dataDirectory: string;
  /** Where the log goes, if not into the data directory; its place there, `<data-dir>/member/wal`, is as good as none. */
  readonly walDirectory?: string;
}

/**
 * A data directory in the making: everything lies in `<data-dir>/member.building` (a log of its own place in `<wal-dir>.building`)
 * and gets its name when it is whole and durable. No member starts on a directory where that has not happened.
 */
export class DirectoryBuild {
  readonly #place: BuildPlace;
  readonly #lock: ProcessLock;
  /** The directories above that were made for it, the deepest first. */
  readonly #above: readonly string[];
  /** The log has, or may have, its name. */
  #hasWal = false;
  /** So has, or may have, the directory of the member. */
  #hasMember = false;

  private constructor(place: BuildPlace, lock: ProcessLock, above: readonly string[]) {
    this.#place = place;
    this.#lock = lock;
    this.#above = above;
  }

  /**
   * Throws StorageError `unwritable`, also unless the data directory is missing or empty and the log's is missing and not a part of the
   * member's own. Nothing is left then.
   */
  static begin(given: BuildPlace): DirectoryBuild {
    const place = settled(given);
    const { fs, dataDirectory, walDirectory } = place;
    if (!isVacant(fs, dataDirectory)) throw occupied(dataDirectory, "the data directory is not empty");
    for (const wal of walDirectory === undefined ? [] : [walDirectory, `${walDirectory}${BUILDING}`]) {
      if (fs.stat(wal) !== undefined) throw occupied(wal, "the directory of the log exists");
    }
    const above = missingAbove(fs, walDirectory === undefined ? [dataDirectory] : [dataDirectory, walDirectory]);
    const member = `${dataDirectory}/member${BUILDING}`;
    try {
      makeDirectoryDurably(fs, member, MODE);
      return new DirectoryBuild(place, ProcessLock.acquire(fs, lockOf(member)), above);
    } catch (cause) {
      // Who holds the lock is at work there.
      if (cause instanceof StorageError && cause.code === "locked") throw cause;
      removeQuietly(fs, [member], above);
      if (cause instanceof StorageError) throw cause;
      throw new StorageError("unwritable", "cannot make the data directory", {
        file: dataDirectory,
        remedy: "check its owner, its permissions and the free space",
        cause,
      });
    }
  }

  /** Where the engine is to be built. */
  get enginePath(): string {
    return `${this.#member}/db`;
  }

  /** Where the log is to be written. */
  get walPath(): string {
    const { walDirectory } = this.#place;
    return walDirectory === undefined ? `${this.#member}/wal` : `${walDirectory}${BUILDING}`;
  }

  /** Makes it a data directory, of this member. Engine and log are durable and closed. */
  finish(identity: MemberIdentity): void {
    const { fs, dataDirectory, walDirectory } = this.#place;
    makeDirectoryDurably(fs, `${this.#member}/snap`, MODE);
    writeMarker(fs, this.#member, identity);
    this.#lock.release();
    fs.syncDirectory(this.#member);
    // Without the marker, which comes with the next step, a log is refused.
    if (walDirectory !== undefined) {
      this.#hasWal = true;
      rename(fs, this.walPath, walDirectory);
    }
    this.#hasMember = true;
    rename(fs, this.#member, `${dataDirectory}/member`);
  }

  /** Removes what there is of it, after a failure. Where that fails too, what is left is refused by whoever starts on it. */
  abandon(): void {
    const { fs, dataDirectory, walDirectory } = this.#place;
    const logs = walDirectory === undefined ? [] : [this.walPath, ...(this.#hasWal ? [walDirectory] : [])];
    const members = [this.#member, ...(this.#hasMember ? [`${dataDirectory}/member`] : [])];
    removeQuietly(fs, [...logs, ...members], this.#above);
  }

  get #member(): string {
    return `${this.#place.dataDirectory}/member${BUILDING}`;
  }
}

/** Whether a directory is missing or has nothing in it; false for what cannot be read. */
export function isVacant(fs: FileSystem, path: string): boolean {
  try {
    return fs.stat(path) === undefined || fs.list(path).length === 0;
  } catch {
    return false;
  }
}

/** Removes `paths` with all that is in them, then those directories `above` that are empty. */
function removeQuietly(fs: FileSystem, paths: readonly string[], above: readonly string[]): void {
  try {
    for (const path of paths) fs.removeDirectory(path);
    for (const path of above) if (fs.stat(path) !== undefined && fs.list(path).length === 0) fs.removeDirectory(path);
  } catch {
    // The failure that led here is the one to tell.
  }
}

/** Without a log's place that is the data directory's own. Throws StorageError `unwritable` for others inside of the member's directory. */
function settled(place: BuildPlace): BuildPlace {
  const { fs, dataDirectory, walDirectory } = place;
  if (walDirectory === undefined) return place;
  const member = resolve(dataDirectory, "member");
  const wal = resolve(walDirectory);
  if (wal === `${member}/wal`) return { fs, dataDirectory };
  const isInside = [member, `${member}${BUILDING}`].some((path) => wal === path || wal.startsWith(`${path}/`));
  if (isInside) throw occupied(walDirectory, "the directory of the log is a part of the member's");
  return place;
}

/** Those of `paths` and of the directories that they lie in that are not there, the deepest first. */
function missingAbove(fs: FileSystem, paths: readonly string[]): readonly string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    for (let at = path; fs.stat(at) === undefined && directoryOf(at) !== at; at = directoryOf(at)) missing.add(at);
  }
  return [...missing].sort((a, b) => b.length - a.length);
}

function lockOf(member: string): string {
  return `${member}/quorate.lock`;
}

function rename(fs: FileSystem, from: string, to: string): void {
  fs.rename(from, to);
  fs.syncDirectory(directoryOf(to));
}

function occupied(file: string, what: string): StorageError {
  return new StorageError("unwritable", what, { file, remedy: "give another one, or move it away" });
}
