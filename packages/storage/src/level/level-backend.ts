import { assert, type FileSystem, type Logger, NO_LOGGER, utf8Bytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, ScanDone } from "@quorate/mvcc";
import type { Barrier } from "../barrier.ts";
import { StorageError } from "../storage-error.ts";
import { type BarrierRecord, encodeBarrierRecord } from "./barrier-record.ts";
import { DeletedRevisions } from "./deleted-revisions.ts";
import { DirectorySize } from "./directory-size.ts";
import { scanEngine } from "./engine-scan.ts";
import { type EngineState, restoreBarrier, verifyTables } from "./engine-state.ts";
import {
  BARRIER_KEY,
  damagedRecord,
  flushEngine,
  type LevelBatch,
  type LevelDatabase,
  openEngine,
} from "./level-engine.ts";
import { liveTables } from "./live-tables.ts";
import { RestoreCheck } from "./restore-check.ts";
import { REVISION_KEY_BYTES, readUint64, revisionKey } from "./revision-key.ts";
import { mergeRecords } from "./revision-order.ts";
import { RevisionTail } from "./revision-tail.ts";
import { RevisionWriter } from "./revision-writer.ts";
import type { BucketChanges, SmallBuckets } from "./small-buckets.ts";
import { CHECKSUM_BYTES, openValue, sealValue } from "./stored-value.ts";
import { verifyTable } from "./table-verifier.ts";
import { revisionMapKey, ValueCache } from "./value-cache.ts";

/** What the backend is opened with. Sizes in bytes. */
export interface LevelBackendOptions {
  readonly directory: string;
  readonly fs: FileSystem;
  /** Bound on the memory for values that the engine has, recent and read ones together. Default 64 MiB. */
  readonly cacheBytes?: number;
  /** LevelDB's write buffer; it takes up to twice as much memory. Default 16 MiB. */
  readonly writeBufferBytes?: number;
  /** LevelDB's cache of table blocks. Default 32 MiB. */
  readonly blockCacheBytes?: number;
  /** Whether `open` verifies the checksums of all tables first: about 1 s per GB. Default true. */
  readonly verifyTables?: boolean;
  /** How long a commit may wait for others before the engine gets it. Default 50. */
  readonly writeDelayMs?: number;
  /**
   * The last index known to be durable in the log. Where entries are applied before they are (a follower may), it bounds the
   * applied index that is remembered.
   */
  readonly durableIndex?: () => number;
  readonly logger?: Logger;
  /** The engine failed: the process must stop. Called once at most. */
  readonly fatal: (error: Error) => void;
}

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;
const DEFAULT_WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const DEFAULT_BLOCK_CACHE_BYTES = 32 * 1024 * 1024;
const DEFAULT_WRITE_DELAY_MS = 50;
const CONSISTENT_INDEX = utf8Bytes("consistent_index");
const RECORD_OVERHEAD_BYTES = REVISION_KEY_BYTES + CHECKSUM_BYTES;
/** Bucket records put into a barrier's batch before other work gets a turn. */
const BARRIER_SLICE_RECORDS = 500;

/** What a barrier makes durable, taken at one instant. */
interface Frozen {
  readonly record: BarrierRecord;
  readonly changes: BucketChanges;
  readonly deletes: LevelBatch | undefined;
}

/**
 * The store's records in LevelDB, as a cache of what the log says (rules E1-E6 of the reliability page).
 *
 * Revision records go to the engine unsynced and soon after their commit. Everything that changes what is there already - the
 * small buckets, and deletes of revisions - is written only by a barrier: one synced batch, behind a flush of what came
 * before, with the barrier itself in it. So the engine always holds the state at the newest barrier plus revisions above it,
 * whatever of its unsynced writes was lost; `open` removes the latter, and the log is replayed from there.
 *
 * Reads never wait: small buckets and recent revisions are in memory, other revisions are read synchronously.
 */
export class LevelBackend implements Backend {
  readonly #options: LevelBackendOptions;
  readonly #database: LevelDatabase;
  readonly #logger: Logger;
  readonly #writer: RevisionWriter;
  readonly #tail: RevisionTail;
  readonly #cache: ValueCache;
  readonly #buckets: SmallBuckets;
  readonly #size: DirectorySize;
  readonly #restoreCheck: RestoreCheck;
  readonly #appliedIndexAtOpen: number;
  #isClosed = false;
  #hasFailed = false;
  /** Deleted since the newest barrier, and by the barrier that is being written. */
  #deleted = new DeletedRevisions();
  #freezing: DeletedRevisions | undefined;
  #deletes: LevelBatch | undefined;
  #recordCount: number;
  #recordBytes: number;
  #newestBarrier: Barrier | undefined;
  #hasOutOfOrder = false;
  /** Scans and barriers that are not answered yet. */
  readonly #running = new Set<Promise<void>>();

  private constructor(options: LevelBackendOptions, database: LevelDatabase, state: EngineState) {
    const { buckets, barrier, appliedIndex } = state;
    const cacheBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
    this.#options = options;
    this.#database = database;
    this.#logger = options.logger ?? NO_LOGGER;
    this.#buckets = buckets;
    this.#tail = new RevisionTail(cacheBytes / 2);
    this.#cache = new ValueCache(cacheBytes / 2);
    this.#size = new DirectorySize(options.fs, options.directory);
    this.#recordCount = barrier?.recordCount ?? 0;
    this.#recordBytes = barrier?.recordBytes ?? 0;
    this.#newestBarrier = barrier;
    this.#appliedIndexAtOpen = appliedIndex;
    this.#restoreCheck = new RestoreCheck(options.directory, this.#recordCount);
    this.#writer = new RevisionWriter({
      database,
      tail: this.#tail,
      delayMs: options.writeDelayMs ?? DEFAULT_WRITE_DELAY_MS,
      onFailure: (error) => this.#fail(error),
      onWritten: (bytes) => this.#size.added(bytes),
    });
  }

  /**
   * Opens or creates, and removes everything above the newest barrier. Rejects with StorageError `locked`, `damaged`,
   * `foreign`, `newerFormat` or `unwritable`.
   */
  static async open(options: LevelBackendOptions): Promise<LevelBackend> {
    const { directory, fs } = options;
    if (options.verifyTables !== false) verifyTables(fs, directory);
    const database = await openEngine({
      directory,
      fs,
      writeBufferBytes: options.writeBufferBytes ?? DEFAULT_WRITE_BUFFER_BYTES,
      blockCacheBytes: options.blockCacheBytes ?? DEFAULT_BLOCK_CACHE_BYTES,
    });
    try {
      return new LevelBackend(options, database, await restoreBarrier(database, directory));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Removes the engine's files: the next open starts empty, and the log must be replayed from its beginning. */
  static destroy(options: Pick<LevelBackendOptions, "directory" | "fs">): void {
    options.fs.removeDirectory(options.directory);
  }

  /** The newest durable barrier; undefined in a new store. Right after open: what the store holds, exactly. */
  get newestBarrier(): Barrier | undefined {
    return this.#newestBarrier;
  }

  /**
   * The highest applied index found at open. It is written without sync, so it may be too low, never too high: a log that ends
   * before it has lost entries.
   */
  get appliedIndexAtOpen(): number {
    return this.#appliedIndexAtOpen;
  }

  /** Bytes of values that the engine has not taken yet. They grow if it cannot keep up; slow the writers down then. */
  get unwrittenBytes(): number {
    return this.#writer.unwrittenBytes;
  }

  /** Deleted revisions that wait for the next barrier. */
  get pendingDeleteCount(): number {
    return this.#deleted.size;
  }

  getRevision(main: number, sub: number): Uint8Array | undefined {
    const held = this.#writer.get(main, sub);
    if (held !== "absent") return held;
    if (this.#isDeleted(main, sub, false)) return undefined;
    const mapKey = revisionMapKey(main, sub);
    const cached = this.#cache.get(mapKey);
    if (cached !== undefined) return cached;
    const key = revisionKey(main, sub, false);
    const stored = this.#database.getSync(key);
    if (stored === undefined) return undefined;
    const value = openValue(key, stored);
    if (value === undefined) throw damagedRecord(this.#options.directory, `of revision ${main}.${sub}`);
    this.#cache.set(mapKey, value);
    return value;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    if (!this.#tail.isNext(main, sub, tombstone)) this.#hasOutOfOrder = true;
    this.#restoreCheck.stop();
    this.#writer.put(main, sub, tombstone, value);
    this.#recordCount++;
    this.#recordBytes += value.length + RECORD_OVERHEAD_BYTES;
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    if (this.#isDeleted(main, sub, tombstone)) return;
    this.#restoreCheck.stop();
    const held = this.#writer.delete(main, sub, tombstone);
    if (held?.bytes === 0) return;
    const averageBytes = this.#recordCount === 0 ? 0 : this.#recordBytes / this.#recordCount;
    this.#recordBytes = Math.max(0, this.#recordBytes - Math.round(held?.bytes ?? averageBytes));
    this.#recordCount = Math.max(0, this.#recordCount - 1);
    if (held !== undefined && !held.inEngine) return;
    this.#cache.delete(revisionMapKey(main, sub));
    this.#deleted.add(main, sub, tombstone);
    this.#deletes ??= this.#database.batch();
    this.#deletes.del(revisionKey(main, sub, tombstone));
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#buckets.get(bucket, key);
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#buckets.put(bucket, key, value);
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.#buckets.delete(bucket, key);
  }

  list(bucket: Bucket): BucketRecord[] {
    return this.#buckets.list(bucket);
  }

  /** The applied index goes along with the records (rule E4): what `meta/consistent_index` says at this moment. */
  commit(): void {
    const applied = this.#buckets.get("meta", CONSISTENT_INDEX);
    const durable = this.#options.durableIndex?.();
    const isDurable = applied === undefined || durable === undefined || readUint64(applied, 0) <= durable;
    this.#writer.commit(isDurable ? applied : undefined);
  }

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    const unwritten = this.#writer.unwritten(fromMain, fromSub, limit);
    if (!this.#hasOutOfOrder && this.#tail.coversFrom(fromMain, fromSub)) {
      const records = this.#tail.collect(fromMain, fromSub, 0, limit);
      this.#run(Promise.resolve().then(() => done(undefined, records)));
      return;
    }
    const isDeleted = (main: number, sub: number, tombstone: boolean): boolean => this.#isDeleted(main, sub, tombstone);
    const scan = scanEngine(this.#database, { main: fromMain, sub: fromSub }, limit, isDeleted);
    this.#run(
      scan.then(
        (stored) => {
          const records = mergeRecords(stored, unwritten, limit);
          const error = this.#restoreCheck.onScan(fromMain, fromSub, records, limit);
          done(error, error === undefined ? records : []);
        },
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), []),
      ),
    );
  }

  /**
   * Makes the state of this moment durable, which must be that after applying the log up to `info.index`: the open commit is
   * ended, and what is given later is not part of it. The engine is not told before `logIsDurable` resolves: it must never be
   * ahead of the log. One at a time. `done` is called later, once.
   */
  barrier(info: Barrier, done: (error?: Error) => void, logIsDurable: Promise<void> = Promise.resolve()): void {
    assert(this.#freezing === undefined, "one barrier at a time");
    assert(info.index >= (this.#newestBarrier?.index ?? 0), "barriers do not go back");
    this.commit();
    this.#freezing = this.#deleted;
    this.#deleted = new DeletedRevisions();
    const frozen: Frozen = {
      record: { ...info, recordCount: this.#recordCount, recordBytes: this.#recordBytes },
      changes: this.#buckets.takeChanges(),
      deletes: this.#deletes,
    };
    this.#deletes = undefined;
    this.#run(
      this.#writeBarrier(frozen, logIsDurable).then(
        () => {
          this.#freezing = undefined;
          this.#newestBarrier = info;
          this.#size.refresh();
          done();
        },
        (error: unknown) => {
          this.#fail(error);
          done(error instanceof Error ? error : new Error(String(error)));
        },
      ),
    );
  }

  /** Gives the space of deleted records back to the file system (Defragment). Reads and writes go on meanwhile. */
  compactFiles(done: (error?: Error) => void): void {
    const compaction = this.#database.compactRange(revisionKey(0, 0, false), Uint8Array.of(0xff));
    this.#run(
      compaction.then(
        () => {
          this.#size.refresh();
          done();
        },
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      ),
    );
  }

  /**
   * Verifies the checksums of one table file, a little per turn: that which follows `after` (the first if undefined). Answers
   * its path, to go on with, or undefined when there is none left; or StorageError `damaged`: the member must stop serving.
   */
  scrub(after: string | undefined, done: (error: Error | undefined, verified: string | undefined) => void): void {
    const { directory, fs } = this.#options;
    const path = liveTables(fs, directory)?.find((each) => after === undefined || each > after);
    const verify = async (): Promise<void> => {
      if (path === undefined) return;
      for (const _ of verifyTable(fs, path)) await new Promise((resolve) => setImmediate(resolve));
    };
    this.#run(
      verify().then(
        () => done(undefined, path),
        // A table that is gone was merged into others meanwhile.
        (error: Error & { readonly code?: string }) => done(error.code === "ENOENT" ? undefined : error, path),
      ),
    );
  }

  sizeBytes(): number {
    return this.#size.bytes + this.#writer.unwrittenBytes;
  }

  sizeInUseBytes(): number {
    return Math.min(this.#recordBytes, this.sizeBytes());
  }

  /** Resolves when everything committed is with the engine and every scan and barrier is answered. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (!this.#hasFailed) await this.#writer.whenWritten();
  }

  /** Writes what is committed and closes. What no barrier covers is replayed from the log at the next open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.settle();
    await this.#database.close();
  }

  async #writeBarrier(frozen: Frozen, logIsDurable: Promise<void>): Promise<void> {
    await Promise.all([this.#writer.whenWritten(), logIsDurable]);
    await flushEngine(this.#database);
    const batch = frozen.deletes ?? this.#database.batch();
    let count = 0;
    for (const { key, value } of frozen.changes.values()) {
      if (value === undefined) batch.del(key);
      else batch.put(key, sealValue(key, value));
      if (++count % BARRIER_SLICE_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    batch.put(BARRIER_KEY, sealValue(BARRIER_KEY, encodeBarrierRecord(frozen.record)));
    await batch.write({ sync: true });
  }

  #isDeleted(main: number, sub: number, isTombstone: boolean): boolean {
    return this.#deleted.has(main, sub, isTombstone) || this.#freezing?.has(main, sub, isTombstone) === true;
  }

  /** Keeps track of work in the background. What a callback throws is the program's failure, not the engine's. */
  #run(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        setImmediate(() => {
          throw error;
        });
      })
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  #fail(cause: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const error = new StorageError("ioFailed", "the engine failed", {
      file: this.#options.directory,
      remedy: "check the disk and its free space, then restart",
      cause,
    });
    this.#logger.error("the engine failed", { error: error.message });
    this.#options.fatal(error);
  }
}
