import type { FileSystem, OpenFile } from "@quorate/base";
import { writeFully } from "../file-writing.ts";

/** How far ahead of the writing position zeros are kept, and in what steps. */
const ZERO_AHEAD_BYTES = 4 * 1024 * 1024;
const ZERO_STEP_BYTES = 1024 * 1024;
/** A step begins this far ahead of the records at least, to leave them room while it is on its way. */
const ZERO_LEAD_BYTES = 512 * 1024;

/**
 * The segment that is being written. It has its full size from the start, and zeros are written ahead of the position, so
 * that a sync of records has no blocks to allocate and no size to record: 0.22 ms against 0.35 ms for 30 KB (p50) on ext4.
 */
export class SegmentWriter {
  readonly #file: OpenFile;
  readonly #sizeBytes: number;
  #position: number;
  /** Everything in `[position, zeroedTo)` is zero on disk, with blocks of its own. */
  #zeroedTo: number;
  /** Where a write of zeros in flight begins; records must not reach it. */
  #zeroingFrom = Number.POSITIVE_INFINITY;
  #closing = false;
  #onZeroed: (() => void) | undefined;
  /** Set when zeros could not be written: the disk is full or broken. */
  failure: Error | undefined;

  /** The file is all zeros behind `position`. */
  constructor(file: OpenFile, position: number, sizeBytes: number) {
    this.#file = file;
    this.#position = position;
    this.#sizeBytes = sizeBytes;
    const lead = Math.max(0, Math.min(ZERO_LEAD_BYTES, sizeBytes - position));
    if (lead > 0) writeFully(file, new Uint8Array(lead), lead, position);
    this.#zeroedTo = position + lead;
  }

  /** Makes a file of full size; its head is to be written next. */
  static create(fs: FileSystem, path: string, sizeBytes: number): SegmentWriter {
    const file = fs.open(path, "create", 0o600);
    file.truncate(sizeBytes);
    return new SegmentWriter(file, 0, sizeBytes);
  }

  /** Opens an existing segment whose good records end at `position`; what follows them becomes zeros. */
  static reopen(fs: FileSystem, path: string, position: number, sizeBytes: number): SegmentWriter {
    const file = fs.open(path, "readWrite");
    file.truncate(position);
    file.truncate(Math.max(position, sizeBytes));
    file.sync();
    return new SegmentWriter(file, position, sizeBytes);
  }

  get isFull(): boolean {
    return this.#position >= this.#sizeBytes;
  }

  /** Zeros are on their way, and a sync waits for them too. */
  get isZeroing(): boolean {
    return this.#zeroingFrom !== Number.POSITIVE_INFINITY;
  }

  get position(): number {
    return this.#position;
  }

  /** Whether `length` bytes can be written now. If not, `ready` is called once they can. */
  canWrite(length: number, ready: () => void): boolean {
    if (this.#position + length <= this.#zeroingFrom) return true;
    this.#onZeroed = ready;
    return false;
  }

  /** Appends `bytes[0, length)`; short writes are continued. Throws what the system reports. */
  write(bytes: Uint8Array, length: number): void {
    writeFully(this.#file, bytes, length, this.#position);
    this.#position += length;
  }

  sync(): void {
    this.#file.syncData();
  }

  syncLater(done: (error?: Error) => void): void {
    this.#file.syncDataLater(done);
  }

  /** Writes the next step of zeros, if it is time. */
  zeroAhead(): void {
    const wanted = Math.min(this.#position + ZERO_AHEAD_BYTES, this.#sizeBytes);
    if (this.#zeroingFrom !== Number.POSITIVE_INFINITY || this.#zeroedTo >= wanted || this.#closing) return;
    const from = Math.max(this.#zeroedTo, Math.min(this.#sizeBytes, this.#position + ZERO_LEAD_BYTES));
    const to = Math.min(from + ZERO_STEP_BYTES, this.#sizeBytes);
    this.#zeroingFrom = from;
    this.#file.zeroLater(from, to, (error) => {
      this.#zeroingFrom = Number.POSITIVE_INFINITY;
      if (error === undefined) this.#zeroedTo = to;
      else this.failure = error;
      if (this.#closing) this.#file.close();
      const ready = this.#onZeroed;
      this.#onZeroed = undefined;
      ready?.();
    });
  }

  /** Cuts the file behind its last record, if `cut`, and closes it. */
  close(cut: boolean): void {
    if (cut) this.#file.truncate(this.#position);
    this.#closing = true;
    if (this.#zeroingFrom === Number.POSITIVE_INFINITY) this.#file.close();
  }
}
