/**
 * The port through which the store reaches what is kept. The consumer owns it; `storage` has the durable adapter and
 * the in-memory one, and both pass the contract suite in `./testing`.
 */

/** The buckets of etcd's backend other than `key`. They are small: an adapter holds them in memory whole. */
export type Bucket =
  | "alarm"
  | "auth"
  | "authRoles"
  | "authUsers"
  | "cluster"
  | "lease"
  | "members"
  | "members_removed"
  | "meta";

/** One record of the `key` bucket: revision (main, sub), whether it is a tombstone, and the encoded KeyValue. */
export interface RevisionRecord {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
  /** The encoded `mvccpb.KeyValue`; of a tombstone only its key field. Shared: never changed by anybody. */
  readonly value: Uint8Array;
}

/** A key and its value in one of the small buckets. Shared. */
export interface BucketRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Answers a scan: the records found in order (fewer than asked for means the end was reached), or an error when the
 * engine failed or a record's checksum does not match; the error's message names the file or record.
 */
export type ScanDone = (error: Error | undefined, records: readonly RevisionRecord[]) => void;

/**
 * Reads are synchronous and see every write made before them, committed or not. Writes collect into one open batch;
 * `commit` closes it. Batches reach the disk atomically, in order, and later: the raft log is what makes them durable.
 */
export interface Backend {
  /**
   * The encoded KeyValue stored at (main, sub), or undefined. Never a tombstone. Shared.
   * Throws when the record is damaged (checksum) or the engine fails: the process must then stop serving from it.
   */
  getRevision(main: number, sub: number): Uint8Array | undefined;
  /** `value` is shared from now on: the caller never changes it again. */
  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void;
  deleteRevision(main: number, sub: number, tombstone: boolean): void;

  /** A value of a small bucket, or undefined. Shared. */
  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined;
  /** Key and value are shared from now on. */
  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void;
  delete(bucket: Bucket, key: Uint8Array): void;
  /** Every record of a small bucket in key order. PERF: O(bucket). */
  list(bucket: Bucket): BucketRecord[];

  /** Closes the open batch: what it holds becomes one atomic write. A no-op when nothing was written. */
  commit(): void;

  /**
   * Records of the `key` bucket from (fromMain, fromSub) on, in ascending (main, sub) order with a put before a tombstone,
   * at most `limit`. `done` is called later, never from inside this call.
   */
  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void;

  /** Bytes the backend takes on disk, and those of them that hold live records. Estimates, refreshed now and then. */
  sizeBytes(): number;
  sizeInUseBytes(): number;
}
