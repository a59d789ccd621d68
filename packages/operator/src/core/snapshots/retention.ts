import type { KeptCounts } from "./agent-task.ts";
import type { TimeZone } from "./time-zone.ts";
import { dayNumber, HOUR_MS, weekday } from "./utc-time.ts";

/** `spec.retention` of a schedule. */
export interface RetentionPolicy {
  readonly keepLast: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  readonly maxAgeMs?: number;
  readonly maxTotalSizeBytes?: number;
  readonly minVerified: number;
  /** Backups younger than this are never deleted: one interval of the schedule. */
  readonly minAgeMs: number;
  /** Nothing is deleted while the newest success is older than this: backups have stopped. */
  readonly staleAfterMs: number;
}

/** A backup that could be deleted. */
export interface RetainedBackup {
  readonly name: string;
  /** Time that it was taken for, in milliseconds since the epoch. */
  readonly timeMs: number;
  readonly isVerified: boolean;
  /** Labelled to be kept, or named by an open restore. */
  readonly isHeld: boolean;
  readonly sizeBytes: number;
}

export type Tier = "last" | "hourly" | "daily" | "weekly" | "monthly" | "yearly";

/** What keeps a backup: a tier, being one of the newest verified, a label or a restore, being younger than one interval. */
export type KeepReason = Tier | "verified" | "held" | "young";

export interface RetentionPlan {
  /** By name; a backup may be kept for several reasons. */
  readonly kept: ReadonlyMap<string, readonly KeepReason[]>;
  /** Names, oldest first. */
  readonly deleted: readonly string[];
  readonly counts: KeptCounts;
  /** Why nothing is deleted at all. */
  readonly blocked: "Stale" | "NoBackups" | undefined;
}

/** From the densest on: what `maxTotalSizeBytes` trims comes out of the first tier that has anything. */
const TIERS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;

/**
 * Which of a schedule's finished backups stay. The newest of each of the last N hours, days, ISO weeks, months and years of the zone that
 * have any, a verified one before a later unverified one; the newest `keepLast`; the newest `minVerified` verified; everything held; and
 * everything younger than one interval. `maxAgeMs` and `maxTotalSizeBytes` take from the tiers, never from the last three.
 */
export function planRetention(
  backups: readonly RetainedBackup[],
  policy: RetentionPolicy,
  { zone, nowMs }: { readonly zone: TimeZone; readonly nowMs: number },
): RetentionPlan {
  const newestFirst = [...backups].sort((a, b) => b.timeMs - a.timeMs || (a.name < b.name ? 1 : -1));
  const kept = new Map<string, KeepReason[]>();
  const keep = (backup: RetainedBackup, reason: KeepReason): void => {
    kept.set(backup.name, [...(kept.get(backup.name) ?? []), reason]);
  };
  const isTooOld = ({ timeMs }: RetainedBackup): boolean =>
    policy.maxAgeMs !== undefined && nowMs - timeMs > policy.maxAgeMs;
  for (const backup of newestFirst.slice(0, policy.keepLast)) if (!isTooOld(backup)) keep(backup, "last");
  for (const tier of TIERS) {
    for (const backup of newestOfPeriods(newestFirst, policy[tier], PERIODS[tier], zone)) {
      if (!isTooOld(backup)) keep(backup, tier);
    }
  }
  for (const backup of newestFirst.filter((one) => one.isVerified).slice(0, policy.minVerified))
    keep(backup, "verified");
  for (const backup of newestFirst) {
    if (backup.isHeld) keep(backup, "held");
    if (nowMs - backup.timeMs < policy.minAgeMs) keep(backup, "young");
  }
  trimToSize(newestFirst, kept, policy.maxTotalSizeBytes);
  const newest = newestFirst[0];
  const blocked =
    newest === undefined ? "NoBackups" : nowMs - newest.timeMs > policy.staleAfterMs ? "Stale" : undefined;
  const deleted =
    blocked === undefined ? newestFirst.filter(({ name }) => !kept.has(name)).map(({ name }) => name) : [];
  return { kept, deleted: deleted.reverse(), counts: countsOf(backups.length - deleted.length, kept), blocked };
}

type Period = (ms: number, zone: TimeZone) => number;

/** Number of the period that a time falls into; equal within a period, growing with time. */
const PERIODS: Readonly<Record<(typeof TIERS)[number], Period>> = {
  hourly: (ms, zone) => Math.floor((ms + zone.offsetMs(ms)) / HOUR_MS),
  daily: dayIn,
  // ISO weeks begin on Mondays.
  weekly: (ms, zone) => {
    const day = dayIn(ms, zone);
    return day - ((weekday(day) + 6) % 7);
  },
  monthly: (ms, zone) => {
    const { year, month } = zone.wall(ms);
    return year * 12 + month;
  },
  yearly: (ms, zone) => zone.wall(ms).year,
};

function dayIn(ms: number, zone: TimeZone): number {
  const { year, month, day } = zone.wall(ms);
  return dayNumber(year, month, day);
}

function newestOfPeriods(
  newestFirst: readonly RetainedBackup[],
  count: number,
  periodOf: Period,
  zone: TimeZone,
): readonly RetainedBackup[] {
  const chosen = new Map<number, RetainedBackup>();
  if (count === 0) return [];
  for (const backup of newestFirst) {
    const period = periodOf(backup.timeMs, zone);
    const before = chosen.get(period);
    if (before === undefined) {
      if (chosen.size >= count) continue;
      chosen.set(period, backup);
    } else if (!before.isVerified && backup.isVerified) {
      chosen.set(period, backup);
    }
  }
  return [...chosen.values()];
}

/** What the size may not touch. */
const FIRM: ReadonlySet<KeepReason> = new Set(["verified", "held", "young"]);

/** Takes the oldest of the densest tier until the rest fits, or nothing that may be taken is left. */
function trimToSize(
  newestFirst: readonly RetainedBackup[],
  kept: Map<string, KeepReason[]>,
  limitBytes: number | undefined,
): void {
  if (limitBytes === undefined) return;
  const oldestFirst = newestFirst.filter(({ name }) => kept.has(name)).reverse();
  let totalBytes = oldestFirst.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  for (const tier of ["last", ...TIERS] as const) {
    for (const backup of oldestFirst) {
      if (totalBytes <= limitBytes) return;
      const reasons = kept.get(backup.name);
      if (reasons?.[0] === undefined || !reasons.includes(tier) || reasons.some((reason) => FIRM.has(reason))) continue;
      // One that a sparser tier keeps as well stays until that tier's turn.
      const rest = reasons.filter((reason) => reason !== tier);
      if (rest.length > 0) {
        kept.set(backup.name, rest);
        continue;
      }
      kept.delete(backup.name);
      totalBytes -= backup.sizeBytes;
    }
  }
}

function countsOf(total: number, kept: ReadonlyMap<string, readonly KeepReason[]>): KeptCounts {
  const of = (tier: Tier): number => [...kept.values()].filter((reasons) => reasons.includes(tier)).length;
  return {
    total,
    last: of("last"),
    hourly: of("hourly"),
    daily: of("daily"),
    weekly: of("weekly"),
    monthly: of("monthly"),
    yearly: of("yearly"),
  };
}
