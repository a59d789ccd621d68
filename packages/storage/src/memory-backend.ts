import { compareBytes, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, RevisionRecord, ScanDone } from "@quorate/mvcc";
import { compareRecords, type RevisionOrder } from "./level/revision-order.ts";

/**
 * A store that is gone with the process: for embedding and for measuring what the disk costs. Records stay in the order in
 * which the store writes them, which is ascending; others are sorted in. Scans are answered on a later turn.
 */
export class MemoryBackend implements Backend {
  #records: RevisionRecord[] = [];
  readonly #buckets = new Map<Bucket, Map<string, BucketRecord>>();
  #bytes = 0;

  getRevision(main: number, sub: number): Uint8Array | undefined {
    const record = this.#records[this.#place({ main, sub, tombstone: false })];
    return record?.main === main && record.sub === sub && !record.tombstone ? record.value : undefined;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    const record: RevisionRecord = { main, sub, tombstone, value };
    const at = this.#place(record);
    const held = this.#records[at];
    this.#bytes += value.length;
    if (held === undefined) this.#records.push(record);
    else if (compareRecords(held, record) !== 0) this.#records.splice(at, 0, record);
    else {
      this.#bytes -= held.value.length;
      this.#records[at] = record;
    }
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    const revision = { main, sub, tombstone };
    const at = this.#place(revision);
    const held = this.#records[at];
    if (held === undefined || compareRecords(held, revision) !== 0) return;
    this.#bytes -= held.value.length;
    this.#records.splice(at, 1);
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
    return [...(this.#buckets.get(bucket)?.values() ?? [])].sort((a, b) => compareBytes(a.key, b.key));
  }

  /** Nothing to do: every write is visible at once and none is durable. */
  commit(): void {}

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    queueMicrotask(() => {
      const at = this.#place({ main: fromMain, sub: fromSub, tombstone: false });
      done(undefined, this.#records.slice(at, at + limit));
    });
  }

  sizeBytes(): number {
    return this.#bytes;
  }

  sizeInUseBytes(): number {
    return this.#bytes;
  }

  /** Place of the first record that is not before a revision. */
  #place(revision: RevisionOrder): number {
    const last = this.#records[this.#records.length - 1];
    if (last === undefined || compareRecords(last, revision) < 0) return this.#records.length;
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareRecords(this.#records[middle] as RevisionRecord, revision) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
