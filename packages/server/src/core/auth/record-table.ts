import { losslessBytes, losslessText } from "@quorate/base";
import type { Backend, Bucket } from "@quorate/mvcc";

/** The first byte that members of etcd take for the end of a bucket when they go through it; so must this one. */
const END = "\udcff";

/** How a record is written as a value of its bucket, and read back from bytes of its own. */
export interface RecordCodec<T> {
  encode(record: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/**
 * The records of one bucket by name, names that are not UTF-8 among them (members of etcd before 3.7 take any bytes); see `losslessText`.
 * They are decoded and kept in memory; changed only by applied entries.
 */
export class RecordTable<T> {
  readonly #backend: Backend;
  readonly #bucket: Bucket;
  readonly #codec: RecordCodec<T>;
  readonly #records = new Map<string, T>();

  constructor(backend: Backend, bucket: Bucket, codec: RecordCodec<T>) {
    this.#backend = backend;
    this.#bucket = bucket;
    this.#codec = codec;
  }

  /** Reads everything again from the backend. */
  reload(): void {
    this.#records.clear();
    for (const { key, value } of this.#backend.list(this.#bucket)) {
      this.#records.set(losslessText(key), this.#codec.decode(value));
    }
  }

  get(name: string): T | undefined {
    return this.#records.get(name);
  }

  put(name: string, record: T): void {
    const value = this.#codec.encode(record);
    this.#backend.put(this.#bucket, losslessBytes(name), value);
    // What was given may share the bytes of a log entry; what is kept must not.
    this.#records.set(name, this.#codec.decode(value));
  }

  delete(name: string): void {
    this.#backend.delete(this.#bucket, losslessBytes(name));
    this.#records.delete(name);
  }

  /** Names in the order of their bytes, but for those that etcd does not come to. */
  names(): string[] {
    const names = this.#backend.list(this.#bucket).map(({ key }) => losslessText(key));
    return names.filter((name) => !name.startsWith(END));
  }
}
