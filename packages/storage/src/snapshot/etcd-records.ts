import { bytesFromLatin1, equalBytes, utf8Bytes } from "@quorate/base";
import type { Bucket, RevisionRecord } from "@quorate/mvcc";
import type { ConfState } from "@quorate/raft";
import type { BboltRecord } from "../bbolt/bbolt-format.ts";
import { readUint64, writeUint32 } from "../level/revision-key.ts";

/** The buckets of etcd's database in its order; every started member of etcd has them all. Source: etcd server/storage/schema. */
export const ETCD_BUCKETS: readonly (Bucket | "key")[] = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta",
];

/** Keys of bucket `meta`. */
export const MetaKey: Readonly<
  Record<
    "ConsistentIndex" | "Term" | "ConfState" | "StorageVersion" | "ScheduledCompaction" | "FinishedCompaction",
    Uint8Array
  >
> = {
  ConsistentIndex: bytesFromLatin1("consistent_index"),
  Term: bytesFromLatin1("term"),
  ConfState: bytesFromLatin1("confState"),
  StorageVersion: bytesFromLatin1("storageVersion"),
  ScheduledCompaction: bytesFromLatin1("scheduledCompactRev"),
  FinishedCompaction: bytesFromLatin1("finishedCompactRev"),
};

const REVISION_BYTES = 17;
const SEPARATOR = 0x5f;
const TOMBSTONE_MARK = 0x74;

/** A revision as a record of bucket `key`: main, `_`, sub, and a `t` behind for a tombstone. The value is shared. */
export function keyBucketRecord({ main, sub, tombstone, value }: RevisionRecord): BboltRecord {
  const key = new Uint8Array(tombstone ? REVISION_BYTES + 1 : REVISION_BYTES);
  writeUint32(key, 0, Math.floor(main / 0x1_0000_0000));
  writeUint32(key, 4, main >>> 0);
  key[8] = SEPARATOR;
  writeUint32(key, 9, Math.floor(sub / 0x1_0000_0000));
  writeUint32(key, 13, sub >>> 0);
  if (tombstone) key[REVISION_BYTES] = TOMBSTONE_MARK;
  return { key, value };
}

/** What {@link keyBucketRecord} wrote, sharing the value; undefined for a key that is no revision. */
export function revisionRecord({ key, value }: BboltRecord): RevisionRecord | undefined {
  const tombstone = key.length === REVISION_BYTES + 1;
  if ((!tombstone && key.length !== REVISION_BYTES) || key[8] !== SEPARATOR) return undefined;
  if (tombstone && key[REVISION_BYTES] !== TOMBSTONE_MARK) return undefined;
  const main = readUint64(key, 0);
  const sub = readUint64(key, 9);
  return Number.isSafeInteger(main) && Number.isSafeInteger(sub) ? { main, sub, tombstone, value } : undefined;
}

/** Whether a key of bucket `meta` is that of a compaction, whose value is a revision. */
export function isCompaction(key: Uint8Array): boolean {
  return equalBytes(key, MetaKey.ScheduledCompaction) || equalBytes(key, MetaKey.FinishedCompaction);
}

/** Whether bytes are a revision as {@link keyBucketRecord} writes one of a put. */
export function isRevision(bytes: Uint8Array): boolean {
  return bytes.length === REVISION_BYTES && Number.isSafeInteger(readUint64(bytes, 0));
}

/** A number in 8 big-endian bytes. */
export function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint32(bytes, 0, Math.floor(value / 0x1_0000_0000));
  writeUint32(bytes, 4, value >>> 0);
  return bytes;
}

/** A configuration as bucket `meta` has it: IDs are decimal numbers, too large for JSON.stringify; empty lists are left out. */
export function confStateJson(confState: ConfState): Uint8Array {
  const lists = [
    ["voters", confState.voters],
    ["learners", confState.learners],
    ["voters_outgoing", confState.votersOutgoing],
    ["learners_next", confState.learnersNext],
  ] as const;
  const fields = lists
    .filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `"${name}":[${ascending(ids).join(",")}]`);
  return utf8Bytes(`{${[...fields, `"auto_leave":${confState.autoLeave}`].join(",")}}`);
}

function ascending(ids: readonly bigint[]): bigint[] {
  return [...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
