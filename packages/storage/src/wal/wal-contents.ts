import type { ConfState, Entry, HardState } from "@quorate/raft";

/** A position of the log: an entry's index and its term. Index 0, term 0 is the beginning. */
export interface WalPosition {
  readonly index: number;
  readonly term: number;
}

/** A snapshot record: a position from which the log may be read. `confState` is absent at index 0 and in old logs. */
export interface WalSnapshotRecord extends WalPosition {
  readonly confState: ConfState | undefined;
}

/** Where a torn tail begins: the last segment, and the byte behind its last whole record. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
}

/** What reading a log from a position finds. */
export interface WalContents {
  /** The metadata record's bytes, opaque here. */
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  /** Entries behind the position, contiguous. Given to the caller. */
  readonly entries: Entry[];
  /** Every snapshot record met, oldest first. */
  readonly snapshots: readonly WalSnapshotRecord[];
  /** The last entry; the position read from if there is none. */
  readonly last: WalPosition;
  /** The last segment and the byte where its records end; for messages about a log that ends too early. */
  readonly end: TornTail;
  /** Set when the last write was cut off in the middle. Opening for append has removed it (and kept a copy aside). */
  readonly torn: TornTail | undefined;
}
