import { bytesFromLatin1, compareBytes, copyBytes, type FileSystem, latin1FromBytes } from "@quorate/base";
import { type Bucket, type BucketRecord, type RevisionRecord, revisionBytes } from "@quorate/mvcc";
import { BackgroundPace } from "../background-pace.ts";
import type { BboltBucket, BboltReader } from "../bbolt/bbolt-reader.ts";
import { encodeBarrierRecord } from "../level/barrier-record.ts";
import { RECORD_OVERHEAD_BYTES } from "../level/level-backend.ts";
import { APPLIED_KEY, BARRIER_KEY, flushEngine, type LevelDatabase, openEngine } from "../level/level-engine.ts";
import { readUint64, revisionKey } from "../level/revision-key.ts";
import { engineKey } from "../level/small-buckets.ts";
import { sealValue } from "../level/stored-value.ts";
import { StorageError } from "../storage-error.ts";
import { ETCD_BUCKETS, isCompaction, isRevision, MetaKey, revisionRecord, uint64 } from "./etcd-records.ts";
import { KeyValueCheck } from "./key-value-check.ts";
import type { SnapshotPosition } from "./snapshot-sources.ts";

/** Bytes of records that become one write of the engine, about. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_RECORDS = 4000;
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
  /** The position of the log at which its state must be; undefined: any. */
  readonly index: number | undefined;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Where the engine is not to hold what the file says. */
  readonly edit?: EngineEdit;
  /** Whether revisions are refused whose values are not of etcd's schema. */
  readonly checksValues?: boolean;
  /** Bytes of records copied so far, now and then. */
  readonly onProgress?: (bytes: number) => void;
}

/** How the content of an engine differs from that of the file it is made of. Records are in key order. */
export interface EngineEdit {
  /** Buckets with a content of their own. */
  readonly buckets: ReadonlyMap<Bucket, readonly BucketRecord[]>;
  /** Records of bucket `meta`, by their keys as latin1; undefined: left out. */
  readonly meta: ReadonlyMap<string, Uint8Array | undefined>;
  /**
   * If not 0, an empty record so many revisions behind the newest one, marked as compacted: what clients have seen before is behind
   * them. Source: etcdutl snapshot/v3_snapshot.go; file formats page, section 3.2.
   */
  readonly bumpRevision: number;
}

const NO_EDIT: EngineEdit = { buckets: new Map(), meta: new Map(), bumpRevision: 0 };

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
    const source = new SnapshotSource(reader, path, options.checksValues === true);
    source.check(index);
    fs.removeDirectory(directory);
    const database = await openEngine({
      directory,
      fs,
      writeBufferBytes: WRITE_BUFFER_BYTES,
      blockCacheBytes: BLOCK_CACHE_BYTES,
    });
    try {
      const content = await new EngineFill(database, options).run(source);
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
  readonly #edit: EngineEdit;
  readonly #onProgress: ((bytes: number) => void) | undefined;
  readonly #pace = new BackgroundPace();
  readonly #content: Content = { revision: FIRST_REVISION, recordCount: 0, recordBytes: 0 };
  #records: (readonly [key: Uint8Array, value: Uint8Array])[] = [];
  #bytes = 0;
  #writtenBytes = 0;

  constructor(database: LevelDatabase, options: Pick<EngineFillOptions, "signal" | "edit" | "onProgress">) {
    this.#database = database;
    this.#signal = options.signal;
    this.#edit = options.edit ?? NO_EDIT;
    this.#onProgress = options.onProgress;
  }

  async run(source: SnapshotSource): Promise<Content> {
    let newest = 0;
    for (const record of source.revisions()) {
      newest = record.main;
      if (this.#putRevision(record)) await this.#write();
    }
    const meta = new Map(this.#edit.meta);
    if (this.#edit.bumpRevision > 0) this.#bump(newest + this.#edit.bumpRevision, meta);
    for (const name of ETCD_BUCKETS) {
      if (name === "key") continue;
      const records = this.#edit.buckets.get(name) ?? source.small(name);
      for (const { key, value } of name === "meta" ? edited(records, meta) : records) {
        if (name === "meta" && isCompaction(key)) this.#reaches(readUint64(value, 0));
        if (this.#put(engineKey(name, key), value)) await this.#write();
      }
    }
    await this.#write();
    return this.#content;
  }

  #bump(main: number, meta: Map<string, Uint8Array | undefined>): void {
    this.#putRevision({ main, sub: 0, tombstone: false, value: new Uint8Array(0) });
    meta.set(latin1FromBytes(MetaKey.ScheduledCompaction), revisionBytes(main, 0));
  }

  /** Whether it is time to write. */
  #putRevision({ main, sub, tombstone, value }: RevisionRecord): boolean {
    this.#reaches(main);
    this.#content.recordCount++;
    this.#content.recordBytes += value.length + RECORD_OVERHEAD_BYTES;
    return this.#put(revisionKey(main, sub, tombstone), value);
  }

  #reaches(revision: number): void {
    this.#content.revision = Math.max(this.#content.revision, revision);
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
    this.#writtenBytes += this.#bytes;
    this.#onProgress?.(this.#writtenBytes);
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
  readonly #checksValues: boolean;
  readonly #check = new KeyValueCheck();

  constructor(reader: BboltReader, path: string, checksValues: boolean) {
    this.#reader = reader;
    this.#path = path;
    this.#checksValues = checksValues;
    this.#buckets = new Map(reader.buckets().map((bucket) => [bucket.name, bucket]));
  }

  /** Throws StorageError `foreign` or `damaged` unless it is etcd's, of that index of the log. */
  check(index: number | undefined): void {
    if (!this.#buckets.has("key") || !this.#buckets.has("meta")) {
      throw new StorageError("foreign", "a database without etcd's buckets", {
        file: this.#path,
        remedy: NO_PUT_REMEDY,
      });
    }
    let applied: number | undefined;
    for (const { key, value } of this.small("meta")) {
      if (isCompaction(key) && !isRevision(value)) throw this.#damaged("meta", key);
      if (compareBytes(key, MetaKey.ConsistentIndex) !== 0) continue;
      if (value.length !== 8) throw this.#damaged("meta", key);
      applied = readUint64(value, 0);
    }
    if (index === undefined || applied === index) return;
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
        if (this.#checksValues && !this.#check.holds(record.value)) throw this.#damaged("key", record.key);
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

/** Records with others in the place of some, in key order. */
function edited(
  records: Iterable<BucketRecord>,
  changes: ReadonlyMap<string, Uint8Array | undefined>,
): readonly BucketRecord[] {
  const all = new Map<string, Uint8Array | undefined>();
  for (const { key, value } of records) all.set(latin1FromBytes(key), value);
  for (const [key, value] of changes) all.set(key, value);
  const kept: BucketRecord[] = [];
  for (const [key, value] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value !== undefined) kept.push({ key: bytesFromLatin1(key), value });
  }
  return kept;
}
