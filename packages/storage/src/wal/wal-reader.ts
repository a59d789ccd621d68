import { copyBytes, EMPTY_BYTES, equalBytes, type FileSystem } from "@quorate/base";
import { EMPTY_HARD_STATE, type Entry, type HardState } from "@quorate/raft";
import { StorageError } from "../storage-error.ts";
import { decodeEntry, decodeHardState, decodeWalSnapshot } from "./record-codec.ts";
import { RecordType } from "./record-format.ts";
import { RecordReader } from "./record-reader.ts";
import { listSegments, type Segment, segmentAfterGap, segmentFor } from "./segment-list.ts";
import type { WalContents, WalPosition, WalSnapshotRecord } from "./wal-contents.ts";

/** What a writer needs to go on behind what was read. */
export interface WalEnd {
  readonly contents: WalContents;
  /** Every segment in the directory, oldest first; also those before the position, which wait to be released. */
  readonly segments: readonly Segment[];
  readonly crc: number;
}

const REMEDY =
  "restore this member from a backup, or remove it from the cluster and add it anew with an empty directory";

/**
 * Reads a log from a position on. Throws StorageError `damaged`, or `missing` unless the segments from there on are
 * contiguous; a torn tail is reported in the contents.
 */
export function readLog(fs: FileSystem, directory: string, from: WalPosition): WalEnd {
  const segments = listSegments(fs, directory);
  const first = segmentFor(segments, from.index);
  if (first < 0) {
    throw new StorageError("missing", `the log does not reach back to index ${from.index}`, {
      file: directory,
      remedy: REMEDY,
    });
  }
  const needed = segments.slice(first);
  refuseGaps(directory, needed);
  const { contents, crc } = new WalReader(fs, directory, from).read(needed);
  return { contents, segments, crc };
}

/**
 * The newest snapshot record of an index; undefined if the log has none, or none that was written whole. Throws StorageError
 * `damaged` or `missing`.
 */
export function findSnapshotRecord(fs: FileSystem, directory: string, index: number): WalSnapshotRecord | undefined {
  const segments = listSegments(fs, directory);
  const needed = segments.slice(Math.max(0, segmentFor(segments, index)));
  return snapshotRecords(fs, directory, needed).findLast((record) => record.index === index);
}

/** All snapshot records of a log, oldest first. Throws StorageError `damaged` or `missing`. PERF: reads the whole log. */
export function readSnapshotRecords(fs: FileSystem, directory: string): readonly WalSnapshotRecord[] {
  return snapshotRecords(fs, directory, listSegments(fs, directory));
}

function snapshotRecords(fs: FileSystem, directory: string, segments: readonly Segment[]): WalSnapshotRecord[] {
  refuseGaps(directory, segments);
  const found: WalSnapshotRecord[] = [];
  let crc: number | undefined;
  for (const segment of segments) {
    const path = `${directory}/${segment.name}`;
    const file = fs.open(path, "read");
    try {
      const reader = new RecordReader(file, path, crc);
      while (reader.next() === "record") {
        if (reader.type !== RecordType.Snapshot) continue;
        const record = decodeWalSnapshot(reader.data);
        if (record !== undefined) found.push(record);
      }
      crc = reader.crc;
    } finally {
      file.close();
    }
  }
  return found;
}

function refuseGaps(directory: string, segments: readonly Segment[]): void {
  const segment = segmentAfterGap(segments);
  if (segment === undefined) return;
  throw new StorageError("missing", "a log segment is missing before this one", {
    file: `${directory}/${segment.name}`,
    remedy: REMEDY,
  });
}

/** Collects what the records say. One use. */
class WalReader {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #from: WalPosition;
  #metadata: Uint8Array | undefined;
  #hardState: HardState = EMPTY_HARD_STATE;
  readonly #entries: Entry[] = [];
  readonly #snapshots: WalSnapshotRecord[] = [];
  /** Term seen at the index read from: of the entry there, or of the snapshot record. */
  #termAtFrom: number | undefined;
  #end = { file: "", offset: 0 };
  #torn = false;

  constructor(fs: FileSystem, directory: string, from: WalPosition) {
    this.#fs = fs;
    this.#directory = directory;
    this.#from = from;
    if (from.index === 0) this.#termAtFrom = 0;
  }

  read(segments: readonly Segment[]): Omit<WalEnd, "segments"> {
    let crc: number | undefined;
    segments.forEach((segment, i) => {
      crc = this.#readSegment(segment, crc, i === segments.length - 1);
    });
    const last = this.#entries.at(-1) ?? this.#from;
    this.#check(last);
    const contents: WalContents = {
      metadata: this.#metadata ?? EMPTY_BYTES,
      hardState: this.#hardState,
      entries: this.#entries,
      snapshots: this.#snapshots,
      last: { index: last.index, term: last.term },
      end: this.#end,
      torn: this.#torn ? this.#end : undefined,
    };
    return { contents, crc: crc ?? 0 };
  }

  #readSegment(segment: Segment, crc: number | undefined, isLast: boolean): number | undefined {
    const path = `${this.#directory}/${segment.name}`;
    const file = this.#fs.open(path, "read");
    try {
      const reader = new RecordReader(file, path, crc);
      let count = 0;
      let outcome = reader.next();
      for (; outcome === "record"; outcome = reader.next()) this.#take(reader, count++);
      if (!isLast && (outcome === "torn" || count === 0)) {
        throw reader.damaged("record cut off in the middle of the log", reader.nextOffset);
      }
      if (isLast) {
        const tail = reader.tail();
        if (tail === "laterWrite") throw reader.damaged("records are missing from the log", reader.nextOffset);
        this.#torn = outcome === "torn" || tail === "torn";
        // A new segment gets its name only when its head is durable.
        if (count < 2) throw reader.damaged("log segment without a head", reader.nextOffset);
      }
      this.#end = { file: path, offset: reader.nextOffset };
      return reader.crc;
    } finally {
      file.close();
    }
  }

  #take(reader: RecordReader, position: number): void {
    const { type, data } = reader;
    if ((position === 0 && type !== RecordType.Crc) || (position === 1 && type !== RecordType.Metadata)) {
      throw reader.damaged("log segment with a wrong head");
    }
    if (type === RecordType.Entry) this.#takeEntry(reader);
    else if (type === RecordType.State) this.#takeState(reader);
    else if (type === RecordType.Snapshot) this.#takeSnapshot(reader);
    else if (type === RecordType.Metadata) {
      if (this.#metadata === undefined) this.#metadata = copyBytes(data);
      else if (!equalBytes(this.#metadata, data)) throw reader.damaged("log segments of different members mixed");
    }
  }

  #takeEntry(reader: RecordReader): void {
    const entry = decodeEntry(reader.data);
    if (entry === undefined || entry.index < 1 || entry.term < 1 || entry.type > 2) {
      throw reader.damaged("malformed entry in the log");
    }
    const { index } = this.#from;
    if (entry.index <= index) {
      if (entry.index === index) this.#termAtFrom = entry.term;
      // An entry at or before the position takes back everything behind it, as a new leader's entries do.
      if (entry.index < index) this.#termAtFrom = undefined;
      this.#entries.length = 0;
      return;
    }
    const at = entry.index - index - 1;
    const before = at === 0 ? 0 : this.#entries[at - 1]?.term;
    if (before === undefined) throw reader.damaged(`entries before index ${entry.index} are missing from the log`);
    if (entry.term < before) throw reader.damaged(`the term falls at index ${entry.index} of the log`);
    this.#entries.length = at;
    this.#entries.push(entry);
  }

  #takeState(reader: RecordReader): void {
    const state = decodeHardState(reader.data);
    if (
      state === undefined ||
      !Number.isSafeInteger(state.term) ||
      !Number.isSafeInteger(state.commit) ||
      state.term < this.#hardState.term ||
      state.commit < this.#hardState.commit
    ) {
      throw reader.damaged("malformed or backward hard state in the log");
    }
    this.#hardState = state;
  }

  #takeSnapshot(reader: RecordReader): void {
    const record = decodeWalSnapshot(reader.data);
    if (record === undefined || !Number.isSafeInteger(record.index) || !Number.isSafeInteger(record.term)) {
      throw reader.damaged("malformed snapshot record in the log");
    }
    if (record.index === this.#from.index) {
      if (record.index > 0 && record.term !== this.#from.term) {
        throw reader.damaged(`snapshot record of index ${record.index} has term ${record.term}`);
      }
      // A snapshot took the place of a log that had gone another way.
      if (this.#termAtFrom !== undefined && this.#termAtFrom !== record.term) this.#entries.length = 0;
      this.#termAtFrom = record.term;
    }
    this.#snapshots.push(record);
  }

  #check(last: WalPosition): void {
    if (this.#termAtFrom !== this.#from.term) {
      throw new StorageError(
        "damaged",
        `the log does not contain index ${this.#from.index} of term ${this.#from.term}`,
        {
          ...this.#end,
          remedy: REMEDY,
        },
      );
    }
    const covered = Math.max(last.index, this.#snapshots.at(-1)?.index ?? 0);
    if (this.#hardState.commit > covered) {
      throw new StorageError(
        "damaged",
        `the log ends at index ${covered} but index ${this.#hardState.commit} was committed`,
        { ...this.#end, remedy: REMEDY },
      );
    }
  }
}
