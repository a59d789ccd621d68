/** What a write tells about itself, to whoever turns writes into events. */

/** One change of one key. All byte arrays are shared. */
export interface Change {
  /** The key's bytes as a latin1 string. */
  readonly key: string;
  /** Whether the key was deleted. */
  readonly tombstone: boolean;
  /** Whether this put began a life of the key (create revision = mod revision): an event has no previous value then. */
  readonly isCreation: boolean;
  /** What an event carries: the stored `mvccpb.KeyValue`; of a deletion one with only key and mod revision. */
  readonly kv: Uint8Array;
  /** 0 for a deletion. */
  readonly createRevision: number;
  readonly modRevision: number;
  /** Position of this change among those of its revision, from 0. */
  readonly subRevision: number;
  /**
   * Where the value is stored that the key had at `modRevision - 1`, for `Backend.getRevision`, which may find it
   * compacted by then. Both 0 when there was none.
   */
  readonly previousMain: number;
  readonly previousSub: number;
}

/** All changes of one main revision, ascending by sub revision. Never empty. Shared. */
export interface RevisionChanges {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** Called at the end of each write that changed something: once per main revision, after index and backend have it. */
export type WriteHook = (revision: number, changes: readonly Change[]) => void;

/**
 * Answers a read of history: whole revisions, ascending, complete for every revision of [from, `through`] that is not
 * below the compacted one at the time of the answer.
 */
export type HistoryDone = (revisions: readonly RevisionChanges[], through: number) => void;

/** A change as the store makes it: one per changed key while somebody listens, so its shape is fixed here. */
export class KeyChange implements Change {
  readonly key: string;
  readonly tombstone: boolean;
  readonly isCreation: boolean;
  readonly kv: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly subRevision: number;
  previousMain = 0;
  previousSub = 0;

  constructor(key: string, tombstone: boolean, kv: Uint8Array, createRevision: number, main: number, sub: number) {
    this.key = key;
    this.tombstone = tombstone;
    this.isCreation = createRevision === main;
    this.kv = kv;
    this.createRevision = createRevision;
    this.modRevision = main;
    this.subRevision = sub;
  }
}
