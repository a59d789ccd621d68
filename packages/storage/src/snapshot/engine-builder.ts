import { compareBytes, copyBytes, type FileSystem, latin1FromBytes } from "@quorate/base";
import type { Bucket, RevisionRecord } from "@quorate/mvcc";
import { BackgroundPace } from "../background-pace.ts";
import type { BboltBucket, BboltReader } from "../bbolt/bbolt-reader.ts";
import { encodeBarrierRecord } from "../level/barrier-record.ts";
import { RECORD_OVERHEAD_BYTES } from "../level/level-backend.ts";
import { APPLIED_KEY, BARRIER_KEY, flushEngine, type LevelDatabase, openEngine } from "../level/level-engine.ts";
import { readUint64, revisionKey } from "../level/revision-key.ts";
import { engineKey } from "../level/small-buckets.ts";
import { sealValue } from "../level/stored-value.ts";
import { StorageError } from "../storage-error.ts";
import { ETCD_BUCKETS, MetaKey, revisionRecord, uint64 } from "./etcd-records.ts";
import type { SnapshotPosition } from "./snapshot-file.ts";

/** Bytes of records that become one write of the engine, about. */
const BATCH_BYTES = 512 * 1024;
const BATCH_RECORDS = 500;
/** The engine that is built serves nobody yet. */
const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;
const BLOCK_CACHE_BYTES = 1024 * 1024;
const FIRST_REVISION = 1;
const NO_PUT_REMEDY = "take the snapshot anew";

/** What an engine is made of, and where. */
export interface EngineFillOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly reader: BboltReader;
  /** The reader's file. */
  readonly path: string;
  /** The position of the log at which its state is. */
  readonly index: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What a snapshot file turned out to hold. */
interface Content {
  revision: number;
  recordCount: number;
  recordBytes: number;
}

/**
 * An engine in the making, from the content of a snapshot file: first everything but the barrier, then, once the position is
 * known, that. Nothing else reads or writes it.
 */
export class EngineBuilder {
  readonly #database: LevelDatabase;
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #content: Content;

  private constructor(fs: FileSystem, directory: string, database: LevelDatabase, content: Content) {
    this.#fs = fs;
    this.#directory = directory;
    this.#database = database;
    this.#content = content;
  }

  /**
   * Fills a new engine in `directory`, replacing what is there, with all records of the file; gives way to other work all the
   * time. Memory: constant, the engine's buffers. Rejects with StorageError: `damaged` or `foreign` for the file (a database that
   * is not of etcd's schema or not of log index `index` is), others for the engine, or with the signal's reason. The directory is
   * removed then.
   */
  static async fill(options: EngineFillOptions): Promise<EngineBuilder> {
    const { fs, directory, reader, path, index, signal } = options;
    signal.throwIfAborted();
    const source = new SnapshotSource(reader, path);
    source.check(index);
    fs.removeDirectory(directory);
    const database = await openEngine({
      directory,
      fs,
      writeBufferBytes: WRITE_BUFFER_BYTES,
      blockCacheBytes: BLOCK_CACHE_BYTES,
    });
    try {
      const content = await new EngineFill(database, signal).run(source);
      await flushEngine(database);
      return new EngineBuilder(fs, directory, database, content);
    } catch (error) {
      await database.close();
      fs.removeDirectory(directory);
      throw error;
    }
  }

  /** The store's revision in the file. */
  get revision(): number {
    return this.#content.revision;
  }

  /** Writes the barrier and closes: the engine is whole and durable. */
  async finish(position: SnapshotPosition): Promise<void> {
    const { index, term, confState } = position;
    const batch = this.#database.batch();
    batch.put(APPLIED_KEY, sealValue(APPLIED_KEY, uint64(index)));
    const barrier = { ...this.#content, index, term, confState };
    batch.put(BARRIER_KEY, sealValue(BARRIER_KEY, encodeBarrierRecord(barrier)));
    await batch.write({ sync: true });
    await this.#database.close();
    this.#fs.syncDirectory(this.#directory);
  }

  /** Throws it away. */
  async discard(): Promise<void> {
    await this.#database.close();
    this.#fs.removeDirectory(this.#directory);
  }
}

/** Copies records into an engine, batch by batch. For one use. */
class EngineFill {
  readonly #database: LevelDatabase;
  readonly #signal: AbortSignal;
  readonly #pace = new BackgroundPace();
  readonly #content: Content = { revision: FIRST_REVISION, recordCount: 0, recordBytes: 0 };
  #records: (readonly [key: Uint8Array, value: Uint8Array])[] = [];
  #bytes = 0;

  constructor(database: LevelDatabase, signal: AbortSignal) {
    this.#database = database;
    this.#signal = signal;
  }

  async run(source: SnapshotSource): Promise<Content> {
    const content = this.#content;
    for (const { main, sub, tombstone, value } of source.revisions()) {
      content.revision = Math.max(content.revision, main);
      content.recordCount++;
      content.recordBytes += value.length + RECORD_OVERHEAD_BYTES;
      if (this.#put(revisionKey(main, sub, tombstone), value)) await this.#write();
    }
    for (const name of ETCD_BUCKETS) {
      if (name === "key") continue;
      for (const { key, value } of source.small(name)) {
        if (name === "meta" && isCompaction(key)) content.revision = Math.max(content.revision, readUint64(value, 0));
        if (this.#put(engineKey(name, key), value)) await this.#write();
      }
    }
    await this.#write();
    return content;
  }

  /** Whether it is time to write. */
  #put(key: Uint8Array, value: Uint8Array): boolean {
    const stored = sealValue(key, value);
    this.#records.push([key, stored]);
    this.#bytes += key.length + stored.length;
    return this.#bytes >= BATCH_BYTES || this.#records.length >= BATCH_RECORDS;
  }

  async #write(): Promise<void> {
    const batch = this.#database.batch();
    for (const [key, value] of this.#records) batch.put(key, value);
    this.#records = [];
    this.#bytes = 0;
    await batch.write();
    await this.#pace.rest();
    this.#signal.throwIfAborted();
  }
}

/** The records of a snapshot file in the backend's terms, checked. */
class SnapshotSource {
  readonly #reader: BboltReader;
  readonly #path: string;
  readonly #buckets: ReadonlyMap<string, BboltBucket>;

  constructor(reader: BboltReader, path: string) {
    this.#reader = reader;
    this.#path = path;
    this.#buckets = new Map(reader.buckets().map((bucket) => [bucket.name, bucket]));
  }

  /** Throws StorageError `foreign` or `damaged` unless it is etcd's, of that index of the log. */
  check(index: number): void {
    if (!this.#buckets.has("key") || !this.#buckets.has("meta")) {
      throw new StorageError("foreign", "a database without etcd's buckets", {
        file: this.#path,
        remedy: NO_PUT_REMEDY,
      });
    }
    let applied: number | undefined;
    for (const { key, value } of this.small("meta")) {
      if (isCompaction(key) && !(value.length === 17 && Number.isSafeInteger(readUint64(value, 0))))
        throw this.#damaged("meta", key);
      if (compareBytes(key, MetaKey.ConsistentIndex) !== 0) continue;
      if (value.length !== 8) throw this.#damaged("meta", key);
      applied = readUint64(value, 0);
    }
    if (applied === index) return;
    throw new StorageError(
      "damaged",
      `a snapshot of log index ${index} holds the state of index ${applied ?? "unknown"}`,
      {
        file: this.#path,
        remedy: NO_PUT_REMEDY,
      },
    );
  }

  *revisions(): Generator<RevisionRecord, void, void> {
    const bucket = this.#buckets.get("key");
    if (bucket === undefined) return;
    for (const records of this.#reader.records(bucket)) {
      for (const record of records) {
        const revision = revisionRecord(record);
        if (revision === undefined) throw this.#damaged("key", record.key);
        yield revision;
      }
    }
  }

  /** Records in bytes of their own. */
  *small(name: Bucket): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }, void, void> {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return;
    for (const records of this.#reader.records(bucket)) {
      for (const { key, value } of records) yield { key: copyBytes(key), value: copyBytes(value) };
    }
  }

  #damaged(bucket: string, key: Uint8Array): StorageError {
    return new StorageError("damaged", `malformed record ${Buffer.from(key).toString("hex")} of bucket ${bucket}`, {
      file: this.#path,
      remedy: NO_PUT_REMEDY,
    });
  }
}

function isCompaction(key: Uint8Array): boolean {
  const name = latin1FromBytes(key);
  return name === "scheduledCompactRev" || name === "finishedCompactRev";
}
