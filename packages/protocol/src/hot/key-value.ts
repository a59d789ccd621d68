import { ByteSlab, writeLatin1 } from "@quorate/base";
import { HIGH, LOW, unsigned, words } from "../varint64.ts";
import { bigintSize, varintSize } from "../writer.ts";

const TWO_31 = 0x8000_0000;

function putVarint(target: Uint8Array, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest >= 0x80) {
    target[position++] = (rest % 0x80) | 0x80;
    rest = rest < TWO_31 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  target[position++] = rest;
  return position;
}

function putBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  const count = bytes.length;
  if (count > 40) target.set(bytes, at);
  else for (let i = 0; i < count; i++) target[at + i] = bytes[i] as number;
  return at + count;
}

/** What is stored is written to the backend, told to watchers and let go of, one key-value soon after the other. */
const slab = new ByteSlab();

/**
 * The canonical encoding of an `mvccpb.KeyValue`, a view of memory that its neighbours share. `key` is latin1; revisions and version
 * are positive.
 */
export function encodeStoredKeyValue(
  key: string,
  createRevision: number,
  modRevision: number,
  version: number,
  value: Uint8Array,
  lease: bigint,
): Uint8Array {
  const hasLease = lease !== 0n;
  let size = 1 + varintSize(key.length) + key.length;
  size += 3 + varintSize(createRevision) + varintSize(modRevision) + varintSize(version);
  if (value.length > 0) size += 1 + varintSize(value.length) + value.length;
  if (hasLease) size += 1 + bigintSize(lease);
  const bytes = slab.take(size);
  bytes[0] = 0x0a;
  let position = writeLatin1(key, bytes, putVarint(bytes, 1, key.length));
  bytes[position] = 0x10;
  position = putVarint(bytes, position + 1, createRevision);
  bytes[position] = 0x18;
  position = putVarint(bytes, position + 1, modRevision);
  bytes[position] = 0x20;
  position = putVarint(bytes, position + 1, version);
  if (value.length > 0) {
    bytes[position] = 0x2a;
    position = putBytes(bytes, putVarint(bytes, position + 1, value.length), value);
  }
  if (hasLease) {
    bytes[position] = 0x30;
    putBigint(bytes, position + 1, lease);
  }
  return bytes;
}

function putBigint(target: Uint8Array, at: number, value: bigint): void {
  unsigned[0] = value;
  let low = words[LOW] as number;
  let high = words[HIGH] as number;
  let position = at;
  while (high !== 0 || low >= 0x80) {
    target[position++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  target[position] = low;
}

/** What is stored for a deletion: a KeyValue with nothing but the key. */
export function encodeTombstone(key: string): Uint8Array {
  const bytes = new Uint8Array(1 + varintSize(key.length) + key.length);
  bytes[0] = 0x0a;
  writeLatin1(key, bytes, putVarint(bytes, 1, key.length));
  return bytes;
}

/** What a DELETE event shows: a KeyValue with the key and the revision of the deletion. */
export function encodeDeletedKeyValue(key: string, modRevision: number): Uint8Array {
  const bytes = new Uint8Array(2 + varintSize(key.length) + key.length + varintSize(modRevision));
  bytes[0] = 0x0a;
  const position = writeLatin1(key, bytes, putVarint(bytes, 1, key.length));
  bytes[position] = 0x18;
  putVarint(bytes, position + 1, modRevision);
  return bytes;
}

/**
 * An encoded `mvccpb.Event` around encoded key-values. `type`: 0 PUT, 1 DELETE. In fresh memory, to be shared by all who
 * watch.
 */
export function encodeStoredEvent(type: number, kv: Uint8Array, prevKv: Uint8Array | undefined): Uint8Array {
  let size = (type === 0 ? 0 : 2) + 1 + varintSize(kv.length) + kv.length;
  if (prevKv !== undefined) size += 1 + varintSize(prevKv.length) + prevKv.length;
  const bytes = new Uint8Array(size);
  let position = 0;
  if (type !== 0) {
    bytes[0] = 0x08;
    bytes[1] = type;
    position = 2;
  }
  bytes[position] = 0x12;
  position = putBytes(bytes, putVarint(bytes, position + 1, kv.length), kv);
  if (prevKv !== undefined) {
    bytes[position] = 0x1a;
    putBytes(bytes, putVarint(bytes, position + 1, prevKv.length), prevKv);
  }
  return bytes;
}
