import type { Bucket, BucketRecord, RevisionRecord } from "@quorate/mvcc";
import { type DeletedList, DeletedRevisions } from "./deleted-revisions.ts";
import { damagedRecord } from "./level-engine.ts";
import { unpackRecords } from "./packed-records.ts";
import { REVISION_KEY_BYTES, readUint64 } from "./revision-key.ts";
import { compareRecords, type RevisionOrder } from "./revision-order.ts";
import { openValue, valuePart } from "./stored-value.ts";
import type { TableCursor, TableFile } from "./table-cursor.ts";
import { TableMerge } from "./table-merge.ts";

/** A table as it was open at the instant, whatever became of its name. */
export interface FrozenTable {
  readonly path: string;
  readonly smallest: Uint8Array;
  /** The system's number of the open file, where another thread is to read it. */
  readonly descriptor: number | undefined;
}

/** The state of a backend at one instant as values that can be sent to another thread. */
export interface FrozenState {
  readonly engineDirectory: string;
  /** Everything that had been given to the engine, and more: see `limit` and `excluded`. */
  readonly tables: readonly FrozenTable[];
  /** Revisions that the tables may lack, packed, in order. */
  readonly unwritten: Uint8Array<ArrayBuffer>;
  /** The last revision there was; undefined if there was none. */
  readonly limit: RevisionOrder | undefined;
  /** Revisions that the tables have, or may have, and the state has not. */
  readonly excluded: readonly DeletedList[];
  readonly buckets: ReadonlyMap<Bucket, readonly BucketRecord[]>;
}

/**
 * All revisions of a frozen state in order; values are borrowed until the next one. `files` are its tables, in the same order. Throws
 * StorageError `damaged` naming a record, or a table and the position in it. Where only lengths count, checksums need not be
 * verified.
 */
export function* frozenRevisions(
  state: FrozenState,
  files: readonly TableFile[],
  isVerified = true,
): Generator<RevisionRecord, void, void> {
  const unwritten = unpackRecords(state.unwritten);
  let next = 0;
  for (const stored of tableRevisions(state, files, isVerified)) {
    for (let waiting = unwritten[next]; waiting !== undefined; waiting = unwritten[next]) {
      const order = compareRecords(waiting, stored);
      if (order > 0) break;
      next++;
      if (order < 0) yield waiting;
    }
    yield stored;
  }
  for (; next < unwritten.length; next++) yield unwritten[next] as RevisionRecord;
}

function* tableRevisions(
  state: FrozenState,
  files: readonly TableFile[],
  isVerified: boolean,
): Generator<RevisionRecord, void, void> {
  const { engineDirectory, limit } = state;
  if (limit === undefined) return;
  const excluded = state.excluded.map((each) => DeletedRevisions.from(each));
  const merge = new TableMerge(
    state.tables.map(({ path, smallest }, i) => ({ path, smallest, file: files[i] as TableFile })),
    isVerified,
  );
  for (let cursor = merge.next(); cursor !== undefined; cursor = merge.next()) {
    if (cursor.key[0] !== 0) return;
    if (!cursor.isPut) continue;
    const record = openRecord(engineDirectory, cursor, isVerified);
    if (compareRecords(record, limit) > 0) return;
    if (!excluded.some((set) => set.has(record.main, record.sub, record.tombstone))) yield record;
  }
}

function openRecord(engineDirectory: string, cursor: TableCursor, isVerified: boolean): RevisionRecord {
  const { key, value: stored } = cursor;
  const isRevision = key.length === REVISION_KEY_BYTES;
  const main = isRevision ? readUint64(key, 0) : Number.NaN;
  const value = isVerified ? openValue(key, stored) : valuePart(stored);
  if (value === undefined || !Number.isSafeInteger(main)) {
    throw damagedRecord(engineDirectory, `with key ${Buffer.from(key).toString("hex")}`);
  }
  return { main, sub: readUint64(key, 8), tombstone: key[16] === 1, value };
}
