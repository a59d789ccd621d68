import type { FileSystem } from "@quorate/base";
import { type ClusterMember, decodeRaftConfChange, parseMemberJson } from "@quorate/protocol";
import { ConfChangeType, type ConfState, type Entry, EntryType, type HardState } from "@quorate/raft";
import { BboltReader } from "../bbolt/bbolt-reader.ts";
import { hasMarker, type MemberIdentity } from "../data-directory.ts";
import { readUint64 } from "../level/revision-key.ts";
import { MetaKey } from "../snapshot/etcd-records.ts";
import type { SnapshotPosition } from "../snapshot/snapshot-sources.ts";
import { StorageError } from "../storage-error.ts";
import { decodeWalMetadata } from "../wal/record-codec.ts";
import type { WalContents } from "../wal/wal-contents.ts";
import { readLog, readSnapshotRecords } from "../wal/wal-reader.ts";
import { WriteAheadLog } from "../wal/write-ahead-log.ts";
import { checkStateVersion } from "./state-version.ts";

const ETCD_REMEDY = "start etcd on it once and stop it again, or migrate the data with a snapshot";

/** Where a stopped member of etcd has its files. */
export interface EtcdMemberPlace {
  readonly fs: FileSystem;
  readonly dataDirectory: string;
  /** Where its log is, if not in the data directory. */
  readonly walDirectory?: string;
}

/** What the files of a stopped member of etcd say. */
export interface EtcdMember {
  readonly databasePath: string;
  readonly identity: MemberIdentity;
  /** The log's metadata record, as it is. */
  readonly metadata: Uint8Array;
  /** Up to where the database holds the effects of the log, and the configuration there. */
  readonly position: SnapshotPosition;
  /** Entries behind the position. */
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** The database of a data directory of etcd. */
export function etcdDatabasePath(dataDirectory: string): string {
  return `${dataDirectory}/member/snap/db`;
}

/** The log of a data directory. */
export function etcdWalPath({ dataDirectory, walDirectory }: Omit<EtcdMemberPlace, "fs">): string {
  return walDirectory ?? `${dataDirectory}/member/wal`;
}

/**
 * Reads database and log of a stopped member of etcd 3.4 to 3.7, changing nothing. Throws StorageError: `missing`, `foreign`,
 * `newerFormat`, `damaged`, or `wrongIdentity` where it is not one of its cluster's members. Memory: the entries of the log behind
 * its newest snapshot record. Source: file formats page, section 6.2.
 */
export function readEtcdMember(place: EtcdMemberPlace): EtcdMember {
  const { dataDirectory, fs } = place;
  const databasePath = etcdDatabasePath(dataDirectory);
  const wal = etcdWalPath(place);
  const isDirectory = fs.stat(dataDirectory)?.kind === "directory";
  if (!isDirectory || fs.stat(databasePath)?.kind !== "file") {
    const what = hasMarker(fs, dataDirectory) ? "this is a data directory of Quorate" : "no database of etcd";
    throw new StorageError("foreign", what, {
      file: dataDirectory,
      remedy: "give the data directory of an etcd member",
    });
  }
  if (!WriteAheadLog.exists(fs, wal)) {
    throw new StorageError("missing", "no log of etcd", { file: wal, remedy: "say where the log is" });
  }
  const state = readState(fs, databasePath);
  const contents = contentsAt(fs, wal, state.index);
  const entries = contents.entries.filter((entry) => entry.index > state.index);
  const identity = decodeWalMetadata(contents.metadata);
  if (identity === undefined || !isMember(identity.memberId, state, entries)) {
    throw new StorageError("wrongIdentity", "the member that the log is of is none of the database's cluster", {
      file: wal,
      remedy: "give the log that belongs to the database; a member that was removed is added anew",
    });
  }
  const term = termAt(contents, state.index, databasePath);
  return {
    databasePath,
    identity,
    metadata: contents.metadata,
    position: { index: state.index, term, confState: configurationOf(state.members) },
    entries,
    hardState: liftedTo(contents.hardState, state.index, term),
  };
}

/** What the database says of itself. */
interface State {
  readonly index: number;
  readonly members: readonly ClusterMember[];
}

function readState(fs: FileSystem, path: string): State {
  const reader = BboltReader.open(fs, path);
  try {
    checkStateVersion(path, reader);
    const meta = reader.bucket("meta");
    const index = meta === undefined ? undefined : reader.get(meta, MetaKey.ConsistentIndex);
    if (index?.length !== 8 || readUint64(index, 0) === 0) {
      throw new StorageError("foreign", "a database that does not say which log entry it is at", {
        file: path,
        remedy: ETCD_REMEDY,
      });
    }
    const members: ClusterMember[] = [];
    const bucket = reader.bucket("members");
    for (const records of bucket === undefined ? [] : reader.records(bucket)) {
      for (const { value } of records) {
        const member = parseMemberJson(value);
        if (member === undefined) {
          throw new StorageError("damaged", "malformed record of bucket members", { file: path, remedy: ETCD_REMEDY });
        }
        members.push(member);
      }
    }
    return { index: readUint64(index, 0), members };
  } finally {
    reader.close();
  }
}

/** Whether the database knows the member, or the log behind it adds it: of one that was killed soon after it had joined. */
function isMember(id: bigint, { members }: State, entries: readonly Entry[]): boolean {
  return members.some((member) => member.id === id) || entries.some((entry) => addedMember(entry) === id);
}

function addedMember({ data, type }: Entry): bigint | undefined {
  if (type !== EntryType.ConfChange) return undefined;
  try {
    const change = decodeRaftConfChange(data);
    const isAddition = change.type === ConfChangeType.AddNode || change.type === ConfChangeType.AddLearnerNode;
    return isAddition ? change.nodeId : undefined;
  } catch {
    return undefined;
  }
}

/** The log from the newest snapshot record on that is not ahead of the database. */
function contentsAt(fs: FileSystem, wal: string, index: number): WalContents {
  const records = readSnapshotRecords(fs, wal);
  const from = records.findLast((record) => record.index <= index);
  if (from === undefined) {
    throw new StorageError("damaged", `the log does not reach back to index ${index}, at which the database is`, {
      file: wal,
      remedy: ETCD_REMEDY,
    });
  }
  const { contents } = readLog(fs, wal, from);
  const ahead = contents.snapshots.find(
    (record) => record.index > index && contents.entries[record.index - from.index - 1]?.term !== record.term,
  );
  if (ahead === undefined) return contents;
  throw new StorageError("missing", `a snapshot of index ${ahead.index} has come and is not in the database`, {
    file: wal,
    remedy: ETCD_REMEDY,
  });
}

function termAt(contents: WalContents, index: number, databasePath: string): number {
  const entry = contents.entries.find((each) => each.index === index);
  const term = entry?.term ?? contents.snapshots.findLast((record) => record.index === index)?.term;
  if (term !== undefined) return term;
  throw new StorageError(
    "damaged",
    `the database is at index ${index} of the log, which ends at ${contents.last.index}`,
    { file: databasePath, remedy: "it has lost entries: remove this member from its cluster and add it anew" },
  );
}

/** What the database holds is committed, also where the log was not told in time. */
function liftedTo(hardState: HardState, index: number, term: number): HardState {
  const commit = Math.max(hardState.commit, index);
  return hardState.term >= term ? { ...hardState, commit } : { term, vote: 0n, commit };
}

function configurationOf(members: readonly ClusterMember[]): ConfState {
  const ids = (isLearner: boolean): bigint[] =>
    members
      .filter((member) => member.isLearner === isLearner)
      .map(({ id }) => id)
      .sort((a, b) => (a < b ? -1 : 1));
  return { voters: ids(false), learners: ids(true), votersOutgoing: [], learnersNext: [], autoLeave: false };
}
