import { assert, EMPTY_BYTES } from "@quorate/base";

import { countWithin, type Entry, entriesSize, NO_LIMIT } from "./entry.ts";
import type { InitialState, LogGap, LogStorage } from "./log-storage.ts";
import { PackedEntries, type PackedEntriesConfig } from "./packed-entries.ts";
import { type ConfState, EMPTY_CONF_STATE, EMPTY_HARD_STATE, type HardState, type Snapshot } from "./state.ts";

/**
 * The log in memory. In tests it is the whole storage; in production it is the part of the log that followers may still
 * ask for, above the newest compaction, while the host writes the same entries to its files.
 *
 * Entries given to it are shared, and copied only when they are packed: a host that has to keep many for a slow follower says up
 * to where.
 */
export class MemoryLogStorage implements LogStorage {
  #hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: Snapshot = { index: 0, term: 0, confState: EMPTY_CONF_STATE, data: EMPTY_BYTES };
  /** Position and term of the entry before the first one in `#entries`. */
  #baseIndex = 0;
  #baseTerm = 0;
  #entries: Entry[] = [];
  /** What comes before; empty, or it ends at the base. */
  readonly #packed: PackedEntries;
  /** Term of the entry before the first one packed. */
  #packedBaseTerm = 0;
  #confState: ConfState | undefined;

  /** `config`: where what is packed and old goes, so that it need not be in memory. */
  constructor(config: PackedEntriesConfig = {}) {
    this.#packed = new PackedEntries(config);
  }

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#confState ?? this.#snapshot.confState };
  }

  firstIndex(): number {
    return this.#packed.isEmpty ? this.#baseIndex + 1 : this.#packed.firstIndex;
  }

  lastIndex(): number {
    return this.#baseIndex + this.#entries.length;
  }

  term(index: number): number | LogGap {
    const offset = index - this.#baseIndex;
    if (offset < 0) return this.#packedTerm(index);
    if (offset === 0) return this.#baseTerm;
    return this.#entries[offset - 1]?.term ?? "unavailable";
  }

  #packedTerm(index: number): number | LogGap {
    const packed = this.#packed;
    if (packed.isEmpty || index < packed.firstIndex - 1) return "compacted";
    return index === packed.firstIndex - 1 ? this.#packedBaseTerm : packed.term(index);
  }

  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap {
    assert(lo < hi, "an entry range is not empty", { lo, hi });
    if (lo < this.firstIndex()) return "compacted";
    if (hi > this.lastIndex() + 1) return "unavailable";
    if (lo > this.#baseIndex) return this.#held(lo, hi, maxBytes);
    const old = this.#packed.entries(lo, hi, maxBytes);
    const next = lo + old.length;
    const room = maxBytes === NO_LIMIT ? NO_LIMIT : maxBytes - entriesSize(old);
    if (next <= this.#baseIndex || next === hi || room <= 0) return old;
    const rest = this.#held(next, hi, room);
    return entriesSize(rest) > room ? old : old.concat(rest);
  }

  #held(lo: number, hi: number, maxBytes: number): Entry[] {
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
   * Stores entries with contiguous indexes and drops every entry held at or behind the first of them. Entries that are compacted or
   * packed already are skipped. A gap behind the last index is an invariant violation. PERF: O(entries).
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
    if (index < this.firstIndex()) return "compacted";
    assert(index <= this.lastIndex(), "compaction stays inside the log", { index, last: this.lastIndex() });
    this.#packedBaseTerm = this.term(index) as number;
    this.#packed.dropThrough(index);
    if (index > this.#baseIndex) this.#takeThrough(index);
    return "done";
  }

  /**
   * Packs the entries up to `index`, which are final: applied, never to be replaced. They take less memory then and more time to
   * read. PERF: O(entries kept) and a copy of their data.
   */
  pack(index: number): void {
    if (index <= this.#baseIndex) return;
    assert(index <= this.lastIndex(), "what is packed is in the log", { index, last: this.lastIndex() });
    if (this.#packed.isEmpty) this.#packedBaseTerm = this.#baseTerm;
    this.#packed.push(this.#takeThrough(index));
  }

  /** Takes the entries up to `index`, of which there is one at least, out of the list. */
  #takeThrough(index: number): readonly Entry[] {
    const taken = this.#entries.slice(0, index - this.#baseIndex);
    this.#entries = this.#entries.slice(taken.length);
    this.#baseTerm = (taken[taken.length - 1] as Entry).term;
    this.#baseIndex = index;
    return taken;
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
    this.#packed.dropThrough(snapshot.index);
    assert(this.#packed.isEmpty, "nothing packed is newer than a snapshot that replaces it");
    return "done";
  }
}
