import { EMPTY_BYTES, prefixEnd, utf8Bytes } from "@quorate/base";

/** Text, which is sent as UTF-8, or bytes as they are. */
export type BytesLike = string | Uint8Array;

/** Keys in `[start, end)`, in the order of their bytes; make one with {@link range}, {@link prefix}, {@link fromKey} or {@link allKeys}. */
export interface KeyRange {
  readonly start: Uint8Array;
  /** Not among them. One zero byte stands for "no end". Source: reference of the API, section 2.4. */
  readonly end: Uint8Array;
}

/** One key, or several. */
export type KeySelection = BytesLike | KeyRange;

const NO_END = Uint8Array.of(0);

/** The keys from `start`, which is among them, to `end`, which is not. */
export function range(start: BytesLike, end: BytesLike): KeyRange {
  return { start: toBytes(start), end: toBytes(end) };
}

/** The keys that begin with `text`; every key if that is empty. */
export function prefix(text: BytesLike): KeyRange {
  const start = toBytes(text);
  if (start.length === 0) return allKeys();
  return { start, end: prefixEnd(start) };
}

/** The keys from `start` on, itself among them. */
export function fromKey(start: BytesLike): KeyRange {
  const bytes = toBytes(start);
  return bytes.length === 0 ? allKeys() : { start: bytes, end: NO_END };
}

/** Every key. */
export function allKeys(): KeyRange {
  return { start: NO_END, end: NO_END };
}

/** The bytes of a text, or the bytes themselves, shared. */
export function toBytes(value: BytesLike): Uint8Array {
  return typeof value === "string" ? utf8Bytes(value) : value;
}

/** The two fields that select keys in a request. */
export function keyFields(selection: KeySelection): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
  if (typeof selection === "string" || selection instanceof Uint8Array) {
    return { key: toBytes(selection), rangeEnd: EMPTY_BYTES };
  }
  return { key: selection.start, rangeEnd: selection.end };
}

/** The smallest key above `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
