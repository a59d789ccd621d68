import type { Clock, FileSystem } from "@quorate/base";
import type { ConfState, Entry, HardState } from "@quorate/raft";
import { parseSegmentName, segmentName } from "../wal/record-format.ts";
import { WriteAheadLog } from "../wal/write-ahead-log.ts";

/** What a log is to say. */
export interface LogContent {
  /** The metadata record: whose the log is. */
  readonly metadata: Uint8Array;
  /** The position of the state that comes with the log. */
  readonly position: { readonly index: number; readonly term: number; readonly confState: ConfState };
  /** Entries from the first one up to the position; none where the log does not reach back. */
  readonly before: readonly Entry[];
  /** Entries behind the position. */
  readonly behind: readonly Entry[];
  readonly hardState: HardState;
}

/**
 * Writes a log that goes with a state, and syncs it. The directory must not exist. Its segments are numbered from 1, not 0: it does
 * not make up the state by itself, and an engine that is lost must not be rebuilt from it. Rejects with StorageError.
 */
export async function buildLog(fs: FileSystem, clock: Clock, directory: string, content: LogContent): Promise<void> {
  const { before, behind, hardState, metadata, position } = content;
  const { log } = WriteAheadLog.create({ fs, clock, directory }, metadata);
  const done = (start: (call: (error?: Error) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => start((error) => (error === undefined ? resolve() : reject(error))));
  try {
    if (before.length > 0) {
      await done((call) => log.append(before, hardState, true, call));
      await done((call) => log.saveSnapshotRecord(position, call));
    } else {
      await done((call) => log.installSnapshot(position, hardState, call));
      await done((call) => log.append(behind, undefined, true, call));
    }
  } finally {
    await done((call) => log.close(call));
  }
  renumber(fs, directory, before.length > 0 ? 0 : position.index);
}

function renumber(fs: FileSystem, directory: string, firstIndex: number): void {
  for (const name of fs.list(directory).reverse()) {
    const segment = parseSegmentName(name);
    if (segment === undefined) continue;
    const first = segment.sequence === 0 ? firstIndex : segment.firstIndex;
    fs.rename(`${directory}/${name}`, `${directory}/${segmentName(segment.sequence + 1, first)}`);
  }
  fs.syncDirectory(directory);
}
