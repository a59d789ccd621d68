import type { FileSystem } from "@quorate/base";
import { DataDirectory, hasMarker } from "../data-directory.ts";
import { DirectorySize } from "../level/directory-size.ts";
import { verifyTables } from "../level/engine-state.ts";
import { type LevelDatabase, openEngine } from "../level/level-engine.ts";
import { revisionKey } from "../level/revision-key.ts";
import { StorageError } from "../storage-error.ts";

const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;
const BLOCK_CACHE_BYTES = 1024 * 1024;

/** What an engine took before and afterwards. */
export interface Defragmented {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Gives the space of deleted records back to the file system, in the engine of a stopped member. Interrupted, it has changed nothing
 * that counts. Rejects with StorageError: `foreign` unless it is a data directory of Quorate, `locked` while a member runs on it,
 * `damaged`.
 */
export async function defragmentEngine(fs: FileSystem, dataDirectory: string): Promise<Defragmented> {
  if (!hasMarker(fs, dataDirectory)) {
    throw new StorageError("foreign", "no data directory of Quorate", { file: dataDirectory, remedy: "give another" });
  }
  const directory = DataDirectory.open(fs, dataDirectory);
  let database: LevelDatabase | undefined;
  try {
    const path = directory.engines.current();
    verifyTables(fs, path);
    const bytesBefore = new DirectorySize(fs, path).bytes;
    database = await openEngine({
      directory: path,
      fs,
      writeBufferBytes: WRITE_BUFFER_BYTES,
      blockCacheBytes: BLOCK_CACHE_BYTES,
    });
    await database.compactRange(revisionKey(0, 0, false), Uint8Array.of(0xff));
    await database.close();
    database = undefined;
    return { bytesBefore, bytesAfter: new DirectorySize(fs, path).bytes };
  } finally {
    await database?.close();
    directory.close();
  }
}
