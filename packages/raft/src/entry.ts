/** What an entry carries; the numbers are the wire's. */
export const EntryType = { Normal: 0, ConfChange: 1, ConfChangeV2: 2 } as const;
/** One of {@link EntryType}; a plain number, because a newer peer may send a kind we do not know. */
export type EntryType = number;

/**
 * One position of the replicated log. `term` and `index` are safe integers, `index` counts from 1. `data` is shared: nobody
 * writes to it once the entry exists. Source: raftpb `Entry`.
 */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** "No limit" wherever a size in bytes is asked for. */
export const NO_LIMIT: number = Number.POSITIVE_INFINITY;

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  return value < 0x2_0000_0000_0000 ? 7 : 8;
}

/** Bytes of the entry on the wire (type, term, index, data, each with its tag). This is what every "max size" counts. */
export function entrySize(entry: Entry): number {
  const length = entry.data.length;
  return 4 + varintSize(entry.term) + varintSize(entry.index) + (length === 0 ? 0 : 1 + varintSize(length) + length);
}

/** How many leading entries fit into `maxBytes` together; never less than one unless there are none. PERF: O(answer). */
export function countWithin(entries: readonly Entry[], maxBytes: number): number {
  const count = entries.length;
  if (maxBytes === NO_LIMIT || count <= 1) return count;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    bytes += entrySize(entries[i] as Entry);
    if (bytes > maxBytes) return i === 0 ? 1 : i;
  }
  return count;
}

/** Sum of {@link entrySize}. */
export function entriesSize(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += entrySize(entries[i] as Entry);
  return bytes;
}

/** Sum of the data lengths alone, which is what flow control and the uncommitted limit count. */
export function payloadSize(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += (entries[i] as Entry).data.length;
  return bytes;
}
