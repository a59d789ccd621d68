import { type CronSchedule, lastTime, nextTime } from "./cron.ts";
import type { TimeZone } from "./time-zone.ts";
import { MINUTE_MS, SECOND_MS, utcStamp } from "./utc-time.ts";

/** What decides whether a run is due. All times are milliseconds since the epoch. */
export interface RunQuestion {
  readonly schedule: CronSchedule;
  readonly zone: TimeZone;
  readonly nowMs: number;
  /** Up to here everything is settled: the newest time that a run was made for or skipped, or else the creation of the schedule. */
  readonly settledMs: number;
  readonly startingDeadlineMs: number;
  /** How far behind its time each run of this schedule is begun. */
  readonly jitterMs: number;
}

/** What is to be done now. */
export interface RunAnswer {
  /** The time that a run is due for; undefined: none is due yet. */
  readonly dueMs: number | undefined;
  /** The newest time that was missed by more than the deadline, and is not made up for. */
  readonly skippedMs: number | undefined;
  /** The next time, jitter not included; undefined: never. */
  readonly nextMs: number | undefined;
  /** When to ask again. */
  readonly wakeMs: number | undefined;
}

/**
 * Whether a run is due. Of several that were missed only the last is made up for, and only within the deadline. Nothing is remembered: two
 * operators, or one that was restarted, come to the same answer.
 */
export function dueRun(question: RunQuestion): RunAnswer {
  const { schedule, zone, nowMs, settledMs, startingDeadlineMs, jitterMs } = question;
  const lastMs = lastTime(schedule, zone, { afterMs: settledMs, atMs: nowMs - jitterMs });
  const nextMs = nextTime(schedule, zone, Math.max(nowMs - jitterMs, settledMs));
  const wakeMs = nextMs === undefined ? undefined : nextMs + jitterMs;
  if (lastMs === undefined) return { dueMs: undefined, skippedMs: undefined, nextMs, wakeMs };
  const isLate = nowMs > lastMs + jitterMs + startingDeadlineMs;
  return isLate
    ? { dueMs: undefined, skippedMs: lastMs, nextMs, wakeMs }
    : { dueMs: lastMs, skippedMs: undefined, nextMs, wakeMs };
}

/**
 * How far behind its time a schedule's runs are begun: the same for all of its runs, spread evenly over the names. At most half of the
 * interval, so that runs stay in order and the next is never due before this one.
 */
export function jitterMs(identity: string, jitterSeconds: number, interval: number): number {
  const limitSeconds = Math.floor(Math.min(jitterSeconds, interval / 2 / SECOND_MS));
  return limitSeconds <= 0 ? 0 : Math.floor(fractionOf(identity) * (limitSeconds + 1)) * SECOND_MS;
}

/** Age of the newest success from which on backups are stale: as asked for, or twice the interval. */
export function staleAfterMs(interval: number, askedMs: number | undefined): number {
  return askedMs ?? 2 * interval;
}

/** Name of the backup of a run: the same whoever makes it, so that it cannot be made twice. */
export function scheduledBackupName(schedule: string, dueMs: number): string {
  const stamp = utcStamp(Math.floor(dueMs / MINUTE_MS) * MINUTE_MS)
    .slice(0, 13)
    .toLowerCase();
  return `${schedule.slice(0, NAME_LENGTH_MAX - stamp.length - 1)}-${stamp}`;
}

/** Objects may have longer names, but a Pod's label may not. */
const NAME_LENGTH_MAX = 63;

/** A number in `[0, 1)` that similar texts have nothing in common in: FNV-1a (draft-eastlake-fnv), then the mixing of MurmurHash3's end. */
function fractionOf(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
