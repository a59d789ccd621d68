import { assert, EMPTY_BYTES } from "@quorate/base";

import { countWithin, type Entry } from "./entry.ts";
import type { InitialState, LogGap, LogStorage } from "./log-storage.ts";
import { type ConfState, EMPTY_CONF_STATE, EMPTY_HARD_STATE, type HardState, type Snapshot } from "./state.ts";

/**
 * The log in memory. In tests it is the whole storage; in production it is the part of the log that followers may still
 * ask for, above the newest compaction, while the host writes the same entries to its files.
 *
 * Entries given to it are shared and never copied.
 */
export class MemoryLogStorage implements LogStorage {
  #hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: Snapshot = { index: 0, term: 0, confState: EMPTY_CONF_STATE, data: EMPTY_BYTES };
  /** Position and term of the entry before the first one held. */
  #baseIndex = 0;
  #baseTerm = 0;
  #entries: Entry[] = [];
  #confState: ConfState | undefined;

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#confState ?? this.#snapshot.confState };
  }

  firstIndex(): number {
    return this.#baseIndex + 1;
  }

  lastIndex(): number {
    return this.#baseIndex + this.#entries.length;
  }

  term(index: number): number | LogGap {
    const offset = index - this.#baseIndex;
    if (offset < 0) return "compacted";
    if (offset === 0) return this.#baseTerm;
    return this.#entries[offset - 1]?.term ?? "unavailable";
  }

  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    assert(lo < hi, "an entry range is not empty", { lo, hi });
    if (lo <= this.#baseIndex) return "compacted";
    if (hi > this.lastIndex() + 1) return "unavailable";
    const range = this.#entries.slice(lo - this.#baseIndex - 1, hi - this.#baseIndex - 1);
    const fitting = countWithin(range, maxBytes);
    if (fitting < range.length) range.length = fitting;
    return range;
  }

  snapshot(): Snapshot | "unavailable" {
    return this.#snapshot;
  }

  /** Replaces the hard state. */
  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** The configuration to start with, for a host that keeps it beside its state machine; else it is the snapshot's. */
  setConfState(confState: ConfState): void {
    this.#confState = confState;
  }

  /**
   * Stores entries with contiguous indexes and drops every entry held at or behind the first of them. Entries that a
   * compaction already covers are skipped. A gap behind the last index is an invariant violation. PERF: O(entries).
   */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const position = first.index - this.#baseIndex - 1;
    assert(position <= this.#entries.length, "an append leaves no gap", { first: first.index, last: this.lastIndex() });
    const skipped = Math.max(0, -position);
    if (skipped >= entries.length) return;
    const held = this.#entries;
    if (position + skipped < held.length) held.length = position + skipped;
    for (let i = skipped; i < entries.length; i++) held.push(entries[i] as Entry);
  }

  /**
   * Forgets the entries up to and including `index`, whose term stays known. Outcome `compacted` if that had happened
   * already. `index` past the last entry is an invariant violation. PERF: O(entries kept).
   */
  compact(index: number): "done" | "compacted" {
    if (index <= this.#baseIndex) return "compacted";
    assert(index <= this.lastIndex(), "compaction stays inside the log", { index, last: this.lastIndex() });
    const count = index - this.#baseIndex;
    this.#baseTerm = (this.#entries[count - 1] as Entry).term;
    this.#entries = this.#entries.slice(count);
    this.#baseIndex = index;
    return "done";
  }

  /**
   * Remembers the state machine at `index`, which must be in the log; the log itself stays as it is. `confState` undefined
   * keeps the configuration of the snapshot before. Gap `compacted` if a snapshot as new exists.
   */
  createSnapshot(index: number, confState: ConfState | undefined, data: Uint8Array): Snapshot | LogGap {
    if (index <= this.#snapshot.index) return "compacted";
    const term = this.term(index);
    if (typeof term !== "number") return term;
    this.#snapshot = { index, term, confState: confState ?? this.#snapshot.confState, data };
    return this.#snapshot;
  }

  /** Replaces everything with a snapshot and an empty log behind it. Outcome `compacted` if ours is as new. */
  applySnapshot(snapshot: Snapshot): "done" | "compacted" {
    if (snapshot.index <= this.#snapshot.index) return "compacted";
    this.#snapshot = snapshot;
    this.#baseIndex = snapshot.index;
    this.#baseTerm = snapshot.term;
    this.#entries = [];
    return "done";
  }
}
