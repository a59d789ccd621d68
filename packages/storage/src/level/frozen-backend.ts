import type { Bucket, BucketRecord, RevisionRecord } from "@quorate/mvcc";
import { scanPages } from "./engine-scan.ts";
import type { LevelDatabase, LevelSnapshot } from "./level-engine.ts";
import { compareRecords } from "./revision-order.ts";

/** The state of a backend at one instant, while that goes on. Close it: the engine keeps what it could drop otherwise. */
export interface FrozenBackend {
  /** The records of a small bucket in key order. */
  list(bucket: Bucket): readonly BucketRecord[];
  /**
   * All revisions in order, in lists of up to about 1,000 records or 1 MiB. Throws StorageError `damaged` naming a record, or
   * `closed` once the engine was replaced or closed.
   */
  revisions(): AsyncGenerator<readonly RevisionRecord[], void, void>;
  /** Lets go; once is enough, more do no harm. */
  close(): Promise<void>;
}

/** Whether a revision that the engine may have is deleted. */
export type IsDeleted = (main: number, sub: number, isTombstone: boolean) => boolean;

/** What a frozen view consists of. */
export interface FrozenParts {
  readonly database: LevelDatabase;
  readonly snapshot: LevelSnapshot;
  /** Revisions that the engine's snapshot may not have, in order. */
  readonly unwritten: readonly RevisionRecord[];
  readonly isDeleted: IsDeleted;
  readonly buckets: ReadonlyMap<Bucket, readonly BucketRecord[]>;
}

/** A snapshot of the engine, what it lacked, and copies of the small buckets' lists. Memory: the latter two. */
export class FrozenLevelBackend implements FrozenBackend {
  readonly #parts: FrozenParts;
  #isClosed = false;

  constructor(parts: FrozenParts) {
    this.#parts = parts;
  }

  list(bucket: Bucket): readonly BucketRecord[] {
    return this.#parts.buckets.get(bucket) ?? [];
  }

  async *revisions(): AsyncGenerator<readonly RevisionRecord[], void, void> {
    const { database, snapshot, isDeleted, unwritten } = this.#parts;
    let next = 0;
    for await (const page of scanPages(database, { main: 0, sub: 0 }, isDeleted, snapshot)) {
      const merged: RevisionRecord[] = [];
      for (const stored of page) {
        let waiting = unwritten[next];
        while (waiting !== undefined && compareRecords(waiting, stored) < 0) {
          merged.push(waiting);
          waiting = unwritten[++next];
        }
        if (waiting !== undefined && compareRecords(waiting, stored) === 0) next++;
        merged.push(stored);
      }
      yield merged;
    }
    for (; next < unwritten.length; next += PAGE_RECORDS) yield unwritten.slice(next, next + PAGE_RECORDS);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#parts.snapshot.close();
  }
}

const PAGE_RECORDS = 1000;
