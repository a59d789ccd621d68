import { type Backend, type Bucket, type BucketRecord, type RevisionRecord, revisionBytes } from "@quorate/mvcc";
import type { BboltRecord } from "../bbolt/bbolt-format.ts";
import type { BboltBucket, BboltReader } from "../bbolt/bbolt-reader.ts";
import { ETCD_BUCKETS, isCompaction, isRevision, revisionRecord } from "../snapshot/etcd-records.ts";
import { KeyValueCheck } from "../snapshot/key-value-check.ts";
import { StorageError } from "../storage-error.ts";
import { StateBackend } from "./state-backend.ts";

/**
 * A database file of etcd as a store reads it, see {@link StateBackend}. The reader, of the file `path`, is closed by whoever opened
 * it. Throws StorageError `damaged`.
 */
export function bboltBackend(reader: BboltReader, path: string): Backend {
  const buckets = new Map(reader.buckets().map((bucket) => [bucket.name, bucket]));
  const small = new Map<Bucket, readonly BucketRecord[]>();
  for (const name of ETCD_BUCKETS) {
    const bucket = buckets.get(name);
    if (name !== "key" && bucket !== undefined) small.set(name, [...smallRecords(reader, bucket, path)]);
  }
  const keys = buckets.get("key");
  return new StateBackend({
    small,
    sizeBytes: reader.sizeBytes,
    async *revisions(main, sub) {
      if (keys !== undefined) yield* keyRecords(reader, keys, revisionBytes(main, sub), path);
    },
  });
}

function* smallRecords(reader: BboltReader, bucket: BboltBucket, path: string): Generator<BucketRecord> {
  for (const records of reader.records(bucket)) {
    for (const record of records) {
      const isWrong = bucket.name === "meta" && isCompaction(record.key) && !isRevision(record.value);
      if (isWrong) throw malformed(record, bucket.name, path);
      yield record;
    }
  }
}

function* keyRecords(
  reader: BboltReader,
  bucket: BboltBucket,
  from: Uint8Array,
  path: string,
): Generator<readonly RevisionRecord[]> {
  const check = new KeyValueCheck();
  for (const records of reader.records(bucket, from)) {
    yield records.map((record) => {
      const revision = revisionRecord(record);
      if (revision === undefined || !check.holds(record.value)) throw malformed(record, bucket.name, path);
      return revision;
    });
  }
}

function malformed({ key }: BboltRecord, bucket: string, file: string): StorageError {
  return new StorageError("damaged", `malformed record ${Buffer.from(key).toString("hex")} of bucket ${bucket}`, {
    file,
    remedy: "use another copy of it",
  });
}
