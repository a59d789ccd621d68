import type { RevisionRecord } from "@quorate/mvcc";

/** What orders a record. */
export type RevisionOrder = Pick<RevisionRecord, "main" | "sub" | "tombstone">;

/** Ascending (main, sub), a put before a tombstone. */
export function compareRecords(a: RevisionOrder, b: RevisionOrder): number {
  return a.main - b.main || a.sub - b.sub || Number(a.tombstone) - Number(b.tombstone);
}

/** Merges two ascending lists into one, each record once, at most `limit`. */
export function mergeRecords(
  a: readonly RevisionRecord[],
  b: readonly RevisionRecord[],
  limit: number,
): RevisionRecord[] {
  const merged: RevisionRecord[] = [];
  let [i, j] = [0, 0];
  while (merged.length < limit) {
    const [left, right] = [a[i], b[j]];
    if (left === undefined && right === undefined) break;
    const order = left === undefined ? 1 : right === undefined ? -1 : compareRecords(left, right);
    merged.push((order <= 0 ? left : right) as RevisionRecord);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return merged;
}
