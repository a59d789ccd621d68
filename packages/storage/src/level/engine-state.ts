import type { FileSystem } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import { type BarrierRecord, decodeBarrierRecord } from "./barrier-record.ts";
import {
  APPLIED_KEY,
  BARRIER_KEY,
  damagedRecord,
  ENGINE_REMEDY,
  type LevelDatabase,
  readOwnRecord,
} from "./level-engine.ts";
import { liveTables, ManifestReader } from "./live-tables.ts";
import { REVISIONS_END, readUint64, revisionKey } from "./revision-key.ts";
import { BUCKETS_END, BUCKETS_START, SmallBuckets } from "./small-buckets.ts";
import { openValue } from "./stored-value.ts";
import { verifyTable } from "./table-verifier.ts";

/** What an engine that was just opened holds besides its revisions. */
export interface EngineState {
  readonly buckets: SmallBuckets;
  readonly barrier: BarrierRecord | undefined;
  /** The highest applied index seen, 0 if none. */
  readonly appliedIndex: number;
}

/** Takes the engine back to its newest barrier and loads what belongs into memory. Rejects with StorageError `damaged`. */
export async function restoreBarrier(database: LevelDatabase, directory: string): Promise<EngineState> {
  try {
    const stored = readOwnRecord(database, BARRIER_KEY);
    const barrier = stored === undefined ? undefined : decodeBarrierRecord(stored);
    if (stored !== undefined && barrier === undefined) throw damagedRecord(directory, "mbarrier");
    await database.clear({ gte: revisionKey((barrier?.revision ?? 0) + 1, 0, false), lt: REVISIONS_END });
    const buckets = new SmallBuckets();
    for await (const [key, value] of database.iterator({ gte: BUCKETS_START, lt: BUCKETS_END })) {
      const opened = openValue(key, value);
      if (opened === undefined || !buckets.load(key, opened)) {
        throw damagedRecord(directory, `with key ${Buffer.from(key).toString("hex")} of a small bucket`);
      }
    }
    const applied = readOwnRecord(database, APPLIED_KEY);
    return { buckets, barrier, appliedIndex: applied === undefined ? 0 : readUint64(applied, 0) };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError("damaged", "cannot read the engine", {
      file: directory,
      remedy: ENGINE_REMEDY,
      cause: error,
    });
  }
}

/** Verifies all tables before LevelDB sees them: it may not survive what it reads. Throws StorageError `damaged`. */
export function verifyTables(fs: FileSystem, directory: string): void {
  for (const { path } of liveTables(new ManifestReader(fs, directory)) ?? []) {
    // The engine itself says what is missing.
    if (fs.stat(path) === undefined) continue;
    for (const _ of verifyTable(fs, path)) continue;
  }
}
