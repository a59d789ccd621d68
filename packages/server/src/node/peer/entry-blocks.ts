import { EMPTY_BYTES } from "@quorate/base";
import { Writer } from "@quorate/protocol";
import { type Entry, entrySize } from "@quorate/raft";
import { writeEntry, writeEntryFields } from "./raft-message.ts";

/** From this size on a block is not kept: its memory would outlive its use for nothing. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Encoded runs of entries. A leader sends the same run to every follower, so the newest of each form is kept and found again
 * by the identity of its first and last entry and their number: what lies between them in a log cannot differ, as entries
 * are immutable and a log that loses one loses all behind it.
 */
export class EntryBlocks {
  readonly #fields = new Memo(writeEntryFields);
  readonly #framed = new Memo(writeFramedEntries);

  /** As the `entries` field of a message. Borrowed until the next call. */
  fields(entries: readonly Entry[]): Uint8Array {
    return this.#fields.encode(entries);
  }

  /** As the msgapp stream's AppEntries frame has them: each behind its length, 8 bytes big-endian. Borrowed likewise. */
  framed(entries: readonly Entry[]): Uint8Array {
    return this.#framed.encode(entries);
  }
}

class Memo {
  readonly #write: (writer: Writer, entries: readonly Entry[]) => void;
  #writer = new Writer();
  #first: Entry | undefined;
  #last: Entry | undefined;
  #count = 0;

  constructor(write: (writer: Writer, entries: readonly Entry[]) => void) {
    this.#write = write;
  }

  encode(entries: readonly Entry[]): Uint8Array {
    const count = entries.length;
    const first = entries[0];
    if (first === undefined) return EMPTY_BYTES;
    const last = entries[count - 1];
    if (first !== this.#first || last !== this.#last || count !== this.#count) {
      if (this.#writer.buffer.length > KEPT_BYTES_MAX) this.#writer = new Writer();
      this.#writer.reset();
      this.#write(this.#writer, entries);
      this.#first = first;
      this.#last = last;
      this.#count = count;
    }
    return this.#writer.buffer.subarray(0, this.#writer.length);
  }
}

function writeFramedEntries(writer: Writer, entries: readonly Entry[]): void {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += 8 + entrySize(entries[i] as Entry);
  writer.ensure(bytes);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    writeUint64(writer, entrySize(entry));
    writeEntry(writer, entry);
  }
}

/** Writes a safe integer as 8 bytes big-endian. */
export function writeUint64(writer: Writer, value: number): void {
  writer.ensure(8);
  putUint64(writer.buffer, writer.length, value);
  writer.length += 8;
}

/** Puts a safe integer as 8 bytes big-endian at `position`. */
export function putUint64(buffer: Uint8Array, position: number, value: number): void {
  let high = Math.floor(value / 0x1_0000_0000);
  let low = value >>> 0;
  for (let i = 3; i >= 0; i--) {
    buffer[position + i] = high & 0xff;
    buffer[position + 4 + i] = low & 0xff;
    high >>>= 8;
    low >>>= 8;
  }
}
