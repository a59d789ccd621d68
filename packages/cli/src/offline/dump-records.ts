import {
  decodeEntry,
  decodeHardState,
  decodeWalMetadata,
  decodeWalSnapshot,
  NODE_FILE_SYSTEM,
  type WalRecord,
  walRecords,
} from "@quorate/storage";
import type { Output } from "../frame/output.ts";
import { Page } from "../print/page.ts";
import { decoded, RecordKind } from "./log-entries.ts";
import { escapedText } from "./proto-text.ts";

const ENTRY_TYPES = ["EntryNormal", "EntryConfChange", "EntryConfChangeV2"];
const RECORDS_PER_DRAIN = 1000;

/** Prints the records of a log as they lie there, but for entries, snapshots and states below an index (CLI page, C). */
export async function dumpRecords(output: Output, directory: string, from: number): Promise<void> {
  const page = new Page(output);
  const records = walRecords(NODE_FILE_SYSTEM, directory);
  let count = 0;
  let next = records.next();
  for (; next.done !== true; next = records.next()) {
    const line = recordLine(next.value, directory, from);
    if (line !== undefined) page.line(line);
    if (++count % RECORDS_PER_DRAIN === 0) await output.drained();
  }
  page.line(
    next.value === "end"
      ? "EOF: All entries were processed."
      : "ErrUnexpectedEOF: The last record might be corrupted, error: unexpected EOF.",
  );
  page.end();
}

function recordLine({ crc, data, type }: WalRecord, directory: string, from: number): string | undefined {
  switch (type) {
    case RecordKind.Metadata: {
      const { clusterId, memberId } = decoded(decodeWalMetadata(data), directory);
      return `Metadata: NodeID:${memberId} ClusterID:${clusterId}`;
    }
    case RecordKind.Crc:
      return `CRC: ${crc}`;
    case RecordKind.Entry: {
      const entry = decoded(decodeEntry(data), directory);
      if (entry.index < from) return undefined;
      const kind = entry.type === 0 ? "" : ` Type:${ENTRY_TYPES[entry.type] ?? entry.type}`;
      const text = entry.data.length === 0 ? "" : ` Data:${escapedText(entry.data)} `;
      return `Entry: Term:${entry.term} Index:${entry.index}${kind}${text}`;
    }
    case RecordKind.Snapshot: {
      const { index, term } = decoded(decodeWalSnapshot(data), directory);
      return index < from ? undefined : `Snapshot: index:${index} term:${term}`;
    }
    case RecordKind.State: {
      const { commit, term, vote } = decoded(decodeHardState(data), directory);
      return commit < from ? undefined : `HardState: term:${term} vote:${vote} commit:${commit}`;
    }
    default:
      return `Unexpected WAL log type: ${type}`;
  }
}
