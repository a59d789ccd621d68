import {
  ANNOTATIONS,
  API_VERSION,
  ARTIFACT_FINALIZER,
  backupWithDefaults,
  type EtcdBackup,
  type EtcdBackupSchedule,
  type EtcdBackupStatus,
  type EtcdCluster,
  formatBytes,
  LABELS,
  MANAGED_BY,
} from "../api/index.ts";
import type { OwnerReference } from "../ports/index.ts";
import { manifestKey } from "./artifact-key.ts";
import { type Finding, withFindings } from "./conditions.ts";
import { locationOf } from "./destination.ts";
import type { FailureReason } from "./failure-reason.ts";
import { type Manifest, type VerificationLevel } from "./manifest.ts";
import { scheduledBackupName } from "./schedule-run.ts";
import { parseRfc3339, rfc3339, SECOND_MS } from "./utc-time.ts";

/** Labels of what belongs to a cluster's snapshots. */
export function snapshotLabels(cluster: string): Readonly<Record<string, string>> {
  return {
    [LABELS.name]: "etcd-snapshot",
    [LABELS.instance]: cluster,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.cluster]: cluster,
  };
}

/** The backup of a schedule's run that is due at a time. Whoever makes it makes the same. */
export function scheduledBackup(
  schedule: EtcdBackupSchedule,
  cluster: EtcdCluster,
  { dueMs, deadlineMs }: { readonly dueMs: number; readonly deadlineMs: number },
): EtcdBackup {
  const { spec, metadata } = schedule;
  const owner = scheduleOwner(schedule, cluster);
  return backupWithDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdBackup",
    metadata: {
      name: scheduledBackupName(metadata.name, dueMs),
      namespace: metadata.namespace ?? "",
      labels: { ...snapshotLabels(spec.clusterRef.name), [LABELS.schedule]: metadata.name },
      annotations: {
        [ANNOTATIONS.scheduledAt]: rfc3339(dueMs),
        [ANNOTATIONS.startDeadline]: rfc3339(deadlineMs),
      },
      finalizers: [ARTIFACT_FINALIZER],
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: { ...spec.template, clusterRef: spec.clusterRef, artifactPolicy: "Delete" },
  });
}

/** Time that a backup was due at by its schedule, or else when it was made; milliseconds since the epoch. */
export function backupTimeMs(backup: EtcdBackup): number {
  const scheduled = parseRfc3339(backup.metadata.annotations?.[ANNOTATIONS.scheduledAt] ?? "");
  return scheduled ?? parseRfc3339(backup.metadata.creationTimestamp ?? "") ?? 0;
}

/** Whether nothing more happens to a backup by itself. */
export function isFinished({ status }: EtcdBackup): boolean {
  return status?.phase === "Completed" || status?.phase === "Failed";
}

/** Whether a backup was verified at least by opening it, and no later check said otherwise. */
export function isVerified({ status }: EtcdBackup): boolean {
  const verification = status?.verification;
  return status?.phase === "Completed" && verification?.result === "Passed" && verification.level !== "Digest";
}

/** Status of a backup whose artifact has its manifest. */
export function completedStatus(
  backup: EtcdBackup,
  manifest: Manifest,
  { nowMs, attempts, note }: { readonly nowMs: number; readonly attempts: number; readonly note: string | undefined },
): EtcdBackupStatus {
  const { destination } = backup.spec;
  const { verification } = manifest;
  const startedMs = parseRfc3339(manifest.startedAt) ?? nowMs;
  const endedMs = parseRfc3339(manifest.finishedAt) ?? nowMs;
  return {
    phase: "Completed",
    message: note ?? `${manifest.totalKeys} keys at revision ${manifest.revision} are stored`,
    startedAt: manifest.startedAt,
    completedAt: manifest.finishedAt,
    durationSeconds: Math.round((endedMs - startedMs) / SECOND_MS),
    member: manifest.member.name,
    memberVersion: manifest.member.version,
    clusterID: manifest.cluster.id,
    clusterUID: manifest.cluster.uid,
    revision: manifest.revision,
    ...(manifest.compactRevision === undefined ? {} : { compactRevision: manifest.compactRevision }),
    ...(manifest.hashKV === undefined ? {} : { hashKV: manifest.hashKV }),
    raftTerm: manifest.raftTerm,
    raftIndex: manifest.raftIndex,
    totalKeys: manifest.totalKeys,
    size: formatBytes(manifest.sizeBytes),
    sizeBytes: manifest.sizeBytes,
    storedSizeBytes: manifest.storedSizeBytes,
    sha256: manifest.sha256,
    location: locationOf(destination, manifest.key),
    key: manifest.key,
    manifest: manifestKey(manifest.key),
    attempts,
    verification: {
      level: verification.level,
      result: "Passed",
      time: verification.time,
      durationSeconds: verification.durationSeconds,
      ...(verification.restoredRevision === undefined ? {} : { restoredRevision: verification.restoredRevision }),
    },
    conditions: withFindings(
      backup.status?.conditions,
      [
        { type: "Complete", status: "True", reason: "Stored", message: `stored as ${manifest.key}` },
        verifiedFinding(verification.level, `checked at level ${verification.level} before it counted`),
        { type: "Failed", status: "False", reason: "Stored", message: "it did not fail" },
      ],
      { nowMs, generation: backup.metadata.generation },
    ),
  };
}

/** Status of a backup that failed for good. */
export function failedStatus(
  backup: EtcdBackup,
  failure: { readonly reason: FailureReason; readonly message: string },
  { nowMs, attempts }: { readonly nowMs: number; readonly attempts: number },
): EtcdBackupStatus {
  const { reason, message } = failure;
  return {
    ...backup.status,
    phase: "Failed",
    message,
    completedAt: rfc3339(nowMs),
    attempts,
    conditions: withFindings(
      backup.status?.conditions,
      [
        { type: "Complete", status: "False", reason, message },
        { type: "Verified", status: "False", reason, message: "there is nothing to verify" },
        { type: "Failed", status: "True", reason, message },
      ],
      { nowMs, generation: backup.metadata.generation },
    ),
  };
}

/** What a later check of the artifact found. */
export function checkedStatus(
  backup: EtcdBackup,
  check: {
    readonly level: VerificationLevel;
    readonly failure: { readonly reason: FailureReason; readonly message: string } | undefined;
    readonly durationSeconds: number | undefined;
    readonly restoredRevision: string | undefined;
  },
  nowMs: number,
): Pick<EtcdBackupStatus, "verification" | "conditions"> {
  const { level, failure, durationSeconds, restoredRevision } = check;
  const finding: Finding =
    failure === undefined
      ? verifiedFinding(level, `checked again at level ${level}`)
      : { type: "Verified", status: "False", reason: failure.reason, message: failure.message };
  return {
    verification: {
      level,
      result: failure === undefined ? "Passed" : "Failed",
      time: rfc3339(nowMs),
      ...(durationSeconds === undefined ? {} : { durationSeconds }),
      ...(restoredRevision === undefined ? {} : { restoredRevision }),
      ...(failure === undefined ? {} : { message: failure.message }),
    },
    conditions: withFindings(backup.status?.conditions, [finding], { nowMs, generation: backup.metadata.generation }),
  };
}

/** Digests alone prove that bytes arrived, not that a store opens with them. */
function verifiedFinding(level: VerificationLevel, message: string): Finding {
  return level === "Digest"
    ? { type: "Verified", status: "False", reason: "DigestOnly", message: "only its digest was checked" }
    : { type: "Verified", status: "True", reason: level === "Open" ? "Opened" : "Restored", message };
}

function scheduleOwner(schedule: EtcdBackupSchedule, cluster: EtcdCluster): OwnerReference | undefined {
  const { ownerPolicy } = schedule.spec;
  if (ownerPolicy === "None") return undefined;
  return ownerOf(ownerPolicy === "Cluster" ? cluster : schedule);
}

/** Reference with which an object goes when `object` goes. */
export function ownerOf(
  object:
    | EtcdBackup
    | EtcdBackupSchedule
    | EtcdCluster
    | {
        readonly apiVersion: string;
        readonly kind: string;
        readonly metadata: { readonly name: string; readonly uid?: string };
      },
): OwnerReference {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "", controller: true, blockOwnerDeletion: true };
}
