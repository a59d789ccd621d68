import { assert } from "@quorate/base";

import { type Entry, payloadSize } from "./entry.ts";
import type { Snapshot } from "./state.ts";

/**
 * The tail of the log that is not known to be durable: possibly a snapshot, and the entries from `offset` on. It overlays
 * the storage, so its entries hide stored ones with the same or a higher index.
 *
 * ```
 * storage   1 2 3 4 5 6        offset = 5, three entries, the first of them handed to the host
 * unstable          5'6'7'     (inProgress = 6): the host gets 6' and 7' with the next Ready
 * ```
 */
export class UnstableLog {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  #offset: number;
  /** First index that has not been handed to the host. */
  #inProgress: number;
  #payloadBytes = 0;

  constructor(offset: number) {
    this.#offset = offset;
    this.#inProgress = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Payload of the entries in the tail, in bytes. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** First index that has not been handed to the host. */
  get inProgress(): number {
    return this.#inProgress;
  }

  /** The last index of the whole log: everything below `offset` is in the storage. */
  get lastIndex(): number {
    return this.#offset + this.#entries.length - 1;
  }

  /** A received snapshot that is not durable yet. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get hasNewSnapshot(): boolean {
    return this.#snapshot !== undefined && !this.#snapshotInProgress;
  }

  get hasNewEntries(): boolean {
    return this.#inProgress <= this.lastIndex;
  }

  /** Term at `index` if this tail knows it. */
  term(index: number): number | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    if (this.#snapshot !== undefined && index === this.#snapshot.index) return this.#snapshot.term;
    return undefined;
  }

  /** Entries in `[lo, hi)`, which must be inside. */
  slice(lo: number, hi: number): Entry[] {
    assert(lo >= this.#offset, "slice starts in the unstable tail", { lo, offset: this.#offset });
    assert(hi <= this.lastIndex + 1, "slice ends in the unstable tail", { hi, last: this.lastIndex });
    return this.#entries.slice(lo - this.#offset, hi - this.#offset);
  }

  /** Appends one entry behind the last one: the proposer's way in. */
  push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "entries are contiguous");
    this.#entries.push(entry);
    this.#payloadBytes += entry.data.length;
  }

  /** Puts `entries` into the tail and drops everything from the first of them on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = (entries[0] as Entry).index;
    if (from <= this.#offset) {
      this.#offset = from;
      this.#entries = entries.slice();
      this.#payloadBytes = payloadSize(entries);
    } else {
      if (from <= this.lastIndex) {
        const kept = from - this.#offset;
        this.#payloadBytes -= payloadSize(this.#entries.slice(kept));
        this.#entries.length = kept;
      }
      for (let i = 0; i < entries.length; i++) this.#entries.push(entries[i] as Entry);
      this.#payloadBytes += payloadSize(entries);
    }
    this.#inProgress = Math.min(this.#inProgress, from);
  }

  /** Replaces everything with a snapshot received from the leader. */
  restore(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
    this.#entries = [];
    this.#payloadBytes = 0;
    this.#offset = snapshot.index + 1;
    this.#inProgress = this.#offset;
  }

  /** Hands out what has not been handed out, and remembers that it was. */
  takeEntries(): Entry[] {
    const from = this.#inProgress;
    this.#inProgress = this.lastIndex + 1;
    return from === this.#inProgress ? [] : this.slice(from, this.#inProgress);
  }

  /** Hands out the snapshot once. */
  takeSnapshot(): Snapshot | undefined {
    if (!this.hasNewSnapshot) return undefined;
    this.#snapshotInProgress = true;
    return this.#snapshot;
  }

  /** Everything up to `index` is durable and readable from the storage; the caller knows that no write in flight changes it. */
  stableTo(index: number): void {
    if (index < this.#offset) return;
    assert(index <= this.lastIndex, "what became stable is in the tail", { index, last: this.lastIndex });
    const count = index + 1 - this.#offset;
    for (let i = 0; i < count; i++) this.#payloadBytes -= (this.#entries[i] as Entry).data.length;
    this.#entries = count === this.#entries.length ? [] : this.#entries.slice(count);
    this.#offset = index + 1;
    this.#inProgress = Math.max(this.#inProgress, this.#offset);
  }

  /** The snapshot at `index` is durable; nothing happens if a newer one has arrived since. */
  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }
}
