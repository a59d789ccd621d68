import { crc32c } from "@quorate/base";
import type { Backend, Bucket } from "./backend.ts";
import { revisionBytes } from "./revision-bytes.ts";

/** Every bucket but `key` in name order, split where `key` belongs. */
const BUCKETS_BEFORE: readonly Bucket[] = ["alarm", "auth", "authRoles", "authUsers", "cluster"];
const BUCKETS_AFTER: readonly Bucket[] = ["lease", "members", "members_removed", "meta"];

/** Keys of bucket `meta` that may differ between members with equal content. */
const IGNORED_META_KEYS: readonly string[] = ["consistent_index", "storageVersion", "term"];

const PAGE_RECORDS = 256;

/**
 * etcd's `Hash`, a test aid: CRC-32C over the whole backend, every bucket in name order, its name first, then keys and values.
 * `done` is called once, later, with an error where the backend failed. What is written meanwhile may or may not count.
 * Source: grpc-api.md 10.2.
 */
export function hashBackend(backend: Backend, done: (error: Error | undefined, hash: number) => void): void {
  let crc = 0;
  for (const bucket of BUCKETS_BEFORE) crc = addBucket(crc, backend, bucket);
  crc = crc32c(crc, asciiBytes("key"));
  const readFrom = (main: number, sub: number): void => {
    backend.scanRevisions(main, sub, PAGE_RECORDS, (error, records) => {
      if (error !== undefined) {
        done(error, 0);
        return;
      }
      for (const record of records) {
        crc = crc32c(crc, revisionBytes(record.main, record.sub, record.tombstone));
        crc = crc32c(crc, record.value);
      }
      const last = records[records.length - 1];
      if (last !== undefined && records.length === PAGE_RECORDS) {
        readFrom(last.main, last.sub + 1);
        return;
      }
      for (const bucket of BUCKETS_AFTER) crc = addBucket(crc, backend, bucket);
      done(undefined, crc);
    });
  };
  readFrom(0, 0);
}

function addBucket(crc: number, backend: Backend, bucket: Bucket): number {
  let sum = crc32c(crc, asciiBytes(bucket));
  for (const { key, value } of backend.list(bucket)) {
    if (bucket === "meta" && IGNORED_META_KEYS.includes(String.fromCharCode(...key))) continue;
    sum = crc32c(crc32c(sum, key), value);
  }
  return sum;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
