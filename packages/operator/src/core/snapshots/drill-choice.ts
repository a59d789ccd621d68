import type { EtcdBackup } from "../api/index.ts";
import { type CronSchedule, lastTime, nextTime } from "./cron.ts";
import type { FailureReason } from "./failure-reason.ts";
import type { TimeZone } from "./time-zone.ts";
import { parseRfc3339 } from "./utc-time.ts";

/** Artifacts that one drill tries at most, from the newest on, until one passes. */
const TRIED_MAX = 5;

/** What a failure says of the artifact itself, rather than of the way to it. */
const DAMAGE: ReadonlySet<FailureReason> = new Set([
  "DigestMismatch",
  "RevisionMismatch",
  "HashMismatch",
  "NotFound",
  "Damaged",
]);

/** Whether the artifact is worth nothing, and an older one has to be looked at. */
export function isDamage(reason: FailureReason): boolean {
  return DAMAGE.has(reason);
}

/**
 * Which backup is to be drilled now, and for which time: the newest that is stored, and if that turned out damaged in this drill, the next
 * older one, so that it is known what could be restored. Nothing is remembered: the answer follows from what the backups say.
 */
export function drillChoice(question: {
  readonly cron: CronSchedule;
  readonly zone: TimeZone;
  readonly nowMs: number;
  /** Creation of the schedule: drills that were due before it are nobody's. */
  readonly createdMs: number;
  /** The last drill that ended, whatever it found. */
  readonly lastDrill: { readonly time: string; readonly backup?: string | undefined } | undefined;
  /** Newest first. */
  readonly stored: readonly EtcdBackup[];
}): { readonly dueMs: number; readonly backup: EtcdBackup } | undefined {
  const { cron, zone, nowMs, createdMs, lastDrill, stored } = question;
  const dueMs = lastTime(cron, zone, { afterMs: createdMs, atMs: nowMs });
  if (dueMs === undefined) return undefined;
  const endedMs = parseRfc3339(lastDrill?.time ?? "");
  let isDamaged = false;
  for (const backup of stored.slice(0, TRIED_MAX)) {
    const { result, time, level } = backup.status?.verification ?? {};
    const isOfThisDrill = level === "Restore" && (parseRfc3339(time ?? "") ?? 0) >= dueMs;
    if (isOfThisDrill && result === "Passed") return undefined;
    if (isOfThisDrill) {
      isDamaged = true;
      continue;
    }
    // One that could not be fetched is tried again in the next drill, not over and over in this one.
    const isBegun = endedMs !== undefined && endedMs >= dueMs;
    if (isBegun && (!isDamaged || lastDrill?.backup === backup.metadata.name)) return undefined;
    return { dueMs, backup };
  }
  return undefined;
}

/** When the next drill is due. */
export function nextDrillMs(cron: CronSchedule, zone: TimeZone, nowMs: number): number | undefined {
  return nextTime(cron, zone, nowMs);
}
