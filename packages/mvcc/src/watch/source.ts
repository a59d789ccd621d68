import type { HistoryDone } from "../change.ts";

/**
 * The store as watchers see it. The hub owns this port; the store satisfies it by its shape. Revisions are main
 * revisions; they grow by one with every write that changes something.
 */
export interface WatchSource {
  /** The revision of the last write. */
  readonly revision: number;
  /** History below this revision is gone; history from it on is whole. */
  readonly compactedRevision: number;
  /**
   * Reads the changes of the revisions in [from, to], both inclusive, and calls `done` once, at once or later. It may
   * stop early at a whole revision to bound memory, but always gets at least to `from`. An engine that fails never
   * calls `done`: the process is about to stop then.
   */
  history(from: number, to: number, done: HistoryDone): void;
  /**
   * The encoded `mvccpb.KeyValue` that `key` had directly before the write of `revision`; undefined when it had none
   * or when that value is compacted. Shared.
   */
  valueBefore(key: string, revision: number): Uint8Array | undefined;
}
