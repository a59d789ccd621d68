import type { FileSystem } from "@quorate/base";
import { writeFully } from "./file-writing.ts";
import { StorageError } from "./storage-error.ts";

const ATTEMPTS_MAX = 3;

/**
 * A file that says which process uses a directory. It is there for the message, and for the moment before the engine is open:
 * the engine's own lock, which the kernel drops with the process, decides. A process is named by its ID and its start time,
 * so that an ID used again is not taken for it.
 */
export class ProcessLock {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #content: string;

  private constructor(fs: FileSystem, path: string, content: string) {
    this.#fs = fs;
    this.#path = path;
    this.#content = content;
  }

  /** Throws StorageError `locked` if the process named there is alive, `unwritable` if the file cannot be made. */
  static acquire(fs: FileSystem, path: string): ProcessLock {
    const content = `${process.pid} ${startTime(fs, process.pid) ?? "unknown"}\n`;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (create(fs, path, content)) return new ProcessLock(fs, path, content);
      const holder = aliveHolder(fs, path);
      if (holder !== undefined) {
        throw new StorageError("locked", `process ${holder} uses this data directory`, {
          file: path,
          remedy: "stop that process, or give another data directory",
        });
      }
      try {
        fs.removeFile(path);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw unwritable(path, error);
      }
    }
    throw unwritable(path, new Error("the lock file keeps coming back"));
  }

  /** Removes the file, if it is still ours. */
  release(): void {
    try {
      if (text(this.#fs, this.#path) === this.#content) this.#fs.removeFile(this.#path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

function create(fs: FileSystem, path: string, content: string): boolean {
  try {
    const file = fs.open(path, "createNew", 0o600);
    try {
      const bytes = new TextEncoder().encode(content);
      writeFully(file, bytes, bytes.length, 0);
    } finally {
      file.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw unwritable(path, error);
  }
}

/** ID of the process that holds the lock, if it is alive. */
function aliveHolder(fs: FileSystem, path: string): number | undefined {
  let content: string;
  try {
    content = text(fs, path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unwritable(path, error);
  }
  const [pidText, started] = content.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const running = startTime(fs, pid);
  if (running !== undefined) return running === started ? pid : undefined;
  return started === "unknown" && answersSignals(pid) ? pid : undefined;
}

/** When a process started, in ticks since boot as Linux tells; undefined if it is gone or the system does not tell. */
function startTime(fs: FileSystem, pid: number): string | undefined {
  try {
    const stat = text(fs, `/proc/${pid}/stat`);
    // The second field is a name in parentheses that may contain anything; the 22nd is the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie holds nothing any more; it only waits for its parent to ask how it ended.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function text(fs: FileSystem, path: string): string {
  return new TextDecoder().decode(fs.readFile(path));
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

function unwritable(path: string, cause: unknown): StorageError {
  return new StorageError("unwritable", "cannot write into the data directory", {
    file: path,
    remedy: "check its owner, its permissions and the free space",
    cause,
  });
}
