import {
  ANNOTATIONS,
  ARTIFACT_FINALIZER,
  agentClientSecret,
  agentJobName,
  backupTask,
  changedStatus,
  completedStatus,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  type EtcdBackup,
  type EtcdBackupStatus,
  type EtcdCluster,
  type FailureReason,
  failedStatus,
  isFinished,
  JOBS,
  LABELS,
  type ObjectKey,
  ownerOf,
  parseQuantity,
  parseRfc3339,
  rfc3339,
  SECOND_MS,
  scratchBytes,
  snapshotLabels,
  withFindings,
} from "../../core/index.ts";
import type { Controller, ControllerDeps, ReconcileResult, Watch } from "../runtime/index.ts";
import { endWork, startWork, viewWork, type WorkView } from "./agent-jobs.ts";
import { belongsToLabel } from "./watched-label.ts";

const WATCHES: readonly Watch[] = [
  { resource: JOBS, labels: { [LABELS.backup]: "" }, mapToPrimary: belongsToLabel(LABELS.backup) },
];

/** While a Job runs its changes are watched; this only makes up for a watch that is silent. */
const RUNNING_MS = 30_000;
/** How soon a backup that waits for another looks again. */
const WAITING_MS = 10_000;
/** A Job whose result is lost is done again so often at most: its successor finds what the first one stored. */
const ATTEMPTS_MAX = 5;
const DELETE_SECONDS = 600;

/** Carries out EtcdBackups, one at a time for each cluster. */
export function createBackupController(deps: ControllerDeps): Controller {
  const passes = new BackupPasses(deps);
  return {
    name: "backup",
    primary: ETCD_BACKUPS,
    watches: WATCHES,
    reconcile: (key) => passes.reconcile(key),
  };
}

class BackupPasses {
  readonly #deps: ControllerDeps;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
  }

  async reconcile(key: ObjectKey): Promise<ReconcileResult> {
    const seen = await this.#deps.cache.get(ETCD_BACKUPS, key);
    if (seen === undefined) return {};
    if (seen.metadata.deletionTimestamp !== undefined) return this.#letGo(key);
    if (seen.spec.artifactPolicy === "Delete" && !hasFinalizer(seen)) return this.#addFinalizer(key);
    if (isFinished(seen)) return this.#expire(seen);
    // The view may be old; what follows has effects.
    const backup = await this.#deps.api.get(ETCD_BACKUPS, key);
    if (backup === undefined || backup.metadata.deletionTimestamp !== undefined || isFinished(backup)) return {};
    return this.#carryOut(backup);
  }

  async #carryOut(backup: EtcdBackup): Promise<ReconcileResult> {
    const { api } = this.#deps;
    const namespace = backup.metadata.namespace ?? "";
    const work = await viewWork(api, { namespace, name: jobName(backup) });
    if (work.kind !== "absent") return this.#follow(backup, work);
    const cluster = await api.get(ETCD_CLUSTERS, { namespace, name: backup.spec.clusterRef.name });
    if (cluster === undefined) {
      return this.#fail(backup, "ClusterMissing", `there is no EtcdCluster ${backup.spec.clusterRef.name}`);
    }
    const deadlineMs = parseRfc3339(backup.metadata.annotations?.[ANNOTATIONS.startDeadline] ?? "");
    const ahead = await this.#ahead(backup);
    if (ahead !== undefined) {
      if (deadlineMs !== undefined && this.#now() > deadlineMs) {
        return this.#fail(backup, "Timeout", `it waited for ${ahead} until its deadline`);
      }
      await this.#write(backup, { phase: "Pending", message: `waiting for backup ${ahead}` });
      return { requeueAfterMs: WAITING_MS };
    }
    return this.#begin(backup, cluster);
  }

  async #begin(backup: EtcdBackup, cluster: EtcdCluster): Promise<ReconcileResult> {
    const { api, cache, options } = this.#deps;
    const { name, namespace = "" } = backup.metadata;
    const members = await cache.list(ETCD_MEMBERS, namespace, { [LABELS.cluster]: cluster.metadata.name });
    const database = parseQuantity(cluster.status?.database?.size ?? "");
    await startWork(api, {
      name: jobName(backup),
      namespace,
      labels: { ...snapshotLabels(cluster.metadata.name), [LABELS.backup]: name },
      owner: ownerOf(backup),
      task: backupTask(backup, cluster, members),
      operatorImage: options.operatorImage,
      image: cluster.spec.image,
      serviceAccountName: cluster.metadata.name,
      clientSecretName: agentClientSecret(cluster),
      rootSecretName: cluster.status?.credentials?.rootSecretName,
      scratchBytes:
        database === undefined ? undefined : scratchBytes(database, backup.spec.verification.level === "Restore"),
    });
    await this.#write(backup, {
      phase: "Snapshotting",
      message: "the Job was started",
      startedAt: backup.status?.startedAt ?? rfc3339(this.#now()),
    });
    return { requeueAfterMs: RUNNING_MS, step: "StartSnapshot" };
  }

  async #follow(backup: EtcdBackup, work: Exclude<WorkView, { kind: "absent" }>): Promise<ReconcileResult> {
    const { attempts } = work;
    switch (work.kind) {
      case "running":
        await this.#write(backup, {
          phase: "Snapshotting",
          message: work.message,
          startedAt: backup.status?.startedAt ?? work.job.metadata.creationTimestamp ?? rfc3339(this.#now()),
          attempts,
        });
        return { requeueAfterMs: RUNNING_MS };
      case "lost": {
        const tried = (backup.status?.attempts ?? 0) + 1;
        if (tried > ATTEMPTS_MAX) return this.#fail(backup, "AgentFailed", "the Job's result was lost again and again");
        await this.#write(backup, {
          phase: "Snapshotting",
          message: "the result was lost with its Pod",
          attempts: tried,
        });
        await endWork(this.#deps.api, work.job);
        return { requeueAfterMs: 1000, step: "RepeatSnapshot" };
      }
      default: {
        const { result } = work;
        if (!result.ok) return this.#fail(backup, result.reason, result.message, attempts);
        if (result.kind !== "snapshot")
          return this.#fail(backup, "AgentFailed", "the Job did something else", attempts);
        const status = completedStatus(backup, result.manifest, { nowMs: this.#now(), attempts, note: result.note });
        await this.#write(backup, status);
        this.#deps.events.emit(backup, {
          type: "Normal",
          reason: "BackupSucceeded",
          message: `revision ${result.manifest.revision}, ${status.size ?? ""}, stored as ${result.manifest.key}`,
        });
        await endWork(this.#deps.api, work.job);
        return { step: "FinishSnapshot" };
      }
    }
  }

  async #fail(
    backup: EtcdBackup,
    reason: FailureReason,
    message: string,
    attempts = backup.status?.attempts ?? 0,
  ): Promise<ReconcileResult> {
    await this.#write(backup, failedStatus(backup, { reason, message }, { nowMs: this.#now(), attempts }));
    this.#deps.events.emit(backup, { type: "Warning", reason: "BackupFailed", message: `${reason}: ${message}` });
    return { step: "FailSnapshot" };
  }

  /** Name of the backup of the same cluster that goes first: one under way, or an older one that waits. */
  async #ahead(backup: EtcdBackup): Promise<string | undefined> {
    const all = await this.#deps.api.list(ETCD_BACKUPS, backup.metadata.namespace ?? "");
    const others = all.filter(
      (other) =>
        other.metadata.uid !== backup.metadata.uid &&
        other.spec.clusterRef.name === backup.spec.clusterRef.name &&
        other.metadata.deletionTimestamp === undefined &&
        !isFinished(other),
    );
    const running = others.find(({ status }) => status?.phase !== undefined && status.phase !== "Pending");
    return (running ?? others.find((other) => isBefore(other, backup)))?.metadata.name;
  }

  /** A backup that is being deleted: its artifact first, if it is to go too. It never hangs: what cannot be deleted is told and left. */
  async #letGo(key: ObjectKey): Promise<ReconcileResult> {
    const { api, events } = this.#deps;
    const backup = await api.get(ETCD_BACKUPS, key);
    if (backup === undefined || !hasFinalizer(backup)) return {};
    const artifact = backup.status?.key;
    const isGone = backup.metadata.annotations?.[ANNOTATIONS.artifactDeleted] === "true";
    if (artifact === undefined || isGone || backup.spec.artifactPolicy !== "Delete") return this.#dropFinalizer(backup);
    const name = agentJobName(backup.metadata.name, "delete", backup.metadata.uid ?? "");
    const work = await viewWork(api, { namespace: key.namespace, name });
    if (work.kind === "running") return { requeueAfterMs: RUNNING_MS };
    if (work.kind !== "absent") {
      if (work.kind === "done" && !work.result.ok) {
        const message = `${artifact} stays in its store: ${work.result.reason}: ${work.result.message}`;
        events.emit(backup, { type: "Warning", reason: "ArtifactNotDeleted", message });
      }
      return this.#dropFinalizer(backup);
    }
    const cluster = await api.get(ETCD_CLUSTERS, { namespace: key.namespace, name: backup.spec.clusterRef.name });
    const clusterUid = backup.status?.clusterUID ?? cluster?.metadata.uid;
    if (clusterUid === undefined) {
      const message = `${artifact} stays in its store: whose it is cannot be told any more`;
      events.emit(backup, { type: "Warning", reason: "ArtifactNotDeleted", message });
      return this.#dropFinalizer(backup);
    }
    await startWork(api, {
      name,
      namespace: key.namespace,
      labels: { ...snapshotLabels(backup.spec.clusterRef.name), [LABELS.backup]: key.name },
      owner: ownerOf(backup),
      task: {
        kind: "delete",
        destination: backup.spec.destination,
        key: artifact,
        clusterUid,
        timeoutSeconds: DELETE_SECONDS,
      },
      operatorImage: this.#deps.options.operatorImage,
      image: cluster?.spec.image,
      serviceAccountName: undefined,
      clientSecretName: undefined,
      rootSecretName: undefined,
      scratchBytes: undefined,
    });
    return { requeueAfterMs: RUNNING_MS, step: "DeleteArtifact" };
  }

  async #dropFinalizer({ metadata }: EtcdBackup): Promise<ReconcileResult> {
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== ARTIFACT_FINALIZER);
    await this.#deps.api.patch(ETCD_BACKUPS, keyOf(metadata), {
      metadata: { finalizers, resourceVersion: metadata.resourceVersion },
    });
    return { step: "LetBackupGo" };
  }

  async #addFinalizer(key: ObjectKey): Promise<ReconcileResult> {
    const backup = await this.#deps.api.get(ETCD_BACKUPS, key);
    if (backup === undefined || backup.metadata.deletionTimestamp !== undefined || hasFinalizer(backup)) return {};
    const finalizers = [...(backup.metadata.finalizers ?? []), ARTIFACT_FINALIZER];
    await this.#deps.api.patch(ETCD_BACKUPS, key, {
      metadata: { finalizers, resourceVersion: backup.metadata.resourceVersion },
    });
    return { requeueAfterMs: 100, step: "GuardArtifact" };
  }

  async #expire({ metadata, spec, status }: EtcdBackup): Promise<ReconcileResult> {
    const endedMs = parseRfc3339(status?.completedAt ?? "");
    if (spec.ttlSecondsAfterFinished === undefined || endedMs === undefined) return {};
    const leftMs = endedMs + spec.ttlSecondsAfterFinished * SECOND_MS - this.#now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#deps.api.delete(ETCD_BACKUPS, keyOf(metadata), metadata.uid === undefined ? {} : { uid: metadata.uid });
    return { step: "ExpireBackup" };
  }

  async #write(backup: EtcdBackup, changes: EtcdBackupStatus): Promise<void> {
    const { metadata, status } = backup;
    const wanted: EtcdBackupStatus = {
      observedGeneration: metadata.generation ?? 0,
      conditions: withFindings(status?.conditions, PENDING, { nowMs: this.#now(), generation: metadata.generation }),
      ...changes,
    };
    const changed = changedStatus(status, wanted);
    if (changed === undefined) return;
    const preconditions = metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion };
    await this.#deps.api.patchStatus(ETCD_BACKUPS, keyOf(metadata), changed, preconditions);
  }

  #now(): number {
    return this.#deps.clock.wallMs();
  }
}

/** Conditions until something is known. */
const PENDING = [
  { type: "Complete", status: "Unknown", reason: "UnderWay", message: "it is not done yet" },
  { type: "Verified", status: "Unknown", reason: "UnderWay", message: "it is not done yet" },
  { type: "Failed", status: "False", reason: "UnderWay", message: "it is not done yet" },
] as const;

function jobName({ metadata }: EtcdBackup): string {
  return agentJobName(metadata.name, "snapshot", metadata.uid ?? "");
}

function hasFinalizer({ metadata }: EtcdBackup): boolean {
  return metadata.finalizers?.includes(ARTIFACT_FINALIZER) ?? false;
}

function isBefore(one: EtcdBackup, other: EtcdBackup): boolean {
  const [a, b] = [one.metadata.creationTimestamp ?? "", other.metadata.creationTimestamp ?? ""];
  return a === b ? one.metadata.name < other.metadata.name : a < b;
}

function keyOf({ namespace = "", name }: EtcdBackup["metadata"]): ObjectKey {
  return { namespace, name };
}
