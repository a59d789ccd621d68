import { EMPTY_BYTES } from "@quorate/base";
import { Reader } from "../reader.ts";

/**
 * Looks at an encoded `mvccpb.KeyValue` without copying; nothing is allocated but a lease that is not 0. Reused for one
 * after the other. Key and value are `kv[keyStart, keyEnd)` and `kv[valueStart, valueEnd)`.
 */
export class KeyValuePeek {
  readonly #reader = new Reader(EMPTY_BYTES, 0, 0);
  keyStart = 0;
  keyEnd = 0;
  createRevision = 0;
  modRevision = 0;
  version = 0;
  valueStart = 0;
  valueEnd = 0;
  lease = 0n;

  /** Throws DecodeError. */
  read(kv: Uint8Array): void {
    this.keyStart = 0;
    this.keyEnd = 0;
    this.createRevision = 0;
    this.modRevision = 0;
    this.version = 0;
    this.valueStart = 0;
    this.valueEnd = 0;
    this.lease = 0n;
    const reader = this.#reader;
    reader.reset(kv, 0, kv.length);
    while (reader.position < kv.length) this.#field(reader, reader.tag());
    reader.reset(EMPTY_BYTES, 0, 0);
  }

  #field(reader: Reader, tag: number): void {
    switch (tag) {
      case 0x0a:
        this.keyEnd = reader.delimited();
        this.keyStart = reader.position;
        reader.position = this.keyEnd;
        return;
      case 0x10:
        this.createRevision = reader.int64();
        return;
      case 0x18:
        this.modRevision = reader.int64();
        return;
      case 0x20:
        this.version = reader.int64();
        return;
      case 0x2a:
        this.valueEnd = reader.delimited();
        this.valueStart = reader.position;
        reader.position = this.valueEnd;
        return;
      case 0x30:
        this.lease = reader.int64Big();
        return;
      default:
        reader.skip(tag);
    }
  }
}
