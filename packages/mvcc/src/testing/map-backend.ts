import { compareBytes, copyBytes, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, RevisionRecord, ScanDone } from "../backend.ts";

/** Main revisions in one page: a map with an entry for each would spend its time growing. */
const PAGE_MAINS = 256;

/** The records of 256 main revisions in a row, for each of them in order; most have one. */
class Page {
  readonly byMain: (RevisionRecord[] | undefined)[] = Array.from<undefined>({ length: PAGE_MAINS });
  recordCount = 0;
}

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
  readonly #pages = new Map<number, Page>();
  /** The page numbers in ascending order; undefined while out of date. */
  #pageOrder: readonly number[] | undefined;
  readonly #buckets = new Map<Bucket, Map<string, BucketRecord>>();
  #scans: Scan[] = [];
  #failure: Error | undefined;
  #sizeBytes = 0;
  /** Number of `commit` calls. */
  commitCount = 0;

  getRevision(main: number, sub: number): Uint8Array | undefined {
    const records = this.#pages.get(Math.floor(main / PAGE_MAINS))?.byMain[main % PAGE_MAINS];
    if (records === undefined) return undefined;
    for (const record of records) if (record.sub === sub && !record.tombstone) return record.value;
    return undefined;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    const record: RevisionRecord = { main, sub, tombstone, value };
    const page = this.#pageFor(main);
    this.#sizeBytes += value.length;
    page.recordCount += 1;
    const records = page.byMain[main % PAGE_MAINS];
    if (records === undefined) {
      page.byMain[main % PAGE_MAINS] = [record];
      return;
    }
    const at = records.findIndex((other) => orderOf(other) >= orderOf(record));
    if (at < 0) records.push(record);
    else if (orderOf(records[at] as RevisionRecord) !== orderOf(record)) records.splice(at, 0, record);
    else {
      records[at] = record;
      page.recordCount -= 1;
    }
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    const pageNumber = Math.floor(main / PAGE_MAINS);
    const page = this.#pages.get(pageNumber);
    const records = page?.byMain[main % PAGE_MAINS];
    const at = records?.findIndex((record) => record.sub === sub && record.tombstone === tombstone) ?? -1;
    if (page === undefined || records === undefined || at < 0) return;
    this.#sizeBytes -= records[at]?.value.length ?? 0;
    records.splice(at, 1);
    if (records.length === 0) page.byMain[main % PAGE_MAINS] = undefined;
    page.recordCount -= 1;
    if (page.recordCount > 0) return;
    this.#pages.delete(pageNumber);
    this.#pageOrder = undefined;
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
    for (const { main, sub, tombstone, value } of this.revisions()) {
      copy.putRevision(main, sub, tombstone, copyBytes(value));
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
    this.#pageOrder ??= [...this.#pages.keys()].sort((a, b) => a - b);
    const found: RevisionRecord[] = [];
    const firstPage = Math.floor(fromMain / PAGE_MAINS);
    for (let i = lowerBound(this.#pageOrder, firstPage); i < this.#pageOrder.length; i++) {
      for (const records of this.#pages.get(this.#pageOrder[i] as number)?.byMain ?? []) {
        for (const record of records ?? []) {
          if (record.main < fromMain || (record.main === fromMain && record.sub < fromSub)) continue;
          if (found.length >= limit) return found;
          found.push(record);
        }
      }
    }
    return found;
  }

  #pageFor(main: number): Page {
    const pageNumber = Math.floor(main / PAGE_MAINS);
    let page = this.#pages.get(pageNumber);
    if (page === undefined) {
      page = new Page();
      this.#pages.set(pageNumber, page);
      this.#pageOrder = undefined;
    }
    return page;
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
