import { crc32c, utf8Bytes, utf8Text } from "@quorate/base";
import { type Backend, type Bucket, revisionBytes } from "@quorate/mvcc";

/** All buckets in the order of their names; `key` is the one that is read in pages. */
const BUCKETS: readonly (Bucket | "key")[] = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta",
];
/** Keys of the meta bucket that differ between members that agree. */
const IGNORED_META: ReadonlySet<string> = new Set(["consistent_index", "term", "storageVersion"]);
const PAGE_RECORDS = 1000;

/** Called once, later or at once. */
export type BackendHashDone = (error: Error | undefined, hash: number) => void;

/**
 * CRC-32C over everything in the backend, up to main revision `revision`: each bucket's name, then its keys and values. For
 * tests, as etcd's. gRPC API page, section 10.2.
 */
export function hashBackend(backend: Backend, revision: number, done: BackendHashDone): void {
  let crc = 0;
  const next = (index: number): void => {
    const bucket = BUCKETS[index];
    if (bucket === undefined) {
      done(undefined, crc);
      return;
    }
    crc = crc32c(crc, utf8Bytes(bucket));
    if (bucket !== "key") {
      for (const { key, value } of backend.list(bucket)) {
        if (bucket !== "meta" || !IGNORED_META.has(utf8Text(key))) crc = crc32c(crc32c(crc, key), value);
      }
      next(index + 1);
      return;
    }
    hashRevisions(backend, revision, crc, (error, hash) => {
      if (error !== undefined) done(error, 0);
      else {
        crc = hash;
        next(index + 1);
      }
    });
  };
  next(0);
}

function hashRevisions(backend: Backend, revision: number, seed: number, done: BackendHashDone): void {
  let crc = seed;
  const page = (fromMain: number, fromSub: number): void => {
    backend.scanRevisions(fromMain, fromSub, PAGE_RECORDS, (error, records) => {
      if (error !== undefined) {
        done(error, 0);
        return;
      }
      for (const record of records) {
        if (record.main > revision) {
          done(undefined, crc);
          return;
        }
        crc = crc32c(crc32c(crc, revisionBytes(record.main, record.sub, record.tombstone)), record.value);
      }
      const last = records[records.length - 1];
      if (last === undefined || records.length < PAGE_RECORDS) done(undefined, crc);
      else page(last.main, last.sub + 1);
    });
  };
  page(0, 0);
}
