import { type Clock, compareBytes, latin1FromBytes, utf8Bytes } from "@quorate/base";
import type { BucketRecord } from "@quorate/mvcc";
import { type ClusterMember, founderEntryData, hexId, memberJson } from "@quorate/protocol";
import { type Entry, EntryType } from "@quorate/raft";
import { BboltReader } from "../bbolt/bbolt-reader.ts";
import type { MemberIdentity } from "../data-directory.ts";
import { EngineBuilder, type EngineEdit } from "../snapshot/engine-builder.ts";
import { MetaKey, uint64 } from "../snapshot/etcd-records.ts";
import type { SnapshotPosition } from "../snapshot/snapshot-sources.ts";
import { encodeWalMetadata } from "../wal/record-codec.ts";
import { type BuildPlace, DirectoryBuild } from "./directory-build.ts";
import { buildLog } from "./log-builder.ts";
import { checkStateVersion } from "./state-version.ts";

/** The term of the entries that add the founders, as if one of them had proposed them. */
const FOUNDING_TERM = 1;

/** What is restored, and for whom. */
export interface RestoreOptions extends BuildPlace {
  readonly clock: Clock;
  /** A snapshot file, whose digest was looked at before (see `snapshotDigest`), or a copy of a database. */
  readonly snapshotPath: string;
  readonly identity: MemberIdentity;
  /** All members of the new cluster, ascending by ID: each is restored from the same file, with the same list. */
  readonly founders: readonly ClusterMember[];
  /** By how many revisions clients find the store ahead of the file's; 0 for none. See `EngineEdit`. */
  readonly bumpRevision: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Bytes done, of about so many. */
  readonly onProgress?: (bytes: number, total: number) => void;
}

/** What was restored. */
export interface Restored {
  readonly revision: number;
  /** The log's position at which the member starts. */
  readonly index: number;
}

/**
 * Makes the data directory of a member of a new cluster from a snapshot of an old one, such as any etcd or Quorate member saves:
 * keys, leases, users and alarms stay, the members are new ones. All or nothing, and durable when it resolves. Memory: constant,
 * the engine's buffers. Rejects with StorageError, or with the signal's reason; nothing is left then. Source: etcdutl
 * snapshot/v3_snapshot.go; file formats page, section 3.2.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<Restored> {
  const { clock, founders, fs, identity } = options;
  const build = DirectoryBuild.begin(options);
  try {
    const voters = founders.map(({ id }) => id);
    const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const position = { index: founders.length, term: FOUNDING_TERM, confState };
    const revision = await buildEngine(options, build.enginePath, position);
    await buildLog(fs, clock, build.walPath, {
      metadata: encodeWalMetadata(identity.memberId, identity.clusterId),
      position,
      before: founders.map(foundingEntry),
      behind: [],
      hardState: { term: FOUNDING_TERM, vote: voters[0] ?? 0n, commit: founders.length },
    });
    build.finish(identity);
    return { revision, index: position.index };
  } catch (error) {
    build.abandon();
    throw error;
  }
}

async function buildEngine(options: RestoreOptions, directory: string, position: SnapshotPosition): Promise<number> {
  const { fs, onProgress, signal, snapshotPath: path } = options;
  const reader = BboltReader.open(fs, path);
  try {
    checkStateVersion(path, reader);
    const engine = await EngineBuilder.fill({
      fs,
      directory,
      reader,
      path,
      index: undefined,
      signal,
      edit: newCluster(options, position),
      checksValues: true,
      onProgress: (bytes) => onProgress?.(bytes, reader.sizeBytes),
    });
    await engine.finish(position);
    return engine.revision;
  } finally {
    reader.close();
  }
}

/** The members, and what the state says of its position in the log. */
function newCluster({ bumpRevision, founders }: RestoreOptions, { index, term }: SnapshotPosition): EngineEdit {
  const members = founders.map(
    (founder): BucketRecord => ({ key: utf8Bytes(hexId(founder.id)), value: memberJson(founder) }),
  );
  return {
    buckets: new Map([
      ["members", members.sort((a, b) => compareBytes(a.key, b.key))],
      ["members_removed", []],
    ]),
    meta: new Map<string, Uint8Array | undefined>([
      [latin1FromBytes(MetaKey.ConsistentIndex), uint64(index)],
      [latin1FromBytes(MetaKey.Term), uint64(term)],
      [latin1FromBytes(MetaKey.ConfState), undefined],
    ]),
    bumpRevision,
  };
}

function foundingEntry(founder: ClusterMember, position: number): Entry {
  return {
    term: FOUNDING_TERM,
    index: position + 1,
    type: EntryType.ConfChange,
    data: founderEntryData(founder),
  };
}
