import type { EtcdBackup, EtcdBackupSchedule, EtcdBackupScheduleStatus, EtcdCluster } from "../api/index.ts";
import { backupTimeMs, isFinished, isVerified } from "./backup-object.ts";
import type { Finding } from "./conditions.ts";
import type { RunAnswer } from "./schedule-run.ts";
import type { ScheduleSettings } from "./schedule-settings.ts";
import { parseRfc3339, rfc3339 } from "./utc-time.ts";

/** Why no backup is begun, although the schedule is in order. */
export type Rest = "Suspended" | "Hibernated" | "ClusterMissing" | undefined;

/** Whether a schedule rests. */
export function restOf({ spec }: EtcdBackupSchedule, cluster: EtcdCluster | undefined): Rest {
  if (spec.suspend) return "Suspended";
  if (cluster === undefined) return "ClusterMissing";
  return cluster.spec.replicas === 0 ? "Hibernated" : undefined;
}

/** What a schedule's backups say of it. */
export interface BackupsView {
  /** By the time that they were due at, newest first. */
  readonly newestFirst: readonly EtcdBackup[];
  readonly newestSuccess: EtcdBackup | undefined;
  readonly newestVerified: EtcdBackup | undefined;
  readonly newestFailure: EtcdBackup | undefined;
  readonly active: readonly EtcdBackup[];
}

export function viewBackups(backups: readonly EtcdBackup[]): BackupsView {
  const newestFirst = backups
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((backup) => ({ backup, timeMs: backupTimeMs(backup) }))
    .sort((a, b) => b.timeMs - a.timeMs || (a.backup.metadata.name < b.backup.metadata.name ? 1 : -1))
    .map(({ backup }) => backup);
  return {
    newestFirst,
    newestSuccess: newestFirst.find(({ status }) => status?.phase === "Completed"),
    newestVerified: newestFirst.find((backup) => isVerified(backup)),
    newestFailure: newestFirst.find(({ status }) => status?.phase === "Failed"),
    active: newestFirst.filter((backup) => !isFinished(backup)),
  };
}

/** The status as far as it follows from the backups and the clock. */
export function scheduleStatus(
  { metadata, status = {} }: EtcdBackupSchedule,
  view: BackupsView,
  answer: RunAnswer,
): EtcdBackupScheduleStatus {
  const { newestSuccess, newestVerified, newestFailure, active } = view;
  const done = newestSuccess?.status;
  const verified = newestVerified?.status?.verification;
  const failed = newestFailure?.status?.conditions?.find(({ type }) => type === "Failed");
  return {
    observedGeneration: metadata.generation ?? 0,
    ...(answer.nextMs === undefined ? {} : { nextScheduleTime: rfc3339(answer.nextMs) }),
    // Objects may be gone while what they stood for did happen: times never go back.
    ...later("lastSuccessfulTime", status.lastSuccessfulTime, done?.completedAt),
    ...(newestSuccess === undefined ? {} : { lastSuccessfulBackup: newestSuccess.metadata.name }),
    ...later("lastVerifiedTime", status.lastVerifiedTime, verified?.time),
    ...(newestVerified === undefined ? {} : { lastVerifiedBackup: newestVerified.metadata.name }),
    ...(newestFailure?.status?.completedAt === undefined
      ? {}
      : {
          lastFailure: {
            time: newestFailure.status.completedAt,
            name: newestFailure.metadata.name,
            reason: failed?.reason ?? "AgentFailed",
            message: newestFailure.status.message ?? "",
          },
        }),
    active: active.slice(0, 16).map((backup) => backup.metadata.name),
  };
}

/** Whether backups are fresh; a schedule that rests says so and alarms nobody. */
export function freshness(
  { metadata, status }: EtcdBackupSchedule,
  lastSuccessfulTime: string | undefined,
  { rest, settings, nowMs }: { readonly rest: Rest; readonly settings: ScheduleSettings; readonly nowMs: number },
): { readonly finding: Finding; readonly staleAtMs: number | undefined } {
  const finding = (status: Finding["status"], reason: string, message: string): Finding => ({
    type: "Fresh",
    status,
    reason,
    message,
  });
  if (rest !== undefined) return { finding: finding("Unknown", rest, REST_MESSAGES[rest]), staleAtMs: undefined };
  const before = status?.conditions?.find(({ type }) => type === "Fresh");
  const successMs = parseRfc3339(lastSuccessfulTime ?? "");
  const createdMs = parseRfc3339(metadata.creationTimestamp ?? "") ?? nowMs;
  // Age counts from the newest success; from the creation while there is none; and anew from when a rest ended.
  const wokenMs = before?.status === "Unknown" ? nowMs : (parseRfc3339(awakeSince(before)) ?? 0);
  const staleAtMs = Math.max(successMs ?? createdMs, wokenMs) + settings.staleAfterMs;
  if (nowMs > staleAtMs) {
    const since =
      successMs === undefined ? "no backup has succeeded" : `the newest success is of ${lastSuccessfulTime ?? ""}`;
    return {
      finding: finding("False", successMs === undefined ? "NeverSucceeded" : "Stale", since),
      staleAtMs: undefined,
    };
  }
  return successMs === undefined
    ? { finding: finding("True", "Waiting", "no backup has succeeded yet, and none is overdue"), staleAtMs }
    : { finding: finding("True", "Fresh", `the newest success is of ${lastSuccessfulTime ?? ""}`), staleAtMs };
}

/** While fresh, the time of the last transition is when it became so: at a success, or when a rest ended. */
function awakeSince(before: { readonly status: string; readonly lastTransitionTime: string } | undefined): string {
  return before?.status === "True" ? before.lastTransitionTime : "";
}

const REST_MESSAGES: Readonly<Record<Exclude<Rest, undefined>, string>> = {
  Suspended: "the schedule is suspended: spec.suspend",
  Hibernated: "the cluster is hibernated: spec.replicas is 0",
  ClusterMissing: "the cluster is not there",
};

/** Whether the schedule works at all. */
export function readiness(rest: Rest): Finding {
  return rest === undefined
    ? { type: "Ready", status: "True", reason: "Scheduled", message: "backups are begun when they are due" }
    : {
        type: "Ready",
        status: rest === "ClusterMissing" ? "False" : "True",
        reason: rest,
        message: REST_MESSAGES[rest],
      };
}

function later<K extends string>(
  field: K,
  before: string | undefined,
  now: string | undefined,
): Partial<Record<K, string>> {
  const [a, b] = [parseRfc3339(before ?? "") ?? -1, parseRfc3339(now ?? "") ?? -1];
  const newest = b >= a ? now : before;
  return newest === undefined ? {} : ({ [field]: newest } as Partial<Record<K, string>>);
}
