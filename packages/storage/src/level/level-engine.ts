import type { FileSystem } from "@quorate/base";
import { type ChainedBatch, ClassicLevel } from "classic-level";
import { makeDirectoryDurably } from "../file-writing.ts";
import { StorageError } from "../storage-error.ts";
import { openValue, sealValue } from "./stored-value.ts";

/** The LevelDB this package is built on, with keys and values as bytes. */
export type LevelDatabase = ClassicLevel<Uint8Array, Uint8Array>;
/** Operations that become one atomic write. */
export type LevelBatch = ChainedBatch<LevelDatabase, Uint8Array, Uint8Array>;

/** What the operator can do about a damaged engine: it is a cache of the log. */
export const ENGINE_REMEDY: string =
  "remove that directory to have it rebuilt from the log if the log still reaches back to its beginning, " +
  "else remove this member from the cluster and add it anew with an empty data directory";

/** Keys of the engine's own records. */
export const FORMAT_KEY: Uint8Array = new TextEncoder().encode("mformat");
export const BARRIER_KEY: Uint8Array = new TextEncoder().encode("mbarrier");
export const APPLIED_KEY: Uint8Array = new TextEncoder().encode("mapplied");
const FORMAT = "quorate engine 1";
/** Beyond every key. */
const NOWHERE_START = Uint8Array.of(0xff);
const NOWHERE_END = Uint8Array.of(0xff, 0xff);

/** What the engine is opened with. Sizes in bytes. */
export interface LevelEngineOptions {
  readonly directory: string;
  readonly fs: FileSystem;
  readonly writeBufferBytes: number;
  readonly blockCacheBytes: number;
}

/** Opens or creates the database. Rejects with StorageError `locked`, `damaged`, `foreign`, `newerFormat`, `unwritable`. */
export async function openEngine(options: LevelEngineOptions): Promise<LevelDatabase> {
  const { directory, fs } = options;
  const isNew = checkDirectory(fs, directory);
  try {
    // Before there is a database object: that opens itself, also where nobody waits for it any more.
    if (fs.stat(directory) === undefined) makeDirectoryDurably(fs, directory, 0o700);
  } catch (error) {
    throw openFailure(directory, error);
  }
  const database: LevelDatabase = new ClassicLevel(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    writeBufferSize: options.writeBufferBytes,
    cacheSize: options.blockCacheBytes,
    maxFileSize: 4 * 1024 * 1024,
  });
  try {
    await database.open();
  } catch (error) {
    throw openFailure(directory, error);
  }
  try {
    await checkFormat(database, directory, isNew);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/**
 * Waits until everything written so far is in synced tables. A synced write alone does not do that: it syncs the engine's
 * current log, and what lies in the log before it, whose table is still being written, may be lost. The engine flushes both
 * whenever it is asked to compact, so it is asked to compact nothing.
 */
export function flushEngine(database: LevelDatabase): Promise<void> {
  return database.compactRange(NOWHERE_START, NOWHERE_END);
}

/** The error for a record whose bytes are not what was written. */
export function damagedRecord(directory: string, record: string, cause?: unknown): StorageError {
  return new StorageError("damaged", `damaged record ${record}`, { file: directory, remedy: ENGINE_REMEDY, cause });
}

/** A sealed record of the engine's own, or undefined. Throws StorageError `damaged`. */
export function readOwnRecord(database: LevelDatabase, key: Uint8Array): Uint8Array | undefined {
  const stored = database.getSync(key);
  if (stored === undefined) return undefined;
  const value = openValue(key, stored);
  if (value === undefined) throw damagedRecord(database.location, new TextDecoder().decode(key));
  return value;
}

function checkDirectory(fs: FileSystem, directory: string): boolean {
  const stat = fs.stat(directory);
  if (stat === undefined) return true;
  if (stat.kind !== "directory") {
    throw new StorageError("foreign", "a file stands where the engine's directory should be", {
      file: directory,
      remedy: "give another data directory, or move the file away",
    });
  }
  const names = fs.list(directory);
  if (names.length === 0) return true;
  if (!names.includes("CURRENT")) {
    if (names.every((name) => name === "LOCK" || name === "LOG")) return true;
    throw new StorageError("damaged", "the engine's file CURRENT is missing", {
      file: directory,
      remedy: ENGINE_REMEDY,
    });
  }
  return false;
}

async function checkFormat(database: LevelDatabase, directory: string, isNew: boolean): Promise<void> {
  const format = readOwnRecord(database, FORMAT_KEY);
  if (format !== undefined) {
    const text = new TextDecoder().decode(format);
    if (text === FORMAT) return;
    throw new StorageError("newerFormat", `the engine has the unknown format "${text}"`, {
      file: directory,
      remedy: "start a newer release, or restore a backup made by this one",
    });
  }
  if (!isNew && (await database.keys({ limit: 1 }).all()).length > 0) {
    throw new StorageError("foreign", "a LevelDB database that is not Quorate's", {
      file: directory,
      remedy: "give another data directory",
    });
  }
  await database.put(FORMAT_KEY, sealValue(FORMAT_KEY, new TextEncoder().encode(FORMAT)), { sync: true });
}

function openFailure(directory: string, error: unknown): StorageError {
  const cause = (error as { readonly cause?: unknown } | undefined)?.cause ?? error;
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  if (code === "LEVEL_LOCKED") {
    return new StorageError("locked", "another process uses this data directory", {
      file: directory,
      remedy: "stop it, or give another data directory",
      cause,
    });
  }
  const text = String(cause);
  if (code === "LEVEL_CORRUPTION" || /corrupt|No such file|missing files/i.test(text)) {
    return new StorageError("damaged", "cannot open the engine", { file: directory, remedy: ENGINE_REMEDY, cause });
  }
  return new StorageError("unwritable", "cannot open the engine", {
    file: directory,
    remedy: "check permissions, free space and the disk",
    cause,
  });
}
