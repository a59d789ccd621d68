import type { RevisionRecord } from "@quorate/mvcc";
import { REVISION_KEY_BYTES, readUint64, writeRevisionKey, writeUint32 } from "./revision-key.ts";

/** Before each value: the revision's key and the value's length. */
const HEAD_BYTES = REVISION_KEY_BYTES + 4;

/** Records one behind the other, to be handed to another thread at the price of one copy. */
export function packRecords(records: readonly RevisionRecord[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(records.reduce((sum, { value }) => sum + HEAD_BYTES + value.length, 0));
  let at = 0;
  for (const { main, sub, tombstone, value } of records) {
    writeRevisionKey(packed, at, main, sub, tombstone);
    writeUint32(packed, at + REVISION_KEY_BYTES, value.length);
    packed.set(value, at + HEAD_BYTES);
    at += HEAD_BYTES + value.length;
  }
  return packed;
}

/** What {@link packRecords} packed; the values are views. */
export function unpackRecords(packed: Uint8Array): RevisionRecord[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const records: RevisionRecord[] = [];
  for (let at = 0; at < packed.length; ) {
    const start = at + HEAD_BYTES;
    const end = start + view.getUint32(at + REVISION_KEY_BYTES);
    records.push({
      main: readUint64(packed, at),
      sub: readUint64(packed, at + 8),
      tombstone: packed[at + 16] === 1,
      value: packed.subarray(start, end),
    });
    at = end;
  }
  return records;
}
