import { crc32c, type FileSystem, latin1FromBytes, utf8Bytes, utf8Text } from "@quorate/base";
import { KeyValuePeek } from "@quorate/protocol";
import { type BboltBucket, BboltReader } from "../bbolt/bbolt-reader.ts";
import { MetaKey, revisionRecord } from "../snapshot/etcd-records.ts";
import { StorageError } from "../storage-error.ts";

/** What `etcdutl snapshot status` tells of a database of etcd. */
export interface SnapshotStatus {
  /** CRC-32C over each bucket's name, keys and values. */
  readonly hash: number;
  /** Main revision of the last record; 0 if there is none. */
  readonly revision: number;
  /** Number of keys that are live at that revision. */
  readonly totalKey: number;
  /** Bytes of the database, without a digest behind it. */
  readonly totalSize: number;
  /** The storage version; empty before etcd 3.6. */
  readonly version: string;
}

export interface SnapshotStatusOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number, total: number) => void;
}

/** Bytes of records after which others get a turn. */
const SLICE_BYTES = 1024 * 1024;

/**
 * Reads a snapshot file, or a copy of a database, from end to end: every page is checked. A digest behind it is not looked at, see
 * `snapshotDigest`. Rejects with StorageError `missing`, `foreign` or `damaged`, or with the signal's reason. Memory: the live keys.
 * Source: etcdutl snapshot/v3_snapshot.go; file formats page, section 3.1.
 */
export async function snapshotStatus(
  fs: FileSystem,
  path: string,
  options: SnapshotStatusOptions = {},
): Promise<SnapshotStatus> {
  const reader = BboltReader.open(fs, path);
  try {
    return await new StatusRun(reader, path, options).run();
  } finally {
    reader.close();
  }
}

/** One pass over a file. */
class StatusRun {
  readonly #reader: BboltReader;
  readonly #path: string;
  readonly #options: SnapshotStatusOptions;
  readonly #peek = new KeyValuePeek();
  readonly #live = new Set<string>();
  #crc = 0;
  #revision = 0;
  #bytes = 0;
  #reportedBytes = 0;

  constructor(reader: BboltReader, path: string, options: SnapshotStatusOptions) {
    this.#reader = reader;
    this.#path = path;
    this.#options = options;
  }

  async run(): Promise<SnapshotStatus> {
    const buckets = this.#reader.buckets();
    for (const bucket of buckets) await this.#addBucket(bucket);
    const meta = buckets.find(({ name }) => name === "meta");
    if (meta === undefined) {
      throw new StorageError("foreign", "a bbolt database without etcd's buckets", {
        file: this.#path,
        remedy: "give a snapshot or a database of etcd",
      });
    }
    const version = this.#reader.get(meta, MetaKey.StorageVersion);
    return {
      hash: this.#crc,
      revision: this.#revision,
      totalKey: this.#live.size,
      totalSize: this.#reader.sizeBytes,
      version: version === undefined ? "" : utf8Text(version),
    };
  }

  async #addBucket(bucket: BboltBucket): Promise<void> {
    this.#crc = crc32c(this.#crc, utf8Bytes(bucket.name));
    for (const records of this.#reader.records(bucket)) {
      for (const { key, value } of records) {
        this.#crc = crc32c(crc32c(this.#crc, key), value);
        this.#bytes += key.length + value.length;
        if (bucket.name === "key") this.#addRevision(key, value);
      }
      if (this.#bytes - this.#reportedBytes >= SLICE_BYTES) await this.#giveWay();
    }
  }

  #addRevision(key: Uint8Array, value: Uint8Array): void {
    const record = revisionRecord({ key, value });
    if (record === undefined) throw this.#malformed(key);
    this.#revision = record.main;
    try {
      this.#peek.read(value);
    } catch {
      throw this.#malformed(key);
    }
    const name = latin1FromBytes(value, this.#peek.keyStart, this.#peek.keyEnd);
    if (record.tombstone) this.#live.delete(name);
    else this.#live.add(name);
  }

  async #giveWay(): Promise<void> {
    this.#reportedBytes = this.#bytes;
    this.#options.onProgress?.(this.#bytes, this.#reader.sizeBytes);
    await new Promise((resolve) => setImmediate(resolve));
    this.#options.signal?.throwIfAborted();
  }

  #malformed(key: Uint8Array): StorageError {
    return new StorageError("damaged", `malformed record ${Buffer.from(key).toString("hex")} of bucket key`, {
      file: this.#path,
      remedy: "use another copy of it",
    });
  }
}
