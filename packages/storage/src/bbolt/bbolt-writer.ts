import type { FileSystem, OpenFile } from "@quorate/base";
import { BackgroundPace } from "../background-pace.ts";
import { syncLater, writeLater } from "../file-writing.ts";
import { StorageError } from "../storage-error.ts";
import { type BboltSource, bboltChunks, planBbolt } from "./bbolt-chunks.ts";
import { PAGE_BYTES } from "./bbolt-format.ts";

/** Written bytes after which the disk is waited for: so much is in flight at most, and other files' syncs wait for no more. */
const SYNC_BYTES = 8 * 1024 * 1024;

/**
 * Writes a bbolt file with these buckets, which come in ascending order of their names, and syncs it; what stood under `path` is
 * replaced. Memory: constant (some pages and one list of records). Gives way to other work between chunks. Resolves with the file's
 * size. Rejects with StorageError `ioFailed`, or with what a source throws; the file is removed then.
 */
export async function writeBboltFile(fs: FileSystem, path: string, sources: Iterable<BboltSource>): Promise<number> {
  let file: OpenFile | undefined;
  try {
    const all = [...sources];
    const plan = planBbolt(all);
    file = fs.open(path, "create", 0o600);
    await writeChunks(file, bboltChunks(all, plan));
    file.close();
    return plan.pageCount * PAGE_BYTES;
  } catch (cause) {
    if (file !== undefined) {
      file.close();
      fs.removeFile(path);
    }
    if (cause instanceof StorageError || (cause as { readonly code?: unknown }).code === undefined) throw cause;
    throw new StorageError("ioFailed", "cannot write a snapshot", {
      file: path,
      remedy: "check the disk and its free space",
      cause,
    });
  }
}

async function writeChunks(file: OpenFile, chunks: Iterable<Uint8Array>): Promise<void> {
  const pace = new BackgroundPace();
  let [position, synced] = [0, 0];
  for (const chunk of chunks) {
    await writeLater(file, chunk, position);
    position += chunk.length;
    if (position - synced >= SYNC_BYTES) {
      synced = position;
      await syncLater(file);
    }
    await pace.rest();
  }
  await syncLater(file);
}
