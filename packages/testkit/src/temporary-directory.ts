import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of the caller's own, removed with everything in it by `remove()` or at the end of a `using` block. */
export interface TemporaryDirectory extends Disposable {
  readonly path: string;
  /** Removes the directory; a second call does nothing. */
  remove(): void;
}

/** Where a temporary directory lives: on the disk, or in memory when the machine offers that (no `fsync` cost). */
export type TemporaryMedium = "disk" | "memory";

const MEMORY_ROOT = "/dev/shm";

/**
 * Creates an empty directory with `prefix` in its name. Medium `memory` falls back to the disk when there is none.
 * Throws the operating system's error when it cannot be created.
 */
export function temporaryDirectory(prefix: string, medium: TemporaryMedium = "disk"): TemporaryDirectory {
  const path = create(prefix, medium);
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  return { path, remove, [Symbol.dispose]: remove };
}

function create(prefix: string, medium: TemporaryMedium): string {
  if (medium === "memory") {
    try {
      return mkdtempSync(join(MEMORY_ROOT, prefix));
    } catch {
      // No such file system here, or it may not be written: the disk does as well, only slower.
    }
  }
  return mkdtempSync(join(tmpdir(), prefix));
}
