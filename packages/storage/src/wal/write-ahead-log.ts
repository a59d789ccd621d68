import { assert, type Clock, type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import type { Entry, HardState } from "@quorate/raft";
import { directoryOf, makeDirectoryDurably } from "../file-writing.ts";
import { StorageError } from "../storage-error.ts";
import { encodeHardState, encodeWalSnapshot } from "./record-codec.ts";
import { RecordEncoder } from "./record-encoder.ts";
import { RecordType, SEGMENT_BYTES, segmentName } from "./record-format.ts";
import { type Segment, SegmentList } from "./segment-list.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { WalContents, WalPosition, WalSnapshotRecord } from "./wal-contents.ts";
import { readLog, type WalEnd } from "./wal-reader.ts";
import { keepTornTail } from "./wal-repair.ts";

/** What a log is opened with. */
export interface WalOptions {
  readonly directory: string;
  readonly fs: FileSystem;
  /** Times the syncs. */
  readonly clock: Clock;
  /** A segment is cut once it has reached this size: etcd's 64 000 000 bytes unless a test wants it smaller. */
  readonly segmentBytes?: number;
  /**
   * Writes up to this size are synced on the calling thread, at the end of what it is doing, while syncs are fast; 0 never. The answer to one client
   * alone is a third faster so, but the caller waits for the disk. Default 1024.
   */
  readonly inlineSyncBytesMax?: number;
  readonly logger?: Logger;
  /** Called after every finished sync with what it took, writing and syncing, how many bytes it made durable, and what writing took. */
  readonly onSync?: (durationMs: number, bytes: number, writeMs: number) => void;
}

/** After a sync this slow, the next {@link SLOW_SYNC_PENALTY} go through the thread pool whatever their size. */
const SLOW_SYNC_MS = 5;
const SLOW_SYNC_PENALTY = 1000;

/** The segment that follows a full one. */
interface Cut {
  readonly segment: Segment;
  readonly temporary: string;
  readonly full: SegmentWriter;
}

type Done = (error?: Error) => void;

/**
 * The write-ahead log in etcd's format: the only truth about the state of a member.
 *
 * What is given while a sync is in flight is encoded at once and makes up the next write: one `write`, one `fdatasync`,
 * however many calls. A write goes to the page cache synchronously (it survives the death of the process) and the sync runs
 * in the thread pool, unless the write is tiny. Every write ends with a State record, so that a reader can tell one write from
 * the next (see `RecordReader.tail`). A commit index alone is not worth a write: it goes with the next one, or when `saveCommit`
 * is called.
 *
 * A failed write or sync is final (fault D3): everything waiting gets the error, once, and everything later is refused.
 * Source: etcd server/storage/wal/wal.go. Figures: README.
 */
export class WriteAheadLog {
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #inlineBytesMax: number;
  #mayWaitForDisk = true;
  readonly #onSync: ((durationMs: number, bytes: number, writeMs: number) => void) | undefined;
  #writeMs = 0;
  readonly #metadata: Uint8Array;
  readonly #encoder: RecordEncoder;
  readonly #segments: SegmentList;
  #writer: SegmentWriter;
  #hardState: HardState | undefined;
  #hardStateWritten: boolean;
  #lastIndex: number;
  /** Index of the last entry in the write in flight, and in the newest durable one. */
  #writtenIndex: number;
  #durableIndex: number;
  /** Number of the newest segment, begun or not. */
  #sequence: number;
  /** Callbacks of the next write, and of the one in flight. */
  #waiting: Done[] = [];
  #inFlight: Done[] = [];
  #busy = false;
  #answering = false;
  #beginDue = false;
  /** The segment whose head is encoded and not written yet, and the one whose first write is in flight. */
  #next: Cut | undefined;
  #cutting: Cut | undefined;
  #syncedBytes = 0;
  #syncStartMs = 0;
  #slowSyncs = 0;
  #failure: StorageError | undefined;

  private constructor(options: WalOptions, end: WalEnd, metadata: Uint8Array, writer: SegmentWriter) {
    this.#fs = options.fs;
    this.#clock = options.clock;
    this.#directory = options.directory;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#inlineBytesMax = options.inlineSyncBytesMax ?? 1024;
    this.#onSync = options.onSync;
    this.#metadata = metadata;
    this.#encoder = new RecordEncoder(end.crc);
    this.#segments = new SegmentList(options.fs, options.directory, options.logger ?? NO_LOGGER, end.segments);
    this.#writer = writer;
    const { hardState, last } = end.contents;
    this.#hardState = hardState.term === 0 && hardState.commit === 0 ? undefined : hardState;
    this.#hardStateWritten = true;
    this.#lastIndex = last.index;
    this.#writtenIndex = last.index;
    this.#durableIndex = last.index;
    this.#sequence = this.#segments.newest.sequence;
    if (writer.isFull) this.#beginSegment();
  }

  /**
   * Whether tiny writes may be synced on the calling thread (see {@link WalOptions}; true at first). A member with peers must not
   * wait for its disk: one that hangs would hold up its heartbeats.
   */
  set mayWaitForDisk(value: boolean) {
    this.#mayWaitForDisk = value;
  }

  /** Whether a directory holds a log. */
  static exists(fs: FileSystem, directory: string): boolean {
    return fs.stat(directory)?.kind === "directory" && fs.list(directory).some((name) => name.endsWith(".wal"));
  }

  /**
   * Makes a new log around `metadata` and returns it opened. The directory must not exist, or be empty. It appears under its
   * name only when it is whole. Throws StorageError `unwritable`.
   */
  static create(
    options: WalOptions,
    metadata: Uint8Array,
  ): { readonly log: WriteAheadLog; readonly contents: WalContents } {
    const { fs, directory } = options;
    const temporary = `${directory}.tmp`;
    const encoder = new RecordEncoder(0);
    encoder.crcRecord();
    encoder.record(RecordType.Metadata, metadata);
    encoder.record(RecordType.Snapshot, encodeWalSnapshot({ index: 0, term: 0, confState: undefined }));
    try {
      fs.removeDirectory(temporary);
      makeDirectoryDurably(fs, temporary, 0o700);
      const writer = SegmentWriter.create(
        fs,
        `${temporary}/${segmentName(0, 0)}`,
        options.segmentBytes ?? SEGMENT_BYTES,
      );
      writer.write(encoder.buffer, encoder.length);
      writer.sync();
      writer.close(false);
      fs.syncDirectory(temporary);
      fs.removeDirectory(directory);
      fs.rename(temporary, directory);
      fs.syncDirectory(directoryOf(directory));
    } catch (cause) {
      throw new StorageError("unwritable", "cannot create the log", {
        file: directory,
        remedy: "check permissions and free space of the data directory",
        cause,
      });
    }
    return WriteAheadLog.open(options, { index: 0, term: 0 });
  }

  /**
   * Reads the log from a position on and opens it for appending. A torn tail is cut off, with a copy of the segment kept
   * aside as `<name>.broken`; but not before `accept`, which may throw, has seen what was read. Throws StorageError `damaged`
   * or `missing`, naming file, offset and index.
   */
  static open(
    options: WalOptions,
    from: WalPosition,
    accept?: (contents: WalContents) => void,
  ): { readonly log: WriteAheadLog; readonly contents: WalContents } {
    const { fs, directory, logger = NO_LOGGER } = options;
    const end = readLog(fs, directory, from);
    const { contents } = end;
    accept?.(contents);
    if (contents.torn !== undefined) {
      const copy = keepTornTail(fs, contents.torn);
      logger.warn("cut off a torn write at the end of the log", { ...contents.torn, copy });
    }
    for (const name of fs.list(directory)) {
      if (name.endsWith(".tmp")) fs.removeFile(`${directory}/${name}`);
    }
    const size = options.segmentBytes ?? SEGMENT_BYTES;
    const writer = SegmentWriter.reopen(fs, contents.end.file, contents.end.offset, size);
    return { log: new WriteAheadLog(options, end, contents.metadata, writer), contents };
  }

  /** Reads without changing anything; a torn tail is left where it is. Throws as {@link open} does. */
  static read(fs: FileSystem, directory: string, from: WalPosition): WalContents {
    return readLog(fs, directory, from).contents;
  }

  /**
   * Appends entries (shared) and, if given, the hard state. Durable when `done` is called, if there are entries or `mustSync`;
   * a hard state alone without `mustSync` becomes durable with the next write. `done` is called once, in the order of the
   * calls, never from inside one.
   */
  append(entries: readonly Entry[], hardState: HardState | undefined, mustSync: boolean, done: Done): void {
    if (this.#failure === undefined) {
      for (let i = 0; i < entries.length; i++) this.#encoder.entry(entries[i] as Entry);
      const last = entries[entries.length - 1];
      if (last !== undefined) this.#lastIndex = last.index;
      if (hardState !== undefined) {
        this.#hardState = hardState;
        this.#hardStateWritten = false;
        if (mustSync && this.#encoder.length === 0) this.#encodeState();
      }
    }
    this.#enqueue(done);
  }

  /** Writes a snapshot record, behind the newest hard state, and syncs. */
  saveSnapshotRecord(record: WalSnapshotRecord, done: Done): void {
    if (this.#failure === undefined) {
      this.#encoder.record(RecordType.Snapshot, encodeWalSnapshot(record));
      this.#lastIndex = Math.max(this.#lastIndex, record.index);
    }
    this.#enqueue(done);
  }

  /**
   * Notes that the state machine was replaced by the snapshot at `record`, where the log ends from now on: what was appended
   * behind it, or before it and never came, is not part of the log any more. The hard state, if given, goes behind the record.
   * Durable when `done` is called.
   */
  installSnapshot(record: WalSnapshotRecord, hardState: HardState | undefined, done: Done): void {
    if (this.#failure === undefined) {
      this.#encoder.record(RecordType.Snapshot, encodeWalSnapshot(record));
      this.#lastIndex = record.index;
      if (hardState !== undefined) {
        this.#hardState = hardState;
        this.#hardStateWritten = false;
      }
    }
    this.#enqueue(done);
  }

  /** Makes everything given so far durable, a commit index alone too. */
  flush(done: Done): void {
    if (this.#failure === undefined && !this.#hardStateWritten) this.#encodeState();
    this.#enqueue(done);
  }

  /**
   * Makes a commit index durable that no write has taken along, unless one is under way that will. Call it now and then: a member that
   * has to go on alone, without the others' word, takes what it knows to be committed from here.
   */
  saveCommit(): void {
    const isIdle = !this.#busy && !this.#answering && this.#waiting.length === 0;
    if (this.#failure === undefined && isIdle && !this.#hardStateWritten) this.flush(() => {});
  }

  /**
   * Removes the segments that are not needed to read from `index` on. The caller has made durable, elsewhere, everything up
   * to it, and has written a snapshot record or still has the entry there.
   */
  release(index: number): void {
    this.#segments.release(index);
  }

  /** The first index that can be read behind a position: everything from here on is in the files. */
  get firstIndex(): number {
    return this.#segments.oldest.firstIndex;
  }

  /** Index of the last entry given. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Index of the last entry that is durable. */
  get durableIndex(): number {
    return this.#durableIndex;
  }

  /** Bytes given and not yet handed to the disk: they grow while a sync hangs. */
  get waitingBytes(): number {
    return this.#encoder.length;
  }

  /** Age of the oldest write that is not durable, in milliseconds, for the watchdog; 0 when there is none. */
  unfinishedSyncMs(): number {
    return this.#syncStartMs === 0 ? 0 : this.#clock.nowMs() - this.#syncStartMs;
  }

  /** Makes everything durable and closes; later calls are refused. `done` as in {@link append}. */
  close(done: Done): void {
    this.flush((error) => {
      if (this.#failure === undefined) {
        this.#failure = new StorageError("closed", "the log is closed", {
          file: this.#directory,
          remedy: "open it anew",
        });
        this.#writer.close(false);
      }
      done(error);
    });
  }

  #enqueue(done: Done): void {
    this.#waiting.push(done);
    if (!this.#busy && !this.#answering) this.#begin();
  }

  /**
   * Begins the next write: at once if it goes to the thread pool; if the caller is to wait for it, behind what this turn has
   * still to send, such as the same entries to the followers, who else would begin only when this sync is over.
   */
  #begin(): void {
    const bytes = this.#encoder.length;
    if (bytes === 0 || bytes > this.#inlineLimit) this.#flush();
    else if (!this.#beginDue) {
      this.#beginDue = true;
      process.nextTick(this.#beginLate);
    }
  }

  readonly #beginLate = (): void => {
    this.#beginDue = false;
    if (!this.#busy && !this.#answering) this.#flush();
  };

  #encodeState(): void {
    if (this.#hardState === undefined) return;
    this.#encoder.record(RecordType.State, encodeHardState(this.#hardState));
    this.#hardStateWritten = true;
  }

  /** Writes and syncs what has collected. */
  readonly #flush = (): void => {
    if (this.#failure !== undefined || this.#encoder.length === 0) {
      if (this.#waiting.length > 0) this.#answerLater();
      return;
    }
    this.#busy = true;
    this.#syncStartMs ||= this.#clock.nowMs();
    if (!this.#hardStateWritten || this.#encoder.lastType !== RecordType.State) this.#encodeState();
    const bytes = this.#encoder.length;
    if (this.#next === undefined && !this.#writer.canWrite(bytes, this.#flush)) return;
    this.#takeWaiting();
    try {
      const beginMs = this.#clock.nowMs();
      const isInline = this.#write(bytes);
      this.#writeMs = this.#clock.nowMs() - beginMs;
      if (isInline) {
        this.#writer.sync();
        process.nextTick(this.#onSynced);
      } else {
        this.#writer.syncLater(this.#onSynced);
      }
    } catch (error) {
      process.nextTick(this.#onSynced, error);
    }
  };

  get #inlineLimit(): number {
    return this.#mayWaitForDisk ? this.#inlineBytesMax : 0;
  }

  /** Hands the encoded bytes to the system; returns whether to sync at once. */
  #write(bytes: number): boolean {
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
    const isInline = bytes <= this.#inlineLimit && this.#slowSyncs === 0 && !this.#writer.isZeroing;
    if (this.#slowSyncs > 0) this.#slowSyncs--;
    if (this.#next !== undefined) {
      this.#cutting = this.#next;
      this.#next = undefined;
      this.#writer = SegmentWriter.create(this.#fs, this.#cutting.temporary, this.#segmentBytes);
    }
    this.#writer.write(this.#encoder.buffer, bytes);
    this.#syncedBytes = bytes;
    this.#writtenIndex = this.#lastIndex;
    this.#encoder.reset();
    if (this.#writer.isFull) this.#beginSegment();
    return isInline;
  }

  /** Answers what waits without a write: nothing to write, or the log has failed. */
  #answerLater(): void {
    this.#takeWaiting();
    process.nextTick(this.#answer, this.#failure);
  }

  #takeWaiting(): void {
    assert(this.#inFlight.length === 0, "one write is in flight at a time");
    const done = this.#inFlight;
    this.#inFlight = this.#waiting;
    this.#waiting = done;
    this.#busy = true;
  }

  readonly #onSynced = (error?: Error): void => {
    const durationMs = this.#clock.nowMs() - this.#syncStartMs;
    this.#syncStartMs = 0;
    if (durationMs > SLOW_SYNC_MS) this.#slowSyncs = SLOW_SYNC_PENALTY;
    try {
      if (error !== undefined) throw error;
      if (this.#cutting !== undefined) this.#finishCut(this.#cutting);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    this.#durableIndex = this.#writtenIndex;
    this.#onSync?.(durationMs, this.#syncedBytes, this.#writeMs);
    if (!this.#writer.isFull) this.#writer.zeroAhead();
    this.#answer();
  };

  #fail(cause: unknown): void {
    this.#failure = new StorageError("ioFailed", "cannot write the log", {
      file: `${this.#directory}/${this.#segments.newest.name}`,
      offset: this.#writer.position,
      remedy: "check the disk and its free space, then restart; nothing unacknowledged is kept",
      cause,
    });
    this.#encoder.reset();
    this.#answer(this.#failure);
  }

  /**
   * Calls back what was in flight; what the callbacks give is one write. A write that has collected meanwhile and will be synced
   * in the thread pool goes first, so that the disk works while the callers do; one that is synced on the spot would make
   * them wait.
   */
  readonly #answer = (error?: Error): void => {
    const answered = this.#inFlight;
    this.#inFlight = [];
    this.#busy = false;
    if (error === undefined && this.#encoder.length > this.#inlineLimit) this.#flush();
    this.#answering = true;
    try {
      for (let i = 0; i < answered.length; i++) (answered[i] as Done)(error);
    } finally {
      this.#answering = false;
    }
    if (!this.#busy) this.#begin();
  };

  /**
   * Begins the segment behind a full one: its head goes first into the bytes of the next write, because the checksum chain
   * runs through it. The file gets its name once that write is durable.
   */
  #beginSegment(): void {
    const sequence = ++this.#sequence;
    const firstIndex = this.#lastIndex + 1;
    const name = segmentName(sequence, firstIndex);
    const temporary = `${this.#directory}/${name}.tmp`;
    this.#next = { segment: { sequence, firstIndex, name }, temporary, full: this.#writer };
    this.#encoder.crcRecord();
    this.#encoder.record(RecordType.Metadata, this.#metadata);
    this.#encodeState();
  }

  #finishCut(cut: Cut): void {
    const { segment, temporary, full } = cut;
    this.#cutting = undefined;
    this.#fs.rename(temporary, `${this.#directory}/${segment.name}`);
    this.#fs.syncDirectory(this.#directory);
    this.#segments.add(segment);
    full.close(true);
  }
}
