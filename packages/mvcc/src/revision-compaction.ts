import { equalBytes } from "@quorate/base";
import type { Backend, RevisionRecord } from "./backend.ts";
import { CompactionCursor, type KeyIndex } from "./key-index/key-index.ts";
import { mainRevisionOf, revisionBytes } from "./revision-bytes.ts";
import { RevisionHasher } from "./revision-hasher.ts";

/** Keys of bucket `meta`, as etcd names them: ASCII bytes. */
const SCHEDULED_KEY: Uint8Array = asciiBytes("scheduledCompactRev");
const FINISHED_KEY: Uint8Array = asciiBytes("finishedCompactRev");

/** Stored hashes kept, newest first to go last. Source: etcd mvcc/hash.go hashStorageMaxSize. */
const STORED_HASHES_MAX = 10;

/** Records hashed in one step at most: their values may be large. */
const HASH_PAGE_RECORDS_MAX = 256;

/** The checksum of the store at `revision`, comparable between members that agree in both revisions. */
export interface StoredHash {
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
}

/** One physical compaction: first the hash of what is about to go, then key by key what is not needed any more. */
interface Job {
  readonly revision: number;
  readonly previousRevision: number;
  hasher: RevisionHasher | undefined;
  isScanning: boolean;
  scannedAll: boolean;
  nextMain: number;
  nextSub: number;
  page: readonly RevisionRecord[];
  readonly cursor: CompactionCursor;
}

/**
 * Removes what a compacted revision has made unreachable, in slices. It never takes anything that can be read at or above
 * that revision, so readers need not know. A run is recorded as scheduled before it starts and as finished after it;
 * one that was cut short starts over after a restart. Within a key the oldest goes first: what a crash leaves behind is
 * always a state that the compaction can be repeated on.
 */
export class RevisionCompaction {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #storesHashes: boolean;
  readonly #jobs: Job[] = [];
  readonly #hashes: StoredHash[] = [];
  #holds = 0;
  #failure: Error | undefined;
  #removedCount = 0;

  constructor(backend: Backend, index: KeyIndex, storesHashes: boolean) {
    this.#backend = backend;
    this.#index = index;
    this.#storesHashes = storesHashes;
  }

  get isPending(): boolean {
    return this.#jobs.length > 0;
  }

  /** Records removed since the start. */
  get removedCount(): number {
    return this.#removedCount;
  }

  /** Hashes of the newest finished compactions, ascending by revision. */
  get hashes(): readonly StoredHash[] {
    return this.#hashes;
  }

  /** The main revisions in the backend that a compaction was scheduled and finished at; undefined where none was. */
  get scheduledRevision(): number | undefined {
    return this.#stored(SCHEDULED_KEY);
  }

  get finishedRevision(): number | undefined {
    return this.#stored(FINISHED_KEY);
  }

  /** Until `release` nothing is removed, so that somebody can read history in pieces. Holds nest. */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
  }

  /** Plans a run at `revision`; `previousRevision` is the compacted revision until now. Neither is checked here. */
  schedule(revision: number, previousRevision: number): void {
    // As in etcd a hash is comparable, and so kept, only when the run before has removed all it had to.
    const scheduled = this.#backend.get("meta", SCHEDULED_KEY);
    const finished = this.#backend.get("meta", FINISHED_KEY);
    const isClean =
      scheduled === undefined || finished === undefined ? scheduled === finished : equalBytes(scheduled, finished);
    this.#backend.put("meta", SCHEDULED_KEY, revisionBytes(revision, 0));
    const hasher = isClean && this.#storesHashes ? this.#hasherFor(revision, previousRevision) : undefined;
    // A run that waits behind another stores no hash and removes nothing that the next one would not.
    if (this.#jobs.length > 1) this.#jobs.pop();
    this.#jobs.push({
      revision,
      previousRevision,
      hasher,
      isScanning: false,
      scannedAll: false,
      nextMain: 0,
      nextSub: 0,
      page: [],
      cursor: new CompactionCursor(),
    });
  }

  /**
   * Does a slice of about `maxItems` records and returns whether more remains; that may be waiting for the backend or for
   * a hold to end, so call it at a pace. Throws what the backend failed with.
   */
  step(maxItems: number): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    const job = this.#jobs[0];
    if (job === undefined) return false;
    if (this.#holds > 0) return true;
    if (job.hasher !== undefined && !this.#hashStep(job, job.hasher, maxItems)) return true;
    if (this.#index.compact(job.revision, job.cursor, maxItems, this.#drop)) return true;
    this.#backend.put("meta", FINISHED_KEY, revisionBytes(job.revision, 0));
    if (job.hasher !== undefined) this.#store(job, job.hasher.hash);
    this.#jobs.shift();
    return this.#jobs.length > 0;
  }

  readonly #drop = (main: number, sub: number, isTombstone: boolean): void => {
    this.#removedCount++;
    this.#backend.deleteRevision(main, sub, isTombstone);
  };

  #hasherFor(revision: number, previousRevision: number): RevisionHasher {
    const keepsAny = this.#index.count("", undefined, revision) > 0 || this.#index.hasTombstoneAt(revision);
    return new RevisionHasher(this.#index, { revision, compactRevision: previousRevision, keepsAny });
  }

  /** Hashes the page that has arrived and asks for the next; whether all is hashed. */
  #hashStep(job: Job, hasher: RevisionHasher, maxItems: number): boolean {
    if (job.isScanning) return false;
    for (const record of job.page) hasher.add(record);
    job.page = [];
    if (job.scannedAll) return true;
    job.isScanning = true;
    const limit = Math.max(1, Math.min(maxItems, HASH_PAGE_RECORDS_MAX));
    this.#backend.scanRevisions(job.nextMain, job.nextSub, limit, (error, records) => {
      job.isScanning = false;
      job.page = records;
      if (error !== undefined) this.#failure = error;
      const last = records[records.length - 1];
      job.scannedAll = last === undefined || records.length < limit || last.main > job.revision;
      if (last === undefined) return;
      job.nextMain = last.main;
      job.nextSub = last.sub + 1;
    });
    return false;
  }

  #store(job: Job, hash: number): void {
    const { revision, previousRevision } = job;
    this.#hashes.push({ hash, revision, compactRevision: previousRevision });
    if (this.#hashes.length > STORED_HASHES_MAX) this.#hashes.shift();
  }

  #stored(key: Uint8Array): number | undefined {
    const bytes = this.#backend.get("meta", key);
    return bytes === undefined ? undefined : mainRevisionOf(bytes);
  }
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
