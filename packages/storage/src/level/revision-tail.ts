import { crc32 } from "node:zlib";
import type { RevisionRecord } from "@quorate/mvcc";
import { REVISION_KEY_BYTES, writeRevisionKey, writeUint32 } from "./revision-key.ts";
import type { RevisionOrder } from "./revision-order.ts";
import { CHECKSUM_BYTES } from "./stored-value.ts";

const CHUNK_BYTES = 256 * 1024;
const CHUNK_RECORDS = 2048;
const OVERHEAD_BYTES = REVISION_KEY_BYTES + CHECKSUM_BYTES;

/** Where a batch of the engine takes its records. */
export interface RecordSink {
  put(key: Uint8Array, value: Uint8Array): unknown;
}

/** Consecutive records, as they are stored: key, value, checksum, one behind the other in one slab. */
class Chunk {
  readonly bytes: Uint8Array;
  readonly mains: Float64Array;
  readonly subs: Float64Array;
  readonly starts: Int32Array;
  /** Length of the value, or -1 if the record is deleted. */
  readonly lengths: Int32Array;
  readonly firstSequence: number;
  count = 0;
  used = 0;

  constructor(firstSequence: number, bytes: number, records: number) {
    this.firstSequence = firstSequence;
    this.bytes = new Uint8Array(bytes);
    this.mains = new Float64Array(records);
    this.subs = new Float64Array(records);
    this.starts = new Int32Array(records);
    this.lengths = new Int32Array(records);
  }

  isTombstone(at: number): boolean {
    return this.bytes[(this.starts[at] as number) + 16] === 1;
  }

  value(at: number): Uint8Array {
    const start = (this.starts[at] as number) + REVISION_KEY_BYTES;
    return this.bytes.subarray(start, start + (this.lengths[at] as number));
  }

  /** How record `at` compares to a revision: negative if it precedes. A put precedes the tombstone. */
  compare(at: number, main: number, sub: number, isTombstone: boolean): number {
    const difference = (this.mains[at] as number) - main || (this.subs[at] as number) - sub;
    return difference !== 0 ? difference : (this.isTombstone(at) ? 1 : 0) - (isTombstone ? 1 : 0);
  }
}

/**
 * The newest revisions in memory: those the engine does not have yet, and as many before them as the bound allows. A record is
 * copied once, into the form in which it is stored; reads are views of it. Records come in ascending order and are
 * numbered: `[firstSequence, endSequence)` are held.
 */
export class RevisionTail {
  readonly #bytesMax: number;
  readonly #chunks: Chunk[] = [];
  #bytes = 0;
  #endSequence = 0;

  /** `bytesMax` bounds the records that the engine has. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get endSequence(): number {
    return this.#endSequence;
  }

  /** The revision that was added last; undefined if none ever was. */
  get last(): RevisionOrder | undefined {
    const chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk === undefined || chunk.count === 0) return undefined;
    const at = chunk.count - 1;
    return { main: chunk.mains[at] as number, sub: chunk.subs[at] as number, tombstone: chunk.isTombstone(at) };
  }

  /** Whether a revision comes behind all that were ever added. */
  isNext(main: number, sub: number, isTombstone: boolean): boolean {
    const last = this.#chunks[this.#chunks.length - 1];
    return last === undefined || last.count === 0 || last.compare(last.count - 1, main, sub, isTombstone) < 0;
  }

  /** Whether all records from this revision on are here (if none was ever added elsewhere). */
  coversFrom(main: number, sub: number): boolean {
    const first = this.#chunks[0];
    return first !== undefined && first.compare(0, main, sub, false) <= 0;
  }

  /** Adds a record that {@link isNext}; `value` is copied. */
  add(main: number, sub: number, isTombstone: boolean, value: Uint8Array): void {
    const needed = value.length + OVERHEAD_BYTES;
    let chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk === undefined || chunk.count === chunk.mains.length || chunk.used + needed > chunk.bytes.length) {
      chunk = new Chunk(this.#endSequence, Math.max(CHUNK_BYTES, needed), needed > CHUNK_BYTES ? 1 : CHUNK_RECORDS);
      this.#chunks.push(chunk);
      this.#bytes += chunk.bytes.length;
    }
    const at = chunk.count++;
    const start = chunk.used;
    chunk.used += needed;
    chunk.mains[at] = main;
    chunk.subs[at] = sub;
    chunk.starts[at] = start;
    chunk.lengths[at] = value.length;
    writeRevisionKey(chunk.bytes, start, main, sub, isTombstone);
    chunk.bytes.set(value, start + REVISION_KEY_BYTES);
    this.#endSequence++;
  }

  /** The value of a put that is held, a view; undefined if it is deleted; "absent" if it is not held. */
  get(main: number, sub: number): Uint8Array | undefined | "absent" {
    const chunk = this.#chunkOf(main, sub, false);
    const at = chunk === undefined ? -1 : find(chunk, main, sub, false);
    if (chunk === undefined || at < 0) return "absent";
    return (chunk.lengths[at] as number) < 0 ? undefined : chunk.value(at);
  }

  /** Marks a record deleted; returns its sequence and its stored size, or undefined if it is not held. */
  delete(
    main: number,
    sub: number,
    isTombstone: boolean,
  ): { readonly sequence: number; readonly bytes: number } | undefined {
    const chunk = this.#chunkOf(main, sub, isTombstone);
    const at = chunk === undefined ? -1 : find(chunk, main, sub, isTombstone);
    if (chunk === undefined || at < 0) return undefined;
    const length = chunk.lengths[at] as number;
    chunk.lengths[at] = -1;
    return { sequence: chunk.firstSequence + at, bytes: length < 0 ? 0 : length + OVERHEAD_BYTES };
  }

  /** Seals the records in `[from, to)` and gives them to a batch. PERF: one checksum and two views a record. */
  writeTo(sink: RecordSink, from: number, to: number): void {
    for (const chunk of this.#chunks) {
      const first = Math.max(0, from - chunk.firstSequence);
      const end = Math.min(chunk.count, to - chunk.firstSequence);
      const { bytes, starts, lengths } = chunk;
      for (let at = first; at < end; at++) {
        const length = lengths[at] as number;
        if (length < 0) continue;
        const start = starts[at] as number;
        const valueStart = start + REVISION_KEY_BYTES;
        const valueEnd = valueStart + length;
        writeUint32(bytes, valueEnd, crc32(bytes.subarray(start, valueEnd)));
        sink.put(bytes.subarray(start, valueStart), bytes.subarray(valueStart, valueEnd + CHECKSUM_BYTES));
      }
    }
  }

  /** Up to `limit` records from a revision on, and from a sequence on, that are not deleted. */
  collect(main: number, sub: number, fromSequence: number, limit: number): RevisionRecord[] {
    const found: RevisionRecord[] = [];
    for (const chunk of this.#chunks) {
      if (chunk.count === 0 || chunk.firstSequence + chunk.count <= fromSequence) continue;
      if (chunk.compare(chunk.count - 1, main, sub, false) < 0) continue;
      let at = Math.max(0, fromSequence - chunk.firstSequence);
      while (at < chunk.count && chunk.compare(at, main, sub, false) < 0) at++;
      for (; at < chunk.count; at++) {
        if (found.length >= limit) return found;
        if ((chunk.lengths[at] as number) < 0) continue;
        const isTombstone = chunk.isTombstone(at);
        found.push({
          main: chunk.mains[at] as number,
          sub: chunk.subs[at] as number,
          tombstone: isTombstone,
          value: chunk.value(at),
        });
      }
    }
    return found;
  }

  /** Lets go of the oldest records below `writtenSequence` until the rest fits. */
  evict(writtenSequence: number): void {
    let count = 0;
    while (this.#bytes > this.#bytesMax && count < this.#chunks.length - 1) {
      const chunk = this.#chunks[count] as Chunk;
      if (chunk.firstSequence + chunk.count > writtenSequence) break;
      this.#bytes -= chunk.bytes.length;
      count++;
    }
    if (count > 0) this.#chunks.splice(0, count);
  }

  /** The chunk that would hold a revision. */
  #chunkOf(main: number, sub: number, isTombstone: boolean): Chunk | undefined {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((chunks[middle] as Chunk).compare(0, main, sub, isTombstone) <= 0) low = middle + 1;
      else high = middle;
    }
    return chunks[low - 1];
  }
}

/** Place of a revision in its chunk, -1 if it is not there. Single-change revisions without a gap are found at once. */
function find(chunk: Chunk, main: number, sub: number, isTombstone: boolean): number {
  const guess = main - (chunk.mains[0] as number);
  if (guess >= 0 && guess < chunk.count && chunk.compare(guess, main, sub, isTombstone) === 0) return guess;
  let low = 0;
  let high = chunk.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk.compare(middle, main, sub, isTombstone) < 0) low = middle + 1;
    else high = middle;
  }
  return low < chunk.count && chunk.compare(low, main, sub, isTombstone) === 0 ? low : -1;
}
