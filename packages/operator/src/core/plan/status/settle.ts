import type { EtcdClusterStatus, EtcdMemberStatus } from "../../api/index.ts";
import { millisecondsOf } from "../timestamps.ts";

/** Milliseconds after which figures that always change are written although nothing else did. */
const REFRESH_MS = 20_000;

/** Fields that change with every write to the store, or with the clock alone. */
const FIGURES: ReadonlySet<string> = new Set([
  "lastObservedTime",
  "lastSeen",
  "revision",
  "raftIndex",
  "appliedIndex",
  "lag",
  "dbSize",
  "dbInUse",
  "database",
  "progressedAt",
]);

/** The old status if the new one differs in figures alone and the old ones are not old yet: a cluster at rest writes nothing. */
export function settleCluster(
  before: EtcdClusterStatus | undefined,
  after: EtcdClusterStatus,
  nowMs: number,
): EtcdClusterStatus {
  const observedMs = millisecondsOf(before?.lastObservedTime);
  if (before === undefined || observedMs === undefined || nowMs - observedMs >= REFRESH_MS || nowMs < observedMs)
    return after;
  return isSame(before, after) ? before : after;
}

export function settleMember(
  before: EtcdMemberStatus | undefined,
  after: EtcdMemberStatus,
  nowMs: number,
): EtcdMemberStatus {
  const seenMs = millisecondsOf(before?.lastSeen);
  if (before === undefined || !isSame(before, after)) return after;
  if (after.lastSeen === undefined || after.lastSeen === before.lastSeen) return before;
  return seenMs !== undefined && nowMs - seenMs < REFRESH_MS && nowMs >= seenMs ? before : after;
}

/** Equal as JSON, figures aside. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
    );
  }
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => FIGURES.has(key) || isSame(left[key], right[key]));
}
