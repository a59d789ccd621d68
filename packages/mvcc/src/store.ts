import type {
  DeleteRangeRequest,
  DeleteRangeResult,
  ErrorCode,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  TxnRequest,
  TxnResult,
} from "@quorate/protocol";
import type { Backend } from "./backend.ts";
import type { HistoryDone, WriteHook } from "./change.ts";
import { type HashDone, HashRead } from "./hash-read.ts";
import { HistoryRead } from "./history-read.ts";
import { KeyIndex } from "./key-index/key-index.ts";
import { type LeaseAttachments, NO_LEASES } from "./lease-attachments.ts";
import { RangeReader } from "./range-reader.ts";
import { RevisionCompaction, type StoredHash } from "./revision-compaction.ts";
import { StoreRestore } from "./store-restore.ts";
import { StoreWriter } from "./store-writer.ts";
import { TxnRun } from "./txn.ts";

/** The revision of a store that nothing was written to; the first write makes 2. */
const FIRST_REVISION = 1;

/** The compacted revision of a store that was never compacted. */
const NEVER_COMPACTED = -1;

export interface StoreOptions {
  /** Who knows the leases; without it every lease is unknown. */
  readonly leases?: LeaseAttachments;
  /**
   * Called when reading back from the backend failed outside any call that could say so (history, hashes). The process must
   * stop serving then. Without it the error is thrown into the backend's callback.
   */
  readonly onFailure?: (error: Error) => void;
  /**
   * Whether each compaction first hashes what it is about to change, as etcd does, so that `hashKv` can answer for its
   * revision afterwards; default true. It reads every revision up to the compacted one.
   */
  readonly storesCompactionHashes?: boolean;
}

/**
 * The multi-version store: takes etcd's requests, gives their results, and keeps every revision until it is compacted.
 * Deterministic: the same requests in the same order give the same results and the same stored bytes anywhere. Requests
 * are expected to have passed the checks of `checkRange` and its kin where they came in.
 *
 * Everything is synchronous but what reads the backend in pieces (`restore`, `history`, `hashKv`, `hash`). Writes go into the
 * backend's open batch; committing it is the caller's. A backend that fails, or has lost a revision the index knows, makes
 * calls throw: the process must stop serving then.
 */
export class Store {
  readonly #backend: Backend;
  readonly #leases: LeaseAttachments;
  readonly #onFailure: (error: Error) => void;
  readonly #storesHashes: boolean;
  #index: KeyIndex;
  #reader: RangeReader;
  #writer: StoreWriter;
  #compaction: RevisionCompaction;
  #revision = FIRST_REVISION;
  #compactedRevision = NEVER_COMPACTED;

  /** Called once for each main revision, at the end of the write that made it. */
  onWrite: WriteHook | undefined = undefined;

  /** An empty store. Call `restore` first where the backend may hold something. */
  constructor(backend: Backend, options: StoreOptions = {}) {
    this.#backend = backend;
    this.#leases = options.leases ?? NO_LEASES;
    this.#onFailure = options.onFailure ?? throwError;
    this.#index = new KeyIndex();
    this.#reader = new RangeReader(backend, this.#index);
    this.#writer = new StoreWriter(backend, this.#index, this.#leases, this.#reader);
    this.#storesHashes = options.storesCompactionHashes ?? true;
    this.#compaction = new RevisionCompaction(backend, this.#index, this.#storesHashes);
  }

  /** The revision of the last write; 1 when there was none. */
  get revision(): number {
    return this.#revision;
  }

  /** What is below this revision cannot be read any more; -1 before the first compaction. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  /** Number of keys that are live now. */
  get keyCount(): number {
    return this.#index.liveCount;
  }

  /**
   * Forgets everything and reads the backend instead: at start, or after a snapshot replaced its content. Attaches every live
   * key that has a lease, so the leases must be there before. A compaction that was cut short is pending again. `done` is
   * called once, later; with an error the store is not usable. Nothing else may be called meanwhile. Answers to `history`
   * asked for before never come; those to `hashKv` are `compacted`. PERF: reads all revisions, in pages.
   */
  restore(done: (error: Error | undefined) => void): void {
    const index = new KeyIndex();
    this.#index = index;
    this.#reader = new RangeReader(this.#backend, index);
    this.#writer = new StoreWriter(this.#backend, index, this.#leases, this.#reader);
    const compaction = new RevisionCompaction(this.#backend, index, this.#storesHashes);
    this.#compaction = compaction;
    new StoreRestore(this.#backend, index, this.#leases).run((error, newestRevision) => {
      if (index !== this.#index) return;
      if (error !== undefined) {
        done(error);
        return;
      }
      const finished = compaction.finishedRevision ?? NEVER_COMPACTED;
      const scheduled = compaction.scheduledRevision ?? NEVER_COMPACTED;
      // The newest revisions may all be gone: a compaction can remove the tombstones that made them.
      this.#revision = Math.max(FIRST_REVISION, newestRevision, finished, scheduled);
      this.#compactedRevision = Math.max(finished, scheduled);
      if (scheduled > finished) compaction.schedule(scheduled, finished);
      done(undefined);
    });
  }

  /** `futureRevision`, `compacted`. kvs are shared. PERF: see RangeReader. */
  range(request: RangeRequest): RangeResult | ErrorCode {
    return this.#reader.range(request, this.#revision, this.#compactedRevision);
  }

  /** `leaseNotFound`, then `keyNotFound` where `ignoreValue` or `ignoreLease` need the key. The request's bytes are copied. */
  put(request: PutRequest): PutResult | ErrorCode {
    const error = this.#writer.checkPut(request);
    if (error !== undefined) return error;
    this.#writer.begin(this.#revision, this.onWrite !== undefined);
    const result = this.#writer.put(request);
    this.#endWrite();
    return result;
  }

  /** Never refused; without a live key in its range it changes nothing and makes no revision. */
  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    this.#writer.begin(this.#revision, this.onWrite !== undefined);
    const result = this.#writer.deleteRange(request);
    this.#endWrite();
    return result;
  }

  /**
   * All or nothing: an operation on the branches taken that cannot run refuses the whole, with `futureRevision`,
   * `compacted`, `leaseNotFound` or `keyNotFound`, and no trace of it is left.
   */
  txn(request: TxnRequest): TxnResult | ErrorCode {
    this.#writer.begin(this.#revision, this.onWrite !== undefined);
    const run = new TxnRun(this.#reader, this.#writer, this.#revision, this.#compactedRevision);
    const result = run.run(request);
    this.#endWrite();
    return result;
  }

  /** Deletes those of the keys that are live, ascending, in one revision, as the end of their lease does. Returns the revision. */
  deleteKeys(keys: readonly string[]): number {
    this.#writer.begin(this.#revision, this.onWrite !== undefined);
    for (const key of [...keys].sort()) this.#writer.deleteKey(key);
    this.#endWrite();
    return this.#revision;
  }

  /** The record of `key` (latin1) directly before main revision `revision`; undefined when it had none or that is compacted. */
  valueBefore(key: string, revision: number): Uint8Array | undefined {
    if (revision - 1 < this.#compactedRevision) return undefined;
    const slot = this.#index.find(key, revision - 1);
    return slot === undefined ? undefined : this.#reader.record(slot, this.#index.foundPosition);
  }

  /**
   * Reads the changes of revisions [from, to], both inclusive, from the backend; `done` is called once, later, and gets at
   * least through `from`. It stops at a whole revision when the answer grows beyond 1,000 revisions or 4 MiB.
   */
  history(from: number, to: number, done: HistoryDone): void {
    const index = this.#index;
    const deps = {
      backend: this.#backend,
      index,
      compactedRevision: this.#compactedRevision,
      isStale: () => index !== this.#index,
      onFailure: this.#onFailure,
    };
    new HistoryRead(deps, from, Math.min(to, this.#revision), done).read(from, 0);
  }

  /**
   * Makes everything below `revision` unreadable at once; what that frees is removed by `compactionStep`. `compacted` when it
   * was before, `futureRevision` when it is above the current one.
   */
  compact(revision: number): ErrorCode | undefined {
    if (revision <= this.#compactedRevision) return "compacted";
    if (revision > this.#revision) return "futureRevision";
    this.#compaction.schedule(revision, this.#compactedRevision);
    this.#compactedRevision = revision;
    return undefined;
  }

  /** Whether `compactionStep` has something to do. */
  get compactionPending(): boolean {
    return this.#compaction.isPending;
  }

  /** Records that compaction has removed since the store was made or restored. */
  get compactionRemovedCount(): number {
    return this.#compaction.removedCount;
  }

  /**
   * Removes a slice of about `maxItems` unreachable records; whether more remains. It may be waiting (for pages of the backend,
   * for a hash or a holder), so call it at a pace, and commit the backend in between. PERF: 1 to 3 µs an item.
   */
  compactionStep(maxItems: number): boolean {
    return this.#compaction.step(maxItems);
  }

  /** Stops removal, not compaction itself, until as many calls of `releaseRevisions`: for readers that work in pieces. */
  holdRevisions(): void {
    this.#compaction.hold();
  }

  releaseRevisions(): void {
    this.#compaction.release();
  }

  /** The hashes of the newest ten finished compactions, ascending by revision; empty after a restart. */
  get compactionHashes(): readonly StoredHash[] {
    return this.#compaction.hashes;
  }

  /**
   * etcd's HashKV at `revision`, 0 for the current one: `done` gets `compacted`, `futureRevision`, or the hash, at once or
   * later. Writes go on meanwhile. PERF: reads all revisions, in pages.
   */
  hashKv(revision: number, done: HashDone): void {
    const stored = this.#compaction.hashes.find((hash) => hash.revision === revision);
    if (stored !== undefined) {
      const { hash, compactRevision } = stored;
      done(undefined, { hash, compactRevision, hashRevision: revision, currentRevision: this.#revision });
      return;
    }
    if (revision > 0 && revision < this.#compactedRevision) {
      done("compacted", undefined);
      return;
    }
    if (revision > this.#revision) {
      done("futureRevision", undefined);
      return;
    }
    const index = this.#index;
    const deps = {
      backend: this.#backend,
      index,
      compaction: this.#compaction,
      isStale: () => index !== this.#index,
      onFailure: this.#onFailure,
    };
    const hashRevision = revision === 0 ? this.#revision : revision;
    new HashRead(deps, hashRevision, this.#compactedRevision, this.#revision, done).start();
  }

  #endWrite(): void {
    const revision = this.#writer.visibleRevision;
    if (revision === this.#revision) return;
    this.#revision = revision;
    const changes = this.#writer.changes;
    if (changes !== undefined && this.onWrite !== undefined) this.onWrite(revision, changes);
  }
}

function throwError(error: Error): never {
  throw error;
}
