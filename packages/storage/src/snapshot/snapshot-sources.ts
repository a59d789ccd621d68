import { bytesFromLatin1, compareBytes, latin1FromBytes } from "@quorate/base";
import type { Bucket, BucketRecord, RevisionRecord } from "@quorate/mvcc";
import type { ConfState } from "@quorate/raft";
import type { BboltSource } from "../bbolt/bbolt-chunks.ts";
import type { BboltRecord } from "../bbolt/bbolt-format.ts";
import { confStateJson, ETCD_BUCKETS, keyBucketRecord, MetaKey, uint64 } from "./etcd-records.ts";

/** The position of the log at which a state was frozen, and the configuration there. */
export interface SnapshotPosition {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** The content of a database. */
export interface SnapshotContent {
  /** The records of a small bucket in key order. */
  list(bucket: Bucket): readonly BucketRecord[];
  /**
   * All revisions in order, the same at each call; verified or, where only their lengths count, not. Values are borrowed until the
   * next one.
   */
  revisions(isVerified: boolean): Iterable<RevisionRecord>;
}

const CLUSTER_VERSION = "clusterVersion";

/**
 * The buckets of etcd's database file with this content, such as a member of any version from 3.4 on can start from. The keys of
 * bucket `meta` that depend on the position and the cluster version are made here.
 */
export function snapshotSources(content: SnapshotContent, position: SnapshotPosition): BboltSource[] {
  return ETCD_BUCKETS.map((name) => {
    if (name === "key") return { name, records: (isForPlan) => keyRecords(content.revisions(!isForPlan)) };
    const records = name === "meta" ? metaRecords(content, position) : content.list(name);
    return { name, records: () => [records] };
  });
}

function* keyRecords(revisions: Iterable<RevisionRecord>): Generator<BboltRecord[]> {
  for (const revision of revisions) yield [keyBucketRecord(revision)];
}

/**
 * Releases before 3.5 know neither term nor configuration here, those before 3.6 no storage version; a newer storage version
 * than the cluster's would be refused.
 */
function metaRecords(content: SnapshotContent, position: SnapshotPosition): BucketRecord[] {
  const records = new Map(content.list("meta").map((record) => [latin1FromBytes(record.key), record.value]));
  const set = (key: Uint8Array, value: Uint8Array | undefined): void => {
    if (value === undefined) records.delete(latin1FromBytes(key));
    else records.set(latin1FromBytes(key), value);
  };
  const version = clusterVersion(content);
  const [major, minor] = version ?? [3, 5];
  const isAtLeast = (wanted: number): boolean => major > 3 || minor >= wanted;
  set(MetaKey.ConsistentIndex, uint64(position.index));
  set(MetaKey.Term, isAtLeast(5) ? uint64(position.term) : undefined);
  set(MetaKey.ConfState, isAtLeast(5) ? confStateJson(position.confState) : undefined);
  set(MetaKey.StorageVersion, isAtLeast(6) ? bytesFromLatin1(`${major}.${minor}.0`) : undefined);
  return [...records]
    .map(([key, value]) => ({ key: bytesFromLatin1(key), value }))
    .sort((a, b) => compareBytes(a.key, b.key));
}

function clusterVersion(content: SnapshotContent): [major: number, minor: number] | undefined {
  const record = content.list("cluster").find(({ key }) => latin1FromBytes(key) === CLUSTER_VERSION);
  const match = record === undefined ? null : /^(\d+)\.(\d+)\./.exec(latin1FromBytes(record.value));
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
