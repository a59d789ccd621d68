import { crc32c, EMPTY_BYTES, type OpenFile } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import { FRAME_ALIGNMENT, paddingFor, RECORD_BYTES_MAX, RecordType, SECTOR_BYTES } from "./record-format.ts";

const WINDOW_BYTES = 1024 * 1024;
/** A hole larger than this is taken for the end of the log. No write of ours leaves a larger one in its middle. */
const RESYNC_BYTES_MAX = 4 * 1024 * 1024;
/** Type and crc fields, data's tag and length: the longest head a record can have. */
const HEAD_BYTES_MAX = 2 + 6 + 1 + 5;

/** `record`: the fields hold one; `end`: nothing (more) was written here; `torn`: the write was cut off here. */
export type ReadOutcome = "record" | "end" | "torn";

/**
 * Reads the records of one segment in order and follows the checksum chain. What cannot be the trace of an interrupted write is
 * damage and throws StorageError `damaged` with the byte offset.
 *
 * A torn write is told from damage by what a disk can do: it writes whole sectors, in any order, so a torn record has a
 * sector of zeros where it should have bytes. Length words never cross a sector, hence one that is not zero was written
 * whole. Source: etcd wal decoder.go `isTornEntry`; stricter here, because a flipped bit must not shorten the log.
 */
export class RecordReader {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #size: number;
  #window: Uint8Array;
  #windowStart = 0;
  #windowLength = 0;
  #crc: number | undefined;
  #dataStart = 0;
  #dataEnd = 0;
  /** Number of the record's type. */
  type = 0;
  /** The record's data, borrowed until the next call. */
  data: Uint8Array = EMPTY_BYTES;
  /** Where the record's frame begins, and where the next one does. */
  offset = 0;
  nextOffset = 0;

  /** `crc`: the running checksum at the segment's start; undefined at the first segment read, which says what it is. */
  constructor(file: OpenFile, path: string, crc: number | undefined) {
    this.#file = file;
    this.#path = path;
    this.#size = file.sizeBytes();
    this.#window = new Uint8Array(Math.min(this.#size, WINDOW_BYTES));
    this.#crc = crc;
  }

  /** The running checksum behind the last record. */
  get crc(): number | undefined {
    return this.#crc;
  }

  /** Goes to the next record. After `end` and `torn`, `nextOffset` is where the good records end. */
  next(): ReadOutcome {
    const start = this.nextOffset;
    const remaining = this.#size - start;
    if (remaining < FRAME_ALIGNMENT) return this.#allZero(start, Math.max(0, remaining)) ? "end" : "torn";
    const recordBytes = this.#recordBytesAt(start);
    if (recordBytes === 0) {
      // What follows an unwritten length word in its sector was not written either.
      const sectorEnd = Math.min(nextSector(start), this.#size);
      if (!this.#allZero(start, sectorEnd - start)) throw this.damaged("record without a length in the log", start);
      return "end";
    }
    if (recordBytes < 0) throw this.damaged("impossible record length in the log", start);
    const bodyStart = start + FRAME_ALIGNMENT;
    const bodyBytes = recordBytes + paddingFor(recordBytes);
    const available = Math.min(bodyBytes, this.#size - bodyStart);
    const head = this.#parseHead(bodyStart, Math.min(recordBytes, available), recordBytes);
    if (head === "malformed") {
      const headSectorsEnd = nextSector(bodyStart + Math.min(HEAD_BYTES_MAX, available) - 1);
      if (this.#hasZeroSector(bodyStart, Math.min(available, headSectorsEnd - bodyStart))) return "torn";
      throw this.damaged("malformed record in the log", start);
    }
    if (head === "cut" || available < bodyBytes) return "torn";
    const at = this.#fill(this.#dataStart, this.#dataEnd - this.#dataStart);
    this.data = this.#window.subarray(at, at + this.#dataEnd - this.#dataStart);
    if (!this.#checksumHolds(head)) {
      if (this.#hasZeroSector(bodyStart, bodyBytes)) return "torn";
      throw this.damaged("checksum mismatch in the log", start);
    }
    this.offset = start;
    this.nextOffset = bodyStart + bodyBytes;
    return "record";
  }

  /**
   * What lies behind the good records: `zeros` as preallocation leaves them, the rest of one `torn` write, or traces of a
   * `laterWrite`. Writes follow each other only once the one before is durable, and each ends with a State record; so a
   * verified record behind a State record proves that what is missing here had been durable, and is damage. PERF: reads up to
   * 4 MiB.
   */
  tail(): "zeros" | "torn" | "laterWrite" {
    const start = this.nextOffset;
    const recordBytes = this.#size - start < FRAME_ALIGNMENT ? 0 : this.#recordBytesAt(start);
    const body = recordBytes > 0 ? recordBytes + paddingFor(recordBytes) : 0;
    let position = start + FRAME_ALIGNMENT + body;
    const end = Math.min(this.#size, position + RESYNC_BYTES_MAX);
    let found: "zeros" | "torn" = recordBytes === 0 ? "zeros" : "torn";
    let stateCrc: number | undefined;
    for (;;) {
      position = this.#skipZeroWords(position, end);
      if (position + FRAME_ALIGNMENT >= end) return found;
      found = "torn";
      const crc = this.#plausibleRecordAt(position);
      if (crc === undefined) {
        position += FRAME_ALIGNMENT;
        continue;
      }
      if (stateCrc !== undefined) {
        const at = this.#fill(this.#dataStart, this.#dataEnd - this.#dataStart);
        if (crc32c(stateCrc, this.#window, at, at + this.#dataEnd - this.#dataStart) === crc) return "laterWrite";
      }
      stateCrc = this.type === RecordType.State ? crc : undefined;
      position = this.#dataEnd + paddingFor(this.#dataEnd - position);
    }
  }

  /** The checksum stored in what looks like a whole record with its frame at `position`. */
  #plausibleRecordAt(position: number): number | undefined {
    const bytes = this.#recordBytesAt(position);
    const bodyStart = position + FRAME_ALIGNMENT;
    if (bytes <= 0 || bodyStart + bytes + paddingFor(bytes) > this.#size) return undefined;
    const head = this.#parseHead(bodyStart, bytes, bytes);
    return typeof head === "number" ? head : undefined;
  }

  /** The first aligned word in `[position, end)` that is not all zeros; past `end` if there is none. */
  #skipZeroWords(position: number, end: number): number {
    let word = position;
    while (word + FRAME_ALIGNMENT <= end) {
      this.#fill(word, FRAME_ALIGNMENT);
      const base = word - this.#windowStart;
      const last = Math.min(this.#windowLength, end - this.#windowStart) - FRAME_ALIGNMENT;
      const bytes = this.#window;
      let at = base;
      for (; at <= last; at += FRAME_ALIGNMENT) {
        let any = 0;
        for (let i = 0; i < FRAME_ALIGNMENT; i++) any |= bytes[at + i] as number;
        if (any !== 0) return this.#windowStart + at;
      }
      word = this.#windowStart + at;
    }
    return word;
  }

  /** The error for something wrong at `offset` (of the current record unless told otherwise). */
  damaged(what: string, offset: number = this.offset): StorageError {
    return new StorageError("damaged", what, {
      file: this.#path,
      offset,
      remedy:
        "restore this member from a backup, or remove it from the cluster and add it anew with an empty data directory",
    });
  }

  /** Length of the record whose frame is at `position`; 0 for zeros, -1 for a length word nobody writes. */
  #recordBytesAt(position: number): number {
    const at = this.#fill(position, FRAME_ALIGNMENT);
    const bytes = this.#window;
    let low = 0;
    for (let i = 3; i >= 0; i--) low = low * 256 + (bytes[at + i] as number);
    const high = (bytes[at + 4] as number) + (bytes[at + 5] as number) * 0x100 + (bytes[at + 6] as number) * 0x1_0000;
    const top = bytes[at + 7] as number;
    if (low === 0 && high === 0 && top === 0) return 0;
    const padding = paddingFor(low);
    const expectedTop = padding === 0 ? 0 : 0x80 | padding;
    return high === 0 && low >= 4 && low <= RECORD_BYTES_MAX && top === expectedTop ? low : -1;
  }

  /**
   * Reads type, crc and the place of the data. Returns the stored checksum; `cut` if the bytes end inside the head;
   * `malformed` if they are no record of `recordBytes`.
   */
  #parseHead(start: number, available: number, recordBytes: number): number | "cut" | "malformed" {
    const length = Math.min(HEAD_BYTES_MAX, available);
    const at = this.#fill(start, length);
    const bytes = this.#window;
    const end = at + length;
    const cut = length < Math.min(HEAD_BYTES_MAX, recordBytes) ? "cut" : "malformed";
    if (length < 4) return cut;
    if (bytes[at] !== 0x08 || bytes[at + 2] !== 0x10) return "malformed";
    this.type = bytes[at + 1] as number;
    if (this.type < RecordType.Metadata || this.type > RecordType.Snapshot) return "malformed";
    let position = at + 3;
    let crc = 0;
    for (let scale = 1; ; scale *= 128) {
      if (position >= end) return cut;
      const byte = bytes[position++] as number;
      crc += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (scale > 0x1000_0000) return "malformed";
    }
    if (crc > 0xffff_ffff) return "malformed";
    this.#dataStart = start + position - at;
    this.#dataEnd = this.#dataStart;
    if (this.#dataEnd === start + recordBytes) return crc;
    if (position >= end) return cut;
    if (bytes[position++] !== 0x1a) return "malformed";
    let dataBytes = 0;
    for (let scale = 1; ; scale *= 128) {
      if (position >= end) return cut;
      const byte = bytes[position++] as number;
      dataBytes += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (scale > 0x1000_0000) return "malformed";
    }
    this.#dataStart = start + position - at;
    this.#dataEnd = this.#dataStart + dataBytes;
    return this.#dataEnd === start + recordBytes ? crc : "malformed";
  }

  #checksumHolds(stored: number): boolean {
    if (this.type === RecordType.Crc) {
      if (this.data.length > 0) return false;
      if (this.#crc !== undefined && this.#crc !== stored) return false;
      this.#crc = stored;
      return true;
    }
    if (this.#crc === undefined) return false;
    const crc = crc32c(this.#crc, this.data);
    if (crc !== stored) return false;
    this.#crc = crc;
    return true;
  }

  #hasZeroSector(start: number, length: number): boolean {
    for (let position = start; position < start + length; ) {
      const end = Math.min(nextSector(position), start + length);
      if (this.#allZero(position, end - position)) return true;
      position = end;
    }
    return false;
  }

  #allZero(position: number, length: number): boolean {
    const at = this.#fill(position, length);
    for (let i = at; i < at + length; i++) if (this.#window[i] !== 0) return false;
    return true;
  }

  /** Makes `[position, position + length)`, which lies inside the file, available; returns its place in the window. */
  #fill(position: number, length: number): number {
    const at = position - this.#windowStart;
    if (at >= 0 && at + length <= this.#windowLength) return at;
    if (length > this.#window.length) this.#window = new Uint8Array(length);
    const wanted = Math.min(this.#window.length, this.#size - position);
    let read = 0;
    while (read < wanted) {
      const count = this.#file.read(this.#window, read, wanted - read, position + read);
      if (count === 0) break;
      read += count;
    }
    this.#windowStart = position;
    this.#windowLength = read;
    return 0;
  }
}

function nextSector(position: number): number {
  return position - (position % SECTOR_BYTES) + SECTOR_BYTES;
}
