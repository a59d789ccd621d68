import { assert } from "@quorate/base";

import { countWithin, type Entry, entriesSize, entrySize, NO_LIMIT } from "./entry.ts";
import type { LogGap, LogStorage } from "./log-storage.ts";
import { PendingWrites } from "./pending-writes.ts";
import type { Snapshot } from "./state.ts";
import { UnstableLog } from "./unstable-log.ts";

/** A position of the log and the term there. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** Committed entries that were handed out together and have not been reported applied. */
interface Applying {
  readonly lastIndex: number;
  readonly bytes: number;
  readonly payloadBytes: number;
}

const NO_ENTRIES: readonly Entry[] = [];

/**
 * The log: what the storage holds, overlaid by the tail that is not durable yet, and how far it is committed and applied.
 * Invariant: `applied <= applying <= committed <= lastIndex`. Source: paper §5.3, etcd-io/raft log.go.
 */
export class RaftLog {
  readonly #storage: LogStorage;
  readonly #unstable: UnstableLog;
  readonly writes: PendingWrites = new PendingWrites();
  readonly #applyBytesMax: number;
  readonly #outstanding: Applying[] = [];
  #outstandingBytes = 0;
  /** The next committed entry has no room beside what is outstanding. */
  #applyPaused = false;
  #committed: number;
  #applying: number;
  #applied: number;

  constructor(storage: LogStorage, applyBytesMax: number) {
    this.#storage = storage;
    this.#applyBytesMax = applyBytesMax;
    this.#unstable = new UnstableLog(storage.lastIndex() + 1);
    this.#committed = storage.firstIndex() - 1;
    this.#applying = this.#committed;
    this.#applied = this.#committed;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Highest index handed out to be applied. */
  get applying(): number {
    return this.#applying;
  }

  get applied(): number {
    return this.#applied;
  }

  get firstIndex(): number {
    const snapshot = this.#unstable.snapshot;
    return snapshot === undefined ? this.#storage.firstIndex() : snapshot.index + 1;
  }

  get lastIndex(): number {
    return this.#unstable.lastIndex;
  }

  get lastTerm(): number {
    const term = this.term(this.lastIndex);
    assert(typeof term === "number", "the term of the last entry is known");
    return term;
  }

  /** Highest index that is durable here. */
  get stableIndex(): number {
    return this.#unstable.snapshot === undefined ? this.#unstable.offset - 1 : 0;
  }

  /** Payload of the entries that are not durable here, in bytes. */
  get unstableBytes(): number {
    return this.#unstable.payloadBytes;
  }

  /** Whether a snapshot has been received and is not durable, or not applied, yet. */
  get restoring(): boolean {
    return this.#unstable.snapshot !== undefined;
  }

  get hasUnwritten(): boolean {
    return this.#unstable.hasNewEntries || this.#unstable.hasNewSnapshot;
  }

  get hasCommittedToApply(): boolean {
    return Math.min(this.#committed, this.stableIndex) > this.#applying && !this.restoring && !this.#applyPaused;
  }

  /** Term at `index`, known from one before the first entry to the last. */
  term(index: number): number | LogGap {
    const unstable = this.#unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index > this.lastIndex) return "unavailable";
    if (index + 1 < this.firstIndex) return "compacted";
    return this.#storage.term(index);
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Entries from `lo` on, at most `maxBytes` but at least one if there is any. */
  entriesFrom(lo: number, maxBytes: number): readonly Entry[] | LogGap {
    return lo > this.lastIndex ? NO_ENTRIES : this.slice(lo, this.lastIndex + 1, maxBytes);
  }

  /** Entries in `[lo, hi)`, at most `maxBytes` but at least one; `lo < hi <= lastIndex + 1`. */
  slice(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    assert(lo < hi, "a slice of the log is not empty", { lo, hi });
    assert(hi <= this.lastIndex + 1, "a slice ends in the log", { hi, last: this.lastIndex });
    if (lo < this.firstIndex) return "compacted";
    const offset = this.#unstable.offset;
    if (lo >= offset) return limited(this.#unstable.slice(lo, hi), maxBytes);
    const storedEnd = Math.min(hi, offset);
    const stored = this.#storage.entries(lo, storedEnd, maxBytes);
    if (stored === "compacted") return stored;
    assert(stored !== "unavailable", "what is below the unstable tail is in the storage", { lo, storedEnd });
    if (hi <= offset || stored.length < storedEnd - lo) return stored;
    const room = maxBytes === NO_LIMIT ? NO_LIMIT : maxBytes - entriesSize(stored);
    if (room <= 0) return stored;
    const tail = this.#unstable.slice(offset, hi);
    const fitting = countWithin(tail, room);
    if (fitting === 1 && entriesSize(tail.slice(0, 1)) > room) return stored;
    tail.length = fitting;
    return stored.concat(tail);
  }

  /** Appends one entry of this leader's own. */
  push(entry: Entry): void {
    this.#unstable.push(entry);
  }

  /**
   * A follower's append behind `previous`: undefined if our log does not match there. Otherwise takes over what is new or
   * different, and returns the index of the last of `entries`. Source: paper §5.3.
   */
  append(previous: LogPosition, entries: readonly Entry[]): number | undefined {
    if (!this.matches(previous.index, previous.term)) return undefined;
    const lastNew = previous.index + entries.length;
    let known = 0;
    // Entries that are there already stay: an old message must not cut off what a newer one has brought.
    while (known < entries.length && this.#holds(entries[known] as Entry)) known++;
    if (known < entries.length) {
      const from = previous.index + 1 + known;
      assert(from > this.#committed, "no committed entry is replaced", { from, committed: this.#committed });
      if (from < this.#unstable.inProgress) this.writes.overwrittenFrom(from);
      this.#unstable.truncateAndAppend(known === 0 ? entries : entries.slice(known));
    }
    return lastNew;
  }

  #holds(entry: Entry): boolean {
    return entry.index <= this.lastIndex && this.term(entry.index) === entry.term;
  }

  /** Everything up to `index` is committed. */
  commitTo(index: number): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex, "commit stays inside the log: was it truncated or lost?", {
      commit: index,
      last: this.lastIndex,
    });
    this.#committed = index;
  }

  /** The state machine starts at `index`: nothing up to it is handed out. Only at the start. */
  startAt(index: number): void {
    assert(index >= this.#applied, "applied is not behind the log's first entry", { index, applied: this.#applied });
    assert(index <= this.#committed, "applied does not exceed commit", { index, committed: this.#committed });
    this.#applied = index;
    this.#applying = index;
  }

  /** Replaces everything by a snapshot. */
  restore(snapshot: Snapshot): void {
    assert(snapshot.index > this.#committed, "a snapshot replaces only what is behind it");
    this.writes.overwrittenFrom(snapshot.index + 1);
    this.#unstable.restore(snapshot);
    this.#committed = snapshot.index;
  }

  /** Hands out the entries to write. */
  takeEntries(): readonly Entry[] {
    return this.#unstable.takeEntries();
  }

  /** Hands out the snapshot to write. */
  takeSnapshot(): Snapshot | undefined {
    return this.#unstable.takeSnapshot();
  }

  /** The host has written everything up to Ready number `ready`. False if nothing was waiting for that. */
  settle(ready: number): boolean {
    const settled = this.writes.settle(ready);
    if (settled === undefined) return false;
    this.#unstable.stableTo(settled.lastIndex);
    if (settled.snapshotIndex > 0) {
      this.#unstable.stableSnapshotTo(settled.snapshotIndex);
      this.#applying = Math.max(this.#applying, settled.snapshotIndex);
      this.#advanceApplied(Math.max(this.#applied, settled.snapshotIndex));
    }
    return true;
  }

  /** Hands out the next committed entries, within the limit of what may be outstanding. */
  takeCommitted(): readonly Entry[] {
    if (!this.hasCommittedToApply) return NO_ENTRIES;
    const end = Math.min(this.#committed, this.stableIndex) + 1;
    const entries = this.slice(this.#applying + 1, end, this.#applyBytesMax - this.#outstandingBytes);
    assert(typeof entries !== "string", "the host compacts only what it has applied", { from: this.#applying + 1 });
    let bytes = 0;
    let payloadBytes = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      bytes += entrySize(entry);
      payloadBytes += entry.data.length;
    }
    this.#applying += entries.length;
    this.#outstanding.push({ lastIndex: this.#applying, bytes, payloadBytes });
    this.#outstandingBytes += bytes;
    this.#applyPaused = this.#outstandingBytes >= this.#applyBytesMax || this.#applying + 1 < end;
    return entries;
  }

  /** The host has applied everything up to `index`. Returns the payload bytes of the batches that are through with it. */
  appliedTo(index: number): number {
    if (index <= this.#applied) return 0;
    assert(index <= this.#applying, "only what was handed out is applied", { index, applying: this.#applying });
    return this.#advanceApplied(index);
  }

  #advanceApplied(index: number): number {
    this.#applied = index;
    let payloadBytes = 0;
    let done = 0;
    for (const batch of this.#outstanding) {
      if (batch.lastIndex > index) break;
      done++;
      this.#outstandingBytes -= batch.bytes;
      payloadBytes += batch.payloadBytes;
    }
    if (done > 0) {
      this.#outstanding.splice(0, done);
      this.#applyPaused = this.#outstanding.length > 0 && this.#outstandingBytes >= this.#applyBytesMax;
    }
    return payloadBytes;
  }

  /**
   * The highest position at or before `index` whose term is at most `term`: where a log with that term at `index` can match
   * ours at the latest. Term 0 where ours is not known any more. PERF: one term lookup per entry stepped over.
   */
  conflictByTerm(index: number, term: number): LogPosition {
    for (let at = index; at > 0; at--) {
      const ours = this.term(at);
      if (typeof ours !== "number") return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  /** Whether a log that ends at `last` has everything that could be committed here. Source: paper §5.4.1. */
  isUpToDate(last: LogPosition): boolean {
    const ownTerm = this.lastTerm;
    return last.term > ownTerm || (last.term === ownTerm && last.index >= this.lastIndex);
  }

  /** Whether any committed entry that is not applied yet is accepted by `test`. Reads in pages of `pageBytes`. */
  someUnapplied(test: (entry: Entry) => boolean, pageBytes: number): boolean {
    let lo = this.#applied + 1;
    while (lo <= this.#committed) {
      const page = this.slice(lo, this.#committed + 1, pageBytes);
      // Only a snapshot on its way has no entries here, and it brings its own configuration.
      if (typeof page === "string") return false;
      if (page.some(test)) return true;
      lo += page.length;
    }
    return false;
  }

  /** The newest snapshot, for a peer that is too far behind. */
  snapshot(): Snapshot | "unavailable" {
    return this.#unstable.snapshot ?? this.#storage.snapshot();
  }
}

function limited(entries: Entry[], maxBytes: number): readonly Entry[] {
  const fitting = countWithin(entries, maxBytes);
  if (fitting < entries.length) entries.length = fitting;
  return entries;
}
