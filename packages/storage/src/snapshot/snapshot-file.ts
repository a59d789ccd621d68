import { bytesFromLatin1, compareBytes, type FileSystem, latin1FromBytes } from "@quorate/base";
import type { BucketRecord } from "@quorate/mvcc";
import type { ConfState } from "@quorate/raft";
import type { BboltRecord } from "../bbolt/bbolt-format.ts";
import { type BboltSource, writeBboltFile } from "../bbolt/bbolt-writer.ts";
import type { FrozenBackend } from "../level/frozen-backend.ts";
import { confStateJson, ETCD_BUCKETS, keyBucketRecord, MetaKey, uint64 } from "./etcd-records.ts";

/** The position of the log at which a state was frozen, and the configuration there. */
export interface SnapshotPosition {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

const CLUSTER_VERSION = "clusterVersion";

/**
 * Writes a frozen state as etcd's database file, such as a member of any version from 3.4 on can start from; resolves with its
 * size in bytes. The keys of bucket `meta` that depend on the position and the cluster version are made here. Memory: constant.
 * Rejects with StorageError `ioFailed`, or `damaged` where the engine is.
 */
export function writeSnapshotFile(
  fs: FileSystem,
  path: string,
  frozen: FrozenBackend,
  position: SnapshotPosition,
): Promise<number> {
  return writeBboltFile(fs, path, sources(frozen, position));
}

function* sources(frozen: FrozenBackend, position: SnapshotPosition): Generator<BboltSource> {
  for (const name of ETCD_BUCKETS) {
    if (name === "key") yield { name, records: keyRecords(frozen) };
    else yield { name, records: [name === "meta" ? metaRecords(frozen, position) : frozen.list(name)] };
  }
}

async function* keyRecords(frozen: FrozenBackend): AsyncGenerator<BboltRecord[]> {
  for await (const records of frozen.revisions()) yield records.map(keyBucketRecord);
}

/**
 * Releases before 3.5 know neither term nor configuration here, those before 3.6 no storage version; a newer storage version
 * than the cluster's would be refused.
 */
function metaRecords(frozen: FrozenBackend, position: SnapshotPosition): BucketRecord[] {
  const records = new Map(frozen.list("meta").map((record) => [latin1FromBytes(record.key), record.value]));
  const set = (key: Uint8Array, value: Uint8Array | undefined): void => {
    if (value === undefined) records.delete(latin1FromBytes(key));
    else records.set(latin1FromBytes(key), value);
  };
  const version = clusterVersion(frozen);
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

function clusterVersion(frozen: FrozenBackend): [major: number, minor: number] | undefined {
  const record = frozen.list("cluster").find(({ key }) => latin1FromBytes(key) === CLUSTER_VERSION);
  const match = record === undefined ? null : /^(\d+)\.(\d+)\./.exec(latin1FromBytes(record.value));
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
