import type { RevisionRecord } from "@quorate/mvcc";
import { damagedRecord, type LevelDatabase } from "./level-engine.ts";
import { REVISION_KEY_BYTES, REVISIONS_END, readUint64, revisionKey } from "./revision-key.ts";
import { openValue } from "./stored-value.ts";

/** Bytes the iterator reads ahead at most. */
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * Records of the engine from a revision on, at most `limit`, but for those that `isDeleted`; fewer means the end was reached.
 * What the engine holds when this is called is what is read. Rejects with StorageError `damaged` naming the record.
 */
export async function scanEngine(
  database: LevelDatabase,
  from: { readonly main: number; readonly sub: number },
  limit: number,
  isDeleted: (main: number, sub: number, isTombstone: boolean) => boolean,
): Promise<RevisionRecord[]> {
  const found: RevisionRecord[] = [];
  const iterator = database.iterator({
    gte: revisionKey(from.main, from.sub, false),
    lt: REVISIONS_END,
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  try {
    while (found.length < limit) {
      const entries = await iterator.nextv(limit - found.length);
      if (entries.length === 0) break;
      decodeInto(found, database, entries, isDeleted);
    }
  } finally {
    await iterator.close();
  }
  return found;
}

function decodeInto(
  found: RevisionRecord[],
  database: LevelDatabase,
  entries: readonly (readonly [Uint8Array, Uint8Array])[],
  isDeleted: (main: number, sub: number, isTombstone: boolean) => boolean,
): void {
  for (const [key, stored] of entries) {
    const record = decodeRecord(database, key, stored);
    if (!isDeleted(record.main, record.sub, record.tombstone)) found.push(record);
  }
}

function decodeRecord(database: LevelDatabase, key: Uint8Array, stored: Uint8Array): RevisionRecord {
  const main = key.length === REVISION_KEY_BYTES ? readUint64(key, 0) : Number.NaN;
  const sub = key.length === REVISION_KEY_BYTES ? readUint64(key, 8) : Number.NaN;
  const value = openValue(key, stored);
  if (value === undefined || !Number.isSafeInteger(main)) {
    throw damagedRecord(database.location, `of revision ${main}.${sub} (key ${Buffer.from(key).toString("hex")})`);
  }
  return { main, sub, tombstone: key[16] === 1, value };
}
