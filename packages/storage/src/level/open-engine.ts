import { DirectorySize } from "./directory-size.ts";
import { type EngineState, restoreBarrier } from "./engine-state.ts";
import type { LevelBackendOptions } from "./level-backend.ts";
import { type LevelDatabase, openEngine } from "./level-engine.ts";
import { ManifestReader } from "./live-tables.ts";
import { RestoreCheck } from "./restore-check.ts";
import { RevisionTail } from "./revision-tail.ts";
import { RevisionWriter } from "./revision-writer.ts";
import { ValueCache } from "./value-cache.ts";

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;
export const DEFAULT_WRITE_BUFFER_BYTES: number = 16 * 1024 * 1024;
export const DEFAULT_BLOCK_CACHE_BYTES: number = 32 * 1024 * 1024;
const DEFAULT_WRITE_DELAY_MS = 50;

/** An engine that is open, taken back to its newest barrier, and everything in memory that belongs to its content. */
export interface OpenEngine extends EngineState {
  readonly directory: string;
  readonly database: LevelDatabase;
  readonly tail: RevisionTail;
  readonly cache: ValueCache;
  readonly writer: RevisionWriter;
  readonly size: DirectorySize;
  readonly restoreCheck: RestoreCheck;
  readonly manifest: ManifestReader;
}

/** Opens or creates an engine. Rejects as `LevelBackend.open` does. `onFailure`: a write failed later. */
export async function openBackendEngine(
  options: LevelBackendOptions,
  directory: string,
  onFailure: (error: unknown) => void,
): Promise<OpenEngine> {
  const { fs } = options;
  const cacheBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
  const database = await openEngine({
    directory,
    fs,
    writeBufferBytes: options.writeBufferBytes ?? DEFAULT_WRITE_BUFFER_BYTES,
    blockCacheBytes: options.blockCacheBytes ?? DEFAULT_BLOCK_CACHE_BYTES,
  });
  try {
    const state = await restoreBarrier(database, directory);
    const tail = new RevisionTail(cacheBytes / 2);
    const size = new DirectorySize(fs, directory);
    const writer = new RevisionWriter({
      database,
      tail,
      delayMs: options.writeDelayMs ?? DEFAULT_WRITE_DELAY_MS,
      onFailure,
      onWritten: (bytes) => size.added(bytes),
    });
    const cache = new ValueCache(cacheBytes / 2);
    const restoreCheck = new RestoreCheck(directory, state.barrier?.recordCount ?? 0);
    const manifest = new ManifestReader(fs, directory);
    return { ...state, directory, database, tail, cache, writer, size, restoreCheck, manifest };
  } catch (error) {
    await database.close();
    throw error;
  }
}
