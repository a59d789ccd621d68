import { assert, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, RevisionRecord, ScanDone } from "@quorate/mvcc";

/** Where a {@link StateBackend} has its records from. */
export interface StateRecords {
  /** All records of the small buckets. */
  readonly small: ReadonlyMap<Bucket, readonly BucketRecord[]>;
  /** Revisions from (main, sub) on, in order and in lists. What is damaged is thrown. */
  revisions(main: number, sub: number): AsyncIterable<readonly RevisionRecord[]>;
  readonly sizeBytes: number;
}

/**
 * The files of a stopped member as a store reads them, for offline commands. Nothing is ever written to them: what is put into the
 * small buckets stays in memory, and revisions can be neither put, deleted nor read one by one.
 */
export class StateBackend implements Backend {
  readonly #records: StateRecords;
  readonly #buckets = new Map<Bucket, Map<string, BucketRecord>>();

  constructor(records: StateRecords) {
    this.#records = records;
    for (const [bucket, list] of records.small) for (const { key, value } of list) this.put(bucket, key, value);
  }

  getRevision(): undefined {
    assert(false, "revisions of a stopped member are only scanned");
  }

  putRevision(): void {
    assert(false, "a stopped member's files are only read");
  }

  deleteRevision(): void {
    assert(false, "a stopped member's files are only read");
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#buckets.get(bucket)?.get(latin1FromBytes(key))?.value;
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    const records = this.#buckets.get(bucket) ?? new Map<string, BucketRecord>();
    records.set(latin1FromBytes(key), { key, value });
    this.#buckets.set(bucket, records);
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.#buckets.get(bucket)?.delete(latin1FromBytes(key));
  }

  list(bucket: Bucket): BucketRecord[] {
    return [...(this.#buckets.get(bucket) ?? new Map<string, BucketRecord>())]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, record]) => record);
  }

  /** Nothing to do. */
  commit(): void {}

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    // What `done` throws is the caller's failure, not the scan's.
    this.#scan(fromMain, fromSub, limit).then(
      (records) => setImmediate(done, undefined, records),
      (error: unknown) => setImmediate(done, error instanceof Error ? error : new Error(String(error)), []),
    );
  }

  sizeBytes(): number {
    return this.#records.sizeBytes;
  }

  sizeInUseBytes(): number {
    return this.#records.sizeBytes;
  }

  async #scan(fromMain: number, fromSub: number, limit: number): Promise<RevisionRecord[]> {
    const found: RevisionRecord[] = [];
    for await (const records of this.#records.revisions(fromMain, fromSub)) {
      for (const record of records) {
        found.push(record);
        if (found.length === limit) return found;
      }
    }
    return found;
  }
}
