import { compareBytes, latin1FromBytes, must } from "@quorate/base";
import type { Bucket, BucketRecord } from "@quorate/mvcc";

/** First byte of the engine's keys for records of small buckets; the second says which. */
const BUCKET_PREFIX = 0x62;
/** Where the records of small buckets lie in the engine: `[start, end)`. */
export const BUCKETS_START: Uint8Array = Uint8Array.of(BUCKET_PREFIX);
export const BUCKETS_END: Uint8Array = Uint8Array.of(BUCKET_PREFIX + 1);

/** The second byte of the key. Never renumber. */
const BUCKETS: readonly Bucket[] = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "lease",
  "members",
  "members_removed",
  "meta",
];

/** A change of a small bucket, by the engine's key in latin1; `value` undefined means deleted. */
export type BucketChanges = Map<string, { readonly key: Uint8Array; readonly value: Uint8Array | undefined }>;

/** The engine's key of a bucket's record. */
export function engineKey(bucket: Bucket, key: Uint8Array): Uint8Array {
  const whole = new Uint8Array(key.length + 2);
  whole[0] = BUCKET_PREFIX;
  whole[1] = BUCKETS.indexOf(bucket);
  whole.set(key, 2);
  return whole;
}

/** The small buckets in memory, and what has changed in them since the changes were taken last. */
export class SmallBuckets {
  readonly #buckets: ReadonlyMap<Bucket, Map<string, BucketRecord>> = new Map(
    BUCKETS.map((bucket) => [bucket, new Map<string, BucketRecord>()]),
  );
  #changes: BucketChanges = new Map();

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#of(bucket).get(latin1FromBytes(key))?.value;
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#of(bucket).set(latin1FromBytes(key), { key, value });
    this.#change(bucket, key, value);
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    if (this.#of(bucket).delete(latin1FromBytes(key))) this.#change(bucket, key, undefined);
  }

  list(bucket: Bucket): BucketRecord[] {
    return [...this.#of(bucket).values()].sort((a, b) => compareBytes(a.key, b.key));
  }

  /** The records of all buckets as they are now, each bucket in key order. The lists are the caller's. */
  lists(): Map<Bucket, BucketRecord[]> {
    return new Map(BUCKETS.map((bucket) => [bucket, this.list(bucket)]));
  }

  /** Takes in a record read from the engine; false if it is not one of a bucket. */
  load(key: Uint8Array, value: Uint8Array): boolean {
    const bucket = BUCKETS[key[1] ?? -1];
    if (key[0] !== BUCKET_PREFIX || bucket === undefined) return false;
    const name = key.subarray(2);
    this.#of(bucket).set(latin1FromBytes(name), { key: name, value });
    return true;
  }

  /** The newest state of each record changed since the last call. Given to the caller. */
  takeChanges(): BucketChanges {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  #of(bucket: Bucket): Map<string, BucketRecord> {
    return must(this.#buckets.get(bucket), "a bucket of the list");
  }

  #change(bucket: Bucket, key: Uint8Array, value: Uint8Array | undefined): void {
    const whole = engineKey(bucket, key);
    this.#changes.set(latin1FromBytes(whole), { key: whole, value });
  }
}
