import { createHash } from "node:crypto";
import type { FileSystem } from "@quorate/base";
import { StorageError } from "../storage-error.ts";

const SHA256_BYTES = 32;
/** A database is whole pages, and a page is whole sectors: what is left over is the digest. Source: file formats page, section 3. */
const SECTOR_BYTES = 512;
const PIECE_BYTES = 1024 * 1024;

/** The digest behind the database of a snapshot file, and what it should be. */
export interface SnapshotDigest {
  readonly stored: Uint8Array;
  readonly computed: Uint8Array;
}

/** Whether a snapshot file of this size ends with a digest. */
export function hasDigest(sizeBytes: number): boolean {
  return sizeBytes % SECTOR_BYTES === SHA256_BYTES;
}

/**
 * The digest of a snapshot file; undefined if it has none, as a copy of a database has not. Rejects with StorageError `missing`, or
 * with the signal's reason. PERF: reads the file once, in pieces.
 */
export async function snapshotDigest(
  fs: FileSystem,
  path: string,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (bytes: number, total: number) => void } = {},
): Promise<SnapshotDigest | undefined> {
  const file = openFile(fs, path);
  try {
    const size = file.sizeBytes();
    if (!hasDigest(size)) return undefined;
    const end = size - SHA256_BYTES;
    const hash = createHash("sha256");
    const piece = new Uint8Array(PIECE_BYTES);
    for (let position = 0; position < end; ) {
      options.signal?.throwIfAborted();
      const count = file.read(piece, 0, Math.min(piece.length, end - position), position);
      if (count === 0) break;
      hash.update(piece.subarray(0, count));
      position += count;
      options.onProgress?.(position, end);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const stored = new Uint8Array(SHA256_BYTES);
    file.read(stored, 0, stored.length, end);
    return { stored, computed: Uint8Array.from(hash.digest()) };
  } finally {
    file.close();
  }
}

function openFile(fs: FileSystem, path: string): ReturnType<FileSystem["open"]> {
  try {
    return fs.open(path, "read");
  } catch (cause) {
    throw new StorageError("missing", "cannot open the snapshot", { file: path, remedy: "give another file", cause });
  }
}
