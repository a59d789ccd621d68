import { latin1FromBytes } from "@quorate/base";

/** Sorts after every key: the end of a range that has none. */
const UNBOUNDED_END = "\u0100";

/** The keys a watcher wants: one key (`end` is undefined), or those in [begin, end). Latin1 strings. */
export interface WatchRange {
  readonly begin: string;
  readonly end: string | undefined;
}

/**
 * The range a request means, or undefined when no key can be in it. An empty key counts as the first possible one,
 * `0x00`; a `range_end` of `0x00` means every key from `key` on. Source: grpc-api.md 6.2.
 */
export function watchRange(key: Uint8Array, rangeEnd: Uint8Array): WatchRange | undefined {
  const begin = key.length === 0 ? "\0" : latin1FromBytes(key);
  if (rangeEnd.length === 0) return { begin, end: undefined };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { begin, end: UNBOUNDED_END };
  const end = latin1FromBytes(rangeEnd);
  return begin < end ? { begin, end } : undefined;
}
