import type { Entry } from "./entry.ts";
import type { ConfState, HardState, Snapshot } from "./state.ts";

/**
 * Why a part of the log cannot be had: `compacted` - it precedes the first index, a snapshot covers it; `unavailable` - it
 * is past the last index, or (for a snapshot) not ready yet and worth asking again on a later step.
 */
export type LogGap = "compacted" | "unavailable";

/** What a restart begins with. */
export interface InitialState {
  readonly hardState: HardState;
  readonly confState: ConfState;
}

/**
 * The port through which the core reads what the host has stored; the host writes, in the order {@link Ready} states.
 *
 * All methods are synchronous and answer from memory or a page cache. `firstIndex() - 1` is the position the newest
 * compaction or snapshot covers: its term is still known, its entry is not. An empty log has `firstIndex() = lastIndex() + 1`.
 * What was appended is visible at once, whether it is durable yet or not: the core overlays what it knows to be newer.
 * Answers are shared and immutable. Every adapter passes `logStorageContract` of `@quorate/raft/testing`.
 * Source: etcd-io/raft storage.go `Storage`.
 */
export interface LogStorage {
  /** The hard state and configuration at the last stop. Asked once, at construction. */
  initialState(): InitialState;
  /**
   * Entries in `[lo, hi)`, at most `maxBytes` (as {@link entrySize} counts) but always at least one; `lo < hi`.
   * Gap `compacted` if `lo` precedes the first index; `unavailable` if `hi - 1` is past the last.
   */
  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogGap;
  /** Term of the entry at `index`, which may be anything from `firstIndex() - 1` to `lastIndex()`. */
  term(index: number): number | LogGap;
  /** Index of the first entry that can be had. */
  firstIndex(): number;
  /** Index of the last entry. */
  lastIndex(): number;
  /** The newest snapshot, index 0 if there never was one; `unavailable` while one is being made. */
  snapshot(): Snapshot | "unavailable";
}
