import type { EtcdBackup, EtcdBackupSchedule, EtcdCluster } from "../api/index.ts";
import { intervalMs, parseCron } from "./cron.ts";
import { scheduleSettings } from "./schedule-settings.ts";
import { viewBackups } from "./schedule-status.ts";
import { parseRfc3339, SECOND_MS } from "./utc-time.ts";

/** A metric of backups: what it is called behind the operator's prefix, and what it says. */
export interface BackupMetric {
  readonly name: string;
  readonly help: string;
  /** Labels beside namespace, cluster and schedule. */
  readonly labels: readonly string[];
}

/** Every metric of backups. Times are seconds since the epoch, ages and durations seconds, sizes bytes. */
export const BACKUP_METRICS = {
  lastSuccess: metric("last_success_timestamp_seconds", "End of the newest backup that succeeded."),
  lastVerified: metric("last_verified_timestamp_seconds", "End of the newest verification that passed."),
  lastFailure: metric("last_failure_timestamp_seconds", "End of the newest backup that failed."),
  nextSchedule: metric(
    "next_schedule_timestamp_seconds",
    "Time that the next backup is due at; absent while the schedule rests.",
  ),
  created: metric("schedule_created_timestamp_seconds", "Creation of the schedule."),
  interval: metric("interval_seconds", "Time between two backups of the schedule."),
  staleAfter: metric("stale_after_seconds", "Age of the newest success from which on backups are stale."),
  fresh: metric("fresh", "1 while backups are fresh, 0 while they are stale; absent while the schedule rests."),
  restorableAge: metric("newest_restorable_age_seconds", "Age of the data of the newest verified backup."),
  revision: metric("last_revision", "Revision of the newest backup that succeeded."),
  revisionDistance: metric(
    "revision_distance",
    "Revisions that the cluster is ahead of its newest backup: writes that would be lost now.",
  ),
  size: metric("last_size_bytes", "Size of the newest backup before compression."),
  sizeRatio: metric("last_size_ratio", "Size of the newest backup by the median of the seven before it."),
  storedSize: metric("last_stored_size_bytes", "Size of the newest backup in its store."),
  duration: metric("last_duration_seconds", "How long the newest backup took."),
  totalSize: metric("stored_bytes", "Size of all of the schedule's artifacts."),
  kept: metric("artifacts", "Artifacts that each tier keeps; of all together under the tier total.", ["tier"]),
  failed: metric("failed", "Failed backups that there are objects of, by reason.", ["reason"]),
  drillInterval: metric("drill_interval_seconds", "Time between two drills; absent if there are none."),
  drillPassed: metric("last_drill_passed", "1 if the last drill passed, 0 if it failed."),
  drillTime: metric("last_drill_timestamp_seconds", "End of the last drill."),
  drillDuration: metric(
    "last_drill_duration_seconds",
    "How long the last drill took: an estimate of the time that a restore takes.",
  ),
  lastRetention: metric("last_retention_timestamp_seconds", "When retention last ran to its end."),
} as const satisfies Readonly<Record<string, BackupMetric>>;

export interface BackupSample {
  readonly metric: BackupMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What the metrics say of one schedule now. It follows from objects alone, so that a restart of the operator resets nothing. */
export function backupSamples(
  schedule: EtcdBackupSchedule,
  backups: readonly EtcdBackup[],
  cluster: EtcdCluster | undefined,
  nowMs: number,
): readonly BackupSample[] {
  const labels = {
    namespace: schedule.metadata.namespace ?? "",
    cluster: schedule.spec.clusterRef.name,
    schedule: schedule.metadata.name,
  };
  const samples: BackupSample[] = [];
  const add = (which: BackupMetric, value: number | undefined, more: Readonly<Record<string, string>> = {}): void => {
    if (value !== undefined && Number.isFinite(value))
      samples.push({ metric: which, labels: { ...labels, ...more }, value });
  };
  addOfStatus(schedule, add);
  addOfSettings(schedule, nowMs, add);
  addOfBackups(backups, cluster, nowMs, add);
  return samples;
}

type Add = (which: BackupMetric, value: number | undefined, more?: Readonly<Record<string, string>>) => void;

function addOfStatus({ metadata, status = {} }: EtcdBackupSchedule, add: Add): void {
  add(BACKUP_METRICS.created, seconds(metadata.creationTimestamp));
  add(BACKUP_METRICS.lastSuccess, seconds(status.lastSuccessfulTime));
  add(BACKUP_METRICS.lastVerified, seconds(status.lastVerifiedTime));
  add(BACKUP_METRICS.lastFailure, seconds(status.lastFailure?.time));
  add(BACKUP_METRICS.totalSize, status.totalSizeBytes);
  add(BACKUP_METRICS.lastRetention, seconds(status.lastRetentionTime));
  for (const [tier, count] of Object.entries(status.kept ?? {})) add(BACKUP_METRICS.kept, count, { tier });
  if (status.lastDrill !== undefined) {
    add(BACKUP_METRICS.drillPassed, status.lastDrill.result === "Passed" ? 1 : 0);
    add(BACKUP_METRICS.drillTime, seconds(status.lastDrill.time));
    add(BACKUP_METRICS.drillDuration, status.lastDrill.durationSeconds);
  }
  const fresh = status.conditions?.find(({ type }) => type === "Fresh");
  if (fresh === undefined || fresh.status === "Unknown") return;
  add(BACKUP_METRICS.fresh, fresh.status === "True" ? 1 : 0);
  add(BACKUP_METRICS.nextSchedule, seconds(status.nextScheduleTime));
}

function addOfSettings(schedule: EtcdBackupSchedule, nowMs: number, add: Add): void {
  const { settings } = scheduleSettings(schedule, nowMs);
  if (settings === undefined) return;
  add(BACKUP_METRICS.interval, settings.intervalMs / SECOND_MS);
  add(BACKUP_METRICS.staleAfter, settings.staleAfterMs / SECOND_MS);
  const drill = parseCron(schedule.spec.verification.drill.schedule).schedule;
  if (settings.drill !== undefined && drill !== undefined) {
    add(BACKUP_METRICS.drillInterval, intervalMs(drill, settings.zone, nowMs) / SECOND_MS);
  }
}

function addOfBackups(backups: readonly EtcdBackup[], cluster: EtcdCluster | undefined, nowMs: number, add: Add): void {
  const view = viewBackups(backups);
  const newest = view.newestSuccess?.status;
  add(BACKUP_METRICS.revision, Number(newest?.revision ?? Number.NaN));
  add(
    BACKUP_METRICS.revisionDistance,
    Number(cluster?.status?.revision ?? Number.NaN) - Number(newest?.revision ?? Number.NaN),
  );
  add(BACKUP_METRICS.size, newest?.sizeBytes);
  add(BACKUP_METRICS.storedSize, newest?.storedSizeBytes);
  add(BACKUP_METRICS.duration, newest?.durationSeconds);
  const dataMs = parseRfc3339(view.newestVerified?.status?.startedAt ?? "");
  add(BACKUP_METRICS.restorableAge, dataMs === undefined ? undefined : (nowMs - dataMs) / SECOND_MS);
  const sizes = view.newestFirst
    .filter(({ status }) => status?.phase === "Completed")
    .map(({ status }) => status?.sizeBytes ?? 0);
  const median = medianOf(sizes.slice(1, 8));
  if (median !== undefined && median > 0) add(BACKUP_METRICS.sizeRatio, (sizes[0] ?? 0) / median);
  const reasons = new Map<string, number>();
  for (const { status } of view.newestFirst) {
    const reason = status?.conditions?.find(({ type, status: state }) => type === "Failed" && state === "True")?.reason;
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of reasons) add(BACKUP_METRICS.failed, count, { reason });
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function seconds(time: string | undefined): number | undefined {
  const ms = parseRfc3339(time ?? "");
  return ms === undefined ? undefined : ms / SECOND_MS;
}

function metric(name: string, help: string, labels: readonly string[] = []): BackupMetric {
  return { name: `backup_${name}`, help, labels };
}
