import type { FileSystem } from "@quorate/base";
import { RecordReader } from "../wal/record-reader.ts";
import { listSegments, segmentFor } from "../wal/segment-list.ts";

/** A record of a log as it lies there. */
export interface WalRecord {
  /** 1 metadata, 2 entry, 3 hard state, 4 checksum, 5 snapshot. Source: etcd server/storage/wal wal.go. */
  readonly type: number;
  /** The running checksum behind the record. */
  readonly crc: number;
  /** The message in it; borrowed until the next one. */
  readonly data: Uint8Array;
}

/**
 * The records of a log in order, from the segment on that index `from` may be in. Answers, when all are read, whether the last
 * write was cut off. Throws StorageError `damaged` where a record is not what was written. PERF: reads the log once.
 */
export function* walRecords(fs: FileSystem, directory: string, from = 0): Generator<WalRecord, "end" | "torn", void> {
  const segments = listSegments(fs, directory);
  let crc: number | undefined;
  let outcome: "end" | "torn" = "end";
  for (const { name } of segments.slice(Math.max(0, segmentFor(segments, from)))) {
    const path = `${directory}/${name}`;
    const file = fs.open(path, "read");
    try {
      const reader = new RecordReader(file, path, crc);
      let next = reader.next();
      for (; next === "record"; next = reader.next()) {
        yield { type: reader.type, crc: reader.crc ?? 0, data: reader.data };
      }
      crc = reader.crc;
      outcome = next;
    } finally {
      file.close();
    }
  }
  return outcome;
}
