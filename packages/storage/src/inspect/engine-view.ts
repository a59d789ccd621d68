import { type FileSystem, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, RevisionRecord } from "@quorate/mvcc";
import type { Barrier } from "../barrier.ts";
import type { BboltRecord } from "../bbolt/bbolt-format.ts";
import { DataDirectory, hasMarker } from "../data-directory.ts";
import { type BarrierRecord, decodeBarrierRecord } from "../level/barrier-record.ts";
import { verifyTables } from "../level/engine-state.ts";
import { BARRIER_KEY, damagedRecord, type LevelDatabase, openEngine, readOwnRecord } from "../level/level-engine.ts";
import { REVISION_KEY_BYTES, readUint64, revisionKey } from "../level/revision-key.ts";
import { BUCKETS_END, BUCKETS_START, SmallBuckets } from "../level/small-buckets.ts";
import { openValue } from "../level/stored-value.ts";
import { ETCD_BUCKETS, keyBucketRecord } from "../snapshot/etcd-records.ts";
import { StorageError } from "../storage-error.ts";
import { StateBackend } from "./state-backend.ts";

const WRITE_BUFFER_BYTES = 1024 * 1024;
const BLOCK_CACHE_BYTES = 8 * 1024 * 1024;
const PAGE_RECORDS = 1000;

/**
 * The state of a stopped member of Quorate as its engine has it, in the terms of etcd's database: what the newest barrier covers.
 * What the log says behind that is not part of it. Nothing of the state is changed.
 */
export class EngineView {
  readonly #directory: DataDirectory;
  readonly #database: LevelDatabase;
  readonly #buckets: SmallBuckets;
  readonly #barrier: BarrierRecord | undefined;

  private constructor(
    directory: DataDirectory,
    database: LevelDatabase,
    buckets: SmallBuckets,
    barrier: BarrierRecord | undefined,
  ) {
    this.#directory = directory;
    this.#database = database;
    this.#buckets = buckets;
    this.#barrier = barrier;
  }

  /** Rejects with StorageError: `foreign` unless it is a data directory of Quorate, `locked` while a member runs on it, `damaged`. */
  static async open(fs: FileSystem, dataDirectory: string, walDirectory?: string): Promise<EngineView> {
    if (!hasMarker(fs, dataDirectory)) {
      throw new StorageError("foreign", "no data directory of Quorate", {
        file: dataDirectory,
        remedy: "give another",
      });
    }
    const directory = DataDirectory.open(fs, dataDirectory, walDirectory);
    let database: LevelDatabase | undefined;
    try {
      const path = directory.engines.current();
      verifyTables(fs, path);
      database = await openEngine({
        directory: path,
        fs,
        writeBufferBytes: WRITE_BUFFER_BYTES,
        blockCacheBytes: BLOCK_CACHE_BYTES,
      });
      return new EngineView(directory, database, await loadBuckets(database), loadBarrier(database));
    } catch (error) {
      await database?.close();
      directory.close();
      throw error;
    }
  }

  /** The position of the log that the state is of; undefined for a member that has none yet. */
  get barrier(): Barrier | undefined {
    return this.#barrier;
  }

  /** Names of etcd's buckets, in order. */
  get bucketNames(): readonly string[] {
    return ETCD_BUCKETS;
  }

  /** The records of a bucket in the order of their keys, or the other way round, in lists. Rejects with StorageError `damaged`. */
  async *records(bucket: string, backward = false): AsyncGenerator<readonly BboltRecord[], void, void> {
    if (bucket === "key") {
      for await (const records of this.#revisions(0, 0, backward)) yield records.map(keyBucketRecord);
    } else if (this.bucketNames.includes(bucket)) {
      const records = this.#buckets.list(bucket as Bucket);
      yield backward ? records.reverse() : records;
    }
  }

  /** The state as a store reads it, see {@link StateBackend}; until `close`. */
  backend(): Backend {
    return new StateBackend({
      small: this.#buckets.lists(),
      sizeBytes: this.#barrier?.recordBytes ?? 0,
      revisions: (main, sub) => this.#revisions(main, sub, false),
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
    this.#directory.close();
  }

  async *#revisions(
    main: number,
    sub: number,
    reverse: boolean,
  ): AsyncGenerator<readonly RevisionRecord[], void, void> {
    const end = revisionKey((this.#barrier?.revision ?? 0) + 1, 0, false);
    const iterator = this.#database.iterator({ gte: revisionKey(main, sub, false), lt: end, reverse });
    try {
      while (true) {
        const entries = await iterator.nextv(PAGE_RECORDS);
        if (entries.length === 0) return;
        yield entries.map(([key, stored]) => this.#record(key, stored));
      }
    } finally {
      await iterator.close();
    }
  }

  #record(key: Uint8Array, stored: Uint8Array): RevisionRecord {
    const value = openValue(key, stored);
    if (value === undefined || key.length !== REVISION_KEY_BYTES) {
      throw damagedRecord(this.#database.location, `with key ${Buffer.from(key).toString("hex")}`);
    }
    return { main: readUint64(key, 0), sub: readUint64(key, 8), tombstone: key[16] === 1, value };
  }
}

function loadBarrier(database: LevelDatabase): BarrierRecord | undefined {
  const stored = readOwnRecord(database, BARRIER_KEY);
  const barrier = stored === undefined ? undefined : decodeBarrierRecord(stored);
  if (stored !== undefined && barrier === undefined) {
    throw damagedRecord(database.location, latin1FromBytes(BARRIER_KEY));
  }
  return barrier;
}

async function loadBuckets(database: LevelDatabase): Promise<SmallBuckets> {
  const buckets = new SmallBuckets();
  for await (const [key, stored] of database.iterator({ gte: BUCKETS_START, lt: BUCKETS_END })) {
    const value = openValue(key, stored);
    if (value === undefined || !buckets.load(key, value)) {
      throw damagedRecord(database.location, `with key ${Buffer.from(key).toString("hex")} of a small bucket`);
    }
  }
  return buckets;
}
