import { compareBytes, copyBytes, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, RevisionRecord, ScanDone } from "../backend.ts";

/** The records of one main revision in order; most have one. */
type MainRecords = RevisionRecord[];

/** A scan that waits to be answered. */
interface Scan {
  readonly fromMain: number;
  readonly fromSub: number;
  readonly limit: number;
  readonly done: ScanDone;
}

/**
 * The reference `Backend`: everything in memory, nothing on disk. Scans are answered only when `runScans` is called, so that
 * a test decides what happens in between. `copy` is what a process would find that starts after a crash.
 */
export class MapBackend implements Backend {
  /** By main revision; in ascending order of it as long as `#isSorted`. */
  #revisions = new Map<number, MainRecords>();
  #sortedMains: number[] | undefined;
  readonly #buckets = new Map<Bucket, Map<string, BucketRecord>>();
  #scans: Scan[] = [];
  #failure: Error | undefined;
  #sizeBytes = 0;
  /** Number of `commit` calls. */
  commitCount = 0;

  getRevision(main: number, sub: number): Uint8Array | undefined {
    const records = this.#revisions.get(main);
    if (records === undefined) return undefined;
    for (const record of records) if (record.sub === sub && !record.tombstone) return record.value;
    return undefined;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    const record: RevisionRecord = { main, sub, tombstone, value };
    this.#sizeBytes += value.length;
    const records = this.#revisions.get(main);
    if (records === undefined) {
      this.#revisions.set(main, [record]);
      this.#noteNewMain(main);
      return;
    }
    const at = records.findIndex((other) => orderOf(other) >= orderOf(record));
    if (at < 0) records.push(record);
    else records.splice(at, orderOf(records[at] as RevisionRecord) === orderOf(record) ? 1 : 0, record);
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    const records = this.#revisions.get(main);
    const at = records?.findIndex((record) => record.sub === sub && record.tombstone === tombstone) ?? -1;
    if (records === undefined || at < 0) return;
    this.#sizeBytes -= records[at]?.value.length ?? 0;
    records.splice(at, 1);
    if (records.length > 0) return;
    this.#revisions.delete(main);
    this.#sortedMains = undefined;
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#buckets.get(bucket)?.get(latin1FromBytes(key))?.value;
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    let records = this.#buckets.get(bucket);
    if (records === undefined) {
      records = new Map();
      this.#buckets.set(bucket, records);
    }
    records.set(latin1FromBytes(key), { key, value });
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.#buckets.get(bucket)?.delete(latin1FromBytes(key));
  }

  list(bucket: Bucket): BucketRecord[] {
    const records = [...(this.#buckets.get(bucket)?.values() ?? [])];
    return records.sort((a, b) => compareBytes(a.key, b.key));
  }

  commit(): void {
    this.commitCount += 1;
  }

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    this.#scans.push({ fromMain, fromSub, limit, done });
  }

  /** Number of scans that wait. */
  get waitingScans(): number {
    return this.#scans.length;
  }

  /** Answers the scans that wait now, and with `all` those that come of it, too. */
  runScans(all = true): void {
    do {
      const scans = this.#scans;
      this.#scans = [];
      for (const scan of scans) this.#answer(scan);
    } while (all && this.#scans.length > 0);
  }

  /** From now on scans answer with this error. */
  failScans(error: Error): void {
    this.#failure = error;
  }

  /** A backend with the same content and no scans waiting. */
  copy(): MapBackend {
    const copy = new MapBackend();
    for (const records of this.#revisions.values()) {
      for (const { main, sub, tombstone, value } of records) copy.putRevision(main, sub, tombstone, copyBytes(value));
    }
    for (const [bucket, records] of this.#buckets) {
      for (const { key, value } of records.values()) copy.put(bucket, key, value);
    }
    return copy;
  }

  /** All records of the `key` bucket in order. */
  revisions(): RevisionRecord[] {
    return this.#from(0, 0, Number.POSITIVE_INFINITY);
  }

  sizeBytes(): number {
    return this.#sizeBytes;
  }

  sizeInUseBytes(): number {
    return this.#sizeBytes;
  }

  #answer(scan: Scan): void {
    if (this.#failure === undefined) scan.done(undefined, this.#from(scan.fromMain, scan.fromSub, scan.limit));
    else scan.done(this.#failure, []);
  }

  #from(fromMain: number, fromSub: number, limit: number): RevisionRecord[] {
    const mains = this.#mains();
    const found: RevisionRecord[] = [];
    for (let i = lowerBound(mains, fromMain); i < mains.length; i++) {
      const main = mains[i] as number;
      for (const record of this.#revisions.get(main) ?? []) {
        if (main === fromMain && record.sub < fromSub) continue;
        if (found.length >= limit) return found;
        found.push(record);
      }
    }
    return found;
  }

  #mains(): readonly number[] {
    this.#sortedMains ??= [...this.#revisions.keys()].sort((a, b) => a - b);
    return this.#sortedMains;
  }

  #noteNewMain(main: number): void {
    const mains = this.#sortedMains;
    if (mains === undefined) return;
    if (main > (mains[mains.length - 1] ?? -1)) mains.push(main);
    else this.#sortedMains = undefined;
  }
}

/** Ascending sub, a put before a tombstone. */
function orderOf(record: RevisionRecord): number {
  return record.sub * 2 + (record.tombstone ? 1 : 0);
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
