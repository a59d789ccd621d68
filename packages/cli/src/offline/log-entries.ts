import type { WalPosition } from "@quorate/storage";
import {
  decodeEntry,
  decodeHardState,
  decodeWalMetadata,
  decodeWalSnapshot,
  NODE_FILE_SYSTEM,
  SnapFiles,
  type WalSnapshotRecord,
  walRecords,
} from "@quorate/storage";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** An entry of the log. */
export type LogEntry = NonNullable<ReturnType<typeof decodeEntry>>;
/** What the log says last of term, vote and commit. */
export type LogState = NonNullable<ReturnType<typeof decodeHardState>>;

/** Types of records. */
export const RecordKind = { Metadata: 1, Entry: 2, State: 3, Crc: 4, Snapshot: 5 } as const;

/** What a log says from a position on. */
export interface LogEntries {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly state: LogState;
  /** Entries behind the position, the last word on each index. */
  readonly entries: readonly LogEntry[];
}

/** Reads the entries behind index `from`. Throws StorageError, or a CommandError for a record that is none of etcd's. */
export function readEntries(directory: string, from: number): LogEntries {
  let identity = { memberId: 0n, clusterId: 0n };
  let state: LogState = { term: 0, vote: 0n, commit: 0 };
  const entries: LogEntry[] = [];
  for (const { data, type } of walRecords(NODE_FILE_SYSTEM, directory, from)) {
    if (type === RecordKind.Metadata) identity = decodeWalMetadata(data) ?? identity;
    else if (type === RecordKind.State) state = decoded(decodeHardState(data), directory);
    else if (type === RecordKind.Entry) {
      const entry = decoded(decodeEntry(data), directory);
      if (entry.index <= from) continue;
      // A later entry replaces what was written under its index and all behind.
      const at = entries.findLastIndex(({ index }) => index < entry.index) + 1;
      entries.length = at;
      entries.push(entry);
    }
  }
  return { ...identity, state, entries };
}

/**
 * From where a log is to be dumped: its newest snapshot, of etcd's file if there is one, else of the log's own record of it, which
 * is all that newer releases and Quorate have.
 */
export function newestSnapshot(snapDirectory: string, walDirectory: string): WalSnapshotRecord | undefined {
  if (NODE_FILE_SYSTEM.stat(snapDirectory)?.kind === "directory") {
    const files = new SnapFiles(NODE_FILE_SYSTEM, snapDirectory);
    for (const name of files.list().reverse()) {
      try {
        return files.load(name);
      } catch {
        // A damaged file is passed over as at the start of a member.
      }
    }
  }
  let committed = 0;
  const records: WalSnapshotRecord[] = [];
  for (const { data, type } of walRecords(NODE_FILE_SYSTEM, walDirectory)) {
    if (type === RecordKind.Snapshot) records.push(decoded(decodeWalSnapshot(data), walDirectory));
    else if (type === RecordKind.State) committed = decoded(decodeHardState(data), walDirectory).commit;
  }
  return records.findLast(({ index }) => index > 0 && index <= committed);
}

/** The snapshot in a named file. Throws StorageError `missing` or `damaged`. */
export function namedSnapshot(snapDirectory: string, name: string): WalPosition & WalSnapshotRecord {
  return new SnapFiles(NODE_FILE_SYSTEM, snapDirectory).load(name);
}

/** What a record was decoded to. Throws a CommandError for undefined. */
export function decoded<T>(value: T | undefined, directory: string): T {
  if (value === undefined)
    throw new CommandError(ExitCode.error, `Failed reading WAL: malformed record in ${directory}`);
  return value;
}
