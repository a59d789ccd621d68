import { assert, type FileSystem, type Logger, NO_LOGGER, utf8Bytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, ScanDone } from "@quorate/mvcc";
import type { Barrier } from "../barrier.ts";
import { StorageError } from "../storage-error.ts";
import { type BarrierRecord, encodeBarrierRecord } from "./barrier-record.ts";
import { DeletedRevisions, DeletionLayers } from "./deleted-revisions.ts";
import { scanEngine } from "./engine-scan.ts";
import { verifyTables } from "./engine-state.ts";
import { type FrozenBackend, FrozenLevelBackend, openTables } from "./frozen-backend.ts";
import { BARRIER_KEY, damagedRecord, flushEngine, type LevelBatch } from "./level-engine.ts";
import { liveTables } from "./live-tables.ts";
import { type OpenEngine, openBackendEngine } from "./open-engine.ts";
import { packRecords } from "./packed-records.ts";
import { REVISION_KEY_BYTES, readUint64, revisionKey } from "./revision-key.ts";
import { mergeRecords } from "./revision-order.ts";
import type { BucketChanges } from "./small-buckets.ts";
import { CHECKSUM_BYTES, openValue, sealValue } from "./stored-value.ts";
import { verifyTable } from "./table-verifier.ts";
import { revisionMapKey } from "./value-cache.ts";

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

const CONSISTENT_INDEX = utf8Bytes("consistent_index");
/** What a record takes besides its value. */
export const RECORD_OVERHEAD_BYTES: number = REVISION_KEY_BYTES + CHECKSUM_BYTES;
/** Bucket records put into a barrier's batch before other work gets a turn. */
const BARRIER_SLICE_RECORDS = 500;

/** What a barrier makes durable, taken at one instant. */
interface BarrierContent {
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
  readonly #onEngineFailure: (error: unknown) => void;
  #engine: OpenEngine;
  readonly #logger: Logger;
  readonly #appliedIndexAtOpen: number;
  #isClosed = false;
  #hasFailed = false;
  /** Deleted since the newest barrier, and by the barrier that is being written. */
  #deleted = new DeletionLayers();
  #freezing: DeletionLayers | undefined;
  #deletes: LevelBatch | undefined;
  #recordCount: number;
  #recordBytes: number;
  #newestBarrier: Barrier | undefined;
  #hasOutOfOrder = false;
  /** Frozen states whose tables are not open yet, with what has been put since that is not theirs. */
  readonly #captures = new Map<Promise<void>, DeletedRevisions>();
  /** Scans and barriers that are not answered yet. */
  readonly #running = new Set<Promise<void>>();

  private constructor(options: LevelBackendOptions, engine: OpenEngine, onEngineFailure: (error: unknown) => void) {
    this.#onEngineFailure = onEngineFailure;
    this.#options = options;
    this.#logger = options.logger ?? NO_LOGGER;
    this.#engine = engine;
    this.#recordCount = engine.barrier?.recordCount ?? 0;
    this.#recordBytes = engine.barrier?.recordBytes ?? 0;
    this.#newestBarrier = engine.barrier;
    this.#appliedIndexAtOpen = engine.appliedIndex;
  }

  /**
   * Opens or creates, and removes everything above the newest barrier. Rejects with StorageError `locked`, `damaged`,
   * `foreign`, `newerFormat` or `unwritable`.
   */
  static async open(options: LevelBackendOptions): Promise<LevelBackend> {
    if (options.verifyTables !== false) verifyTables(options.fs, options.directory);
    let backend: LevelBackend | undefined;
    const onFailure = (error: unknown): void => {
      if (backend !== undefined) backend.#fail(error);
    };
    const engine = await openBackendEngine(options, options.directory, onFailure);
    backend = new LevelBackend(options, engine, onFailure);
    return backend;
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
    return this.#engine.writer.unwrittenBytes;
  }

  /** Deleted revisions that wait for the next barrier. */
  get pendingDeleteCount(): number {
    return this.#deleted.size;
  }

  getRevision(main: number, sub: number): Uint8Array | undefined {
    const held = this.#engine.writer.get(main, sub);
    if (held !== "absent") return held;
    if (this.#isDeleted(main, sub, false)) return undefined;
    const mapKey = revisionMapKey(main, sub);
    const cached = this.#engine.cache.get(mapKey);
    if (cached !== undefined) return cached;
    const key = revisionKey(main, sub, false);
    const stored = this.#engine.database.getSync(key);
    if (stored === undefined) return undefined;
    const value = openValue(key, stored);
    if (value === undefined) throw damagedRecord(this.#engine.directory, `of revision ${main}.${sub}`);
    this.#engine.cache.set(mapKey, value);
    return value;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    if (!this.#engine.tail.isNext(main, sub, tombstone)) this.#onOutOfOrder(main, sub, tombstone);
    this.#engine.restoreCheck.stop();
    this.#engine.writer.put(main, sub, tombstone, value);
    this.#recordCount++;
    this.#recordBytes += value.length + RECORD_OVERHEAD_BYTES;
  }

  #onOutOfOrder(main: number, sub: number, tombstone: boolean): void {
    this.#hasOutOfOrder = true;
    for (const late of this.#captures.values()) late.add(main, sub, tombstone);
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    if (this.#isDeleted(main, sub, tombstone)) return;
    this.#engine.restoreCheck.stop();
    const held = this.#engine.writer.delete(main, sub, tombstone);
    if (held?.bytes === 0) return;
    const averageBytes = this.#recordCount === 0 ? 0 : this.#recordBytes / this.#recordCount;
    this.#recordBytes = Math.max(0, this.#recordBytes - Math.round(held?.bytes ?? averageBytes));
    this.#recordCount = Math.max(0, this.#recordCount - 1);
    if (held !== undefined && !held.inEngine) return;
    this.#engine.cache.delete(revisionMapKey(main, sub));
    this.#deleted.add(main, sub, tombstone);
    this.#deletes ??= this.#engine.database.batch();
    this.#deletes.del(revisionKey(main, sub, tombstone));
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#engine.buckets.get(bucket, key);
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#engine.buckets.put(bucket, key, value);
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.#engine.buckets.delete(bucket, key);
  }

  list(bucket: Bucket): BucketRecord[] {
    return this.#engine.buckets.list(bucket);
  }

  /** The applied index goes along with the records (rule E4): what `meta/consistent_index` says at this moment. */
  commit(): void {
    const applied = this.#engine.buckets.get("meta", CONSISTENT_INDEX);
    const durable = this.#options.durableIndex?.();
    const isDurable = applied === undefined || durable === undefined || readUint64(applied, 0) <= durable;
    this.#engine.writer.commit(isDurable ? applied : undefined);
  }

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    const unwritten = this.#engine.writer.unwritten(fromMain, fromSub, limit);
    if (!this.#hasOutOfOrder && this.#engine.tail.coversFrom(fromMain, fromSub)) {
      const records = this.#engine.tail.collect(fromMain, fromSub, 0, limit);
      this.#run(Promise.resolve().then(() => done(undefined, records)));
      return;
    }
    // What a barrier is just deleting is in the engine yet, as this scan sees it, and forgotten here when the barrier is done.
    const layers = [this.#deleted, ...(this.#freezing === undefined ? [] : [this.#freezing])];
    const isDeleted = (main: number, sub: number, tombstone: boolean): boolean =>
      layers.some((layer) => layer.has(main, sub, tombstone));
    const scan = scanEngine(this.#engine.database, { main: fromMain, sub: fromSub }, limit, isDeleted);
    this.#run(
      scan.then(
        (stored) => {
          const records = mergeRecords(stored, unwritten, limit);
          const error = this.#engine.restoreCheck.onScan(fromMain, fromSub, records, limit);
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
    this.#deleted = new DeletionLayers();
    const frozen: BarrierContent = {
      record: { ...info, recordCount: this.#recordCount, recordBytes: this.#recordBytes },
      changes: this.#engine.buckets.takeChanges(),
      deletes: this.#deletes,
    };
    this.#deletes = undefined;
    this.#run(
      this.#writeBarrier(frozen, logIsDurable).then(
        () => {
          this.#freezing = undefined;
          this.#newestBarrier = info;
          this.#engine.size.refresh();
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
    const compaction = this.#engine.database.compactRange(revisionKey(0, 0, false), Uint8Array.of(0xff));
    this.#run(
      compaction.then(
        () => {
          this.#engine.size.refresh();
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
    const { fs } = this.#options;
    const tables = liveTables(this.#engine.manifest) ?? [];
    const path = tables.find((table) => after === undefined || table.path > after)?.path;
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
    return this.#engine.size.bytes + this.#engine.writer.unwrittenBytes;
  }

  sizeInUseBytes(): number {
    return Math.min(this.#recordBytes, this.sizeBytes());
  }

  /** Resolves when everything committed is with the engine and every scan and barrier is answered. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (!this.#hasFailed) await this.#engine.writer.whenWritten();
  }

  /** Writes what is committed and closes. What no barrier covers is replayed from the log at the next open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.settle();
    await this.#engine.database.close();
  }

  async #writeBarrier(frozen: BarrierContent, logIsDurable: Promise<void>): Promise<void> {
    await Promise.all([this.#engine.writer.whenWritten(), logIsDurable]);
    await Promise.all(this.#captures.keys());
    await flushEngine(this.#engine.database);
    const batch = frozen.deletes ?? this.#engine.database.batch();
    let count = 0;
    for (const { key, value } of frozen.changes.values()) {
      if (value === undefined) batch.del(key);
      else batch.put(key, sealValue(key, value));
      if (++count % BARRIER_SLICE_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    batch.put(BARRIER_KEY, sealValue(BARRIER_KEY, encodeBarrierRecord(frozen.record)));
    await batch.write({ sync: true });
  }

  /**
   * The state of this moment, open commit included, to be read while everything goes on. Memory: copies of what the engine has not
   * taken yet, and lists of the small buckets.
   */
  freeze(): FrozenBackend {
    const { barrier, buckets, directory, tail, writer } = this.#engine;
    const everything = barrier && { main: barrier.revision, sub: Number.MAX_SAFE_INTEGER, tombstone: true };
    const late = new DeletedRevisions();
    const excluded = [...(this.#freezing?.keep() ?? []), ...this.#deleted.keep()];
    const lists = buckets.lists();
    const atOnce = {
      engineDirectory: directory,
      unwritten: packRecords(writer.unwritten(0, 0, Number.POSITIVE_INFINITY)),
      limit: tail.last ?? everything,
      buckets: lists,
    };
    const captured = openTables(this.#options.fs, this.#engine).then((tables) => ({
      state: {
        ...atOnce,
        tables: tables.map(({ path, smallest, file }) => ({ path, smallest, descriptor: file.descriptor })),
        excluded: [...excluded, late].map((each) => each.toList()),
      },
      files: tables.map(({ file }) => file),
    }));
    this.#hold(captured, late);
    return new FrozenLevelBackend(lists, captured);
  }

  /** Until the tables are open nothing is deleted from them, and what is put out of order meanwhile is known. */
  #hold(captured: Promise<unknown>, late: DeletedRevisions): void {
    const settled = captured.then(
      () => {},
      () => {},
    );
    this.#captures.set(settled, late);
    this.#run(settled.finally(() => this.#captures.delete(settled)));
  }

  /**
   * Goes over to another engine, of which this directory has the files: a snapshot was installed. Until then everything is
   * answered from the old content, but nothing may be written; `onReplaced` is called in the very turn in which the content
   * changes. Resolves when the old engine is closed. Rejects as {@link open} does, with the old content still in place.
   */
  async replace(directory: string, onReplaced: () => void): Promise<void> {
    const engine = await openBackendEngine(this.#options, directory, this.#onEngineFailure);
    const old = this.#engine;
    try {
      while (this.#running.size > 0 || !old.writer.isIdle) {
        this.commit();
        await this.settle();
        assert(!this.#hasFailed && !this.#isClosed, "the backend is in use");
      }
    } catch (error) {
      await engine.database.close();
      throw error;
    }
    this.#engine = engine;
    this.#deleted = new DeletionLayers();
    this.#deletes = undefined;
    this.#hasOutOfOrder = false;
    this.#recordCount = engine.barrier?.recordCount ?? 0;
    this.#recordBytes = engine.barrier?.recordBytes ?? 0;
    this.#newestBarrier = engine.barrier;
    onReplaced();
    await old.database.close();
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
      file: this.#engine.directory,
      remedy: "check the disk and its free space, then restart",
      cause,
    });
    this.#logger.error("the engine failed", { error: error.message });
    this.#options.fatal(error);
  }
}
