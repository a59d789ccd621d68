import { type EtcdBackupSchedule, parseDuration, parseQuantity } from "../api/index.ts";
import { type CronSchedule, intervalMs, parseCron } from "./cron.ts";
import type { RetentionPolicy } from "./retention.ts";
import { jitterMs, staleAfterMs } from "./schedule-run.ts";
import { type TimeZone, timeZone } from "./time-zone.ts";
import { MINUTE_MS, SECOND_MS } from "./utc-time.ts";

/** A schedule's spec with its texts read. */
export interface ScheduleSettings {
  readonly cron: CronSchedule;
  readonly zone: TimeZone;
  /** Undefined if no drills are wanted. */
  readonly drill: CronSchedule | undefined;
  readonly intervalMs: number;
  readonly jitterMs: number;
  readonly startingDeadlineMs: number;
  readonly staleAfterMs: number;
  readonly retention: RetentionPolicy;
}

/** Why a schedule's spec cannot be used: the reason of its condition, and one sentence. */
export interface ScheduleProblem {
  readonly reason: "InvalidSchedule" | "InvalidTimeZone" | "InvalidDrillSchedule" | "InvalidRetention";
  readonly message: string;
}

/** Reads a schedule's spec. */
export function scheduleSettings(
  { spec, metadata }: EtcdBackupSchedule,
  nowMs: number,
): { readonly settings: ScheduleSettings } | { readonly settings: undefined; readonly problem: ScheduleProblem } {
  const fail = (reason: ScheduleProblem["reason"], message: string) => ({
    settings: undefined,
    problem: { reason, message },
  });
  const cron = parseCron(spec.schedule);
  if (cron.schedule === undefined) return fail("InvalidSchedule", `spec.schedule: ${cron.problem}`);
  const zone = timeZone(spec.timeZone);
  if (zone === undefined) return fail("InvalidTimeZone", `spec.timeZone: there is no time zone ${spec.timeZone}`);
  const { enabled, schedule } = spec.verification.drill;
  const drill = parseCron(schedule);
  if (enabled && drill.schedule === undefined) {
    return fail("InvalidDrillSchedule", `spec.verification.drill.schedule: ${drill.problem}`);
  }
  const { keepLast, hourly, daily, weekly, monthly, yearly } = spec.retention;
  if (keepLast + hourly + daily + weekly + monthly + yearly < 1) {
    return fail("InvalidRetention", "spec.retention: it keeps nothing");
  }
  const interval = intervalMs(cron.schedule, zone, nowMs);
  const staleAfter = staleAfterMs(interval, parseDuration(spec.staleAfter ?? ""));
  return {
    settings: {
      cron: cron.schedule,
      zone,
      drill: enabled ? drill.schedule : undefined,
      intervalMs: interval,
      jitterMs: jitterMs(`${metadata.namespace ?? ""}/${metadata.name}`, spec.jitterSeconds, interval),
      startingDeadlineMs: spec.startingDeadlineSeconds * SECOND_MS,
      staleAfterMs: staleAfter,
      retention: retentionPolicy(spec.retention, interval, staleAfter),
    },
  };
}

function retentionPolicy(
  { maxAge, maxTotalSize, ...tiers }: EtcdBackupSchedule["spec"]["retention"],
  interval: number,
  staleAfter: number,
): RetentionPolicy {
  const maxAgeMs = parseDuration(maxAge ?? "");
  const maxTotalSizeBytes = parseQuantity(maxTotalSize ?? "");
  return {
    ...tiers,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    ...(maxTotalSizeBytes === undefined ? {} : { maxTotalSizeBytes }),
    // A minute less: the backup one interval ago is not younger than an interval only because this pass came late or early.
    minAgeMs: Math.max(0, interval - MINUTE_MS),
    staleAfterMs: staleAfter,
  };
}
