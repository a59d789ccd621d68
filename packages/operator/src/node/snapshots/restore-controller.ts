import {
  type AgentResult,
  type ArtifactRef,
  agentJobName,
  changedStatus,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_RESTORES,
  type EtcdCluster,
  type EtcdRestore,
  type EtcdRestoreStatus,
  type Finding,
  isMadeBy,
  JOBS,
  LABELS,
  type ObjectKey,
  ownerOf,
  preSnapshot,
  preSnapshotName,
  restoredCluster,
  restoreProblem,
  revisionBump,
  rfc3339,
  snapshotLabels,
  withFindings,
} from "../../core/index.ts";
import type { Controller, ControllerDeps, ReconcileResult, Watch } from "../runtime/index.ts";
import { endWork, isReason, startWork, viewWork } from "./agent-jobs.ts";
import { belongsToLabel } from "./watched-label.ts";

const WATCHES: readonly Watch[] = [
  { resource: JOBS, labels: { [LABELS.restore]: "" }, mapToPrimary: belongsToLabel(LABELS.restore) },
  { resource: ETCD_BACKUPS, labels: { [LABELS.restore]: "" }, mapToPrimary: belongsToLabel(LABELS.restore) },
  { resource: ETCD_CLUSTERS, labels: { [LABELS.restore]: "" }, mapToPrimary: belongsToLabel(LABELS.restore) },
];

type Verified = Extract<AgentResult, { readonly kind: "verify" }>;

const LOOK_AGAIN_MS = 10_000;
const VALIDATE_SECONDS = 3 * 3600;

/** Failures of a backup that are no reason against a restore: there is nothing to take it from. */
const NO_SOURCE: ReadonlySet<string> = new Set(["NoQuorum", "NoHealthyMember"]);

/**
 * Checks what is to be restored and takes a last snapshot; then hands a restore in place over to the cluster's own planner, at phase
 * Fencing, or makes the new cluster and follows it.
 */
export function createRestoreController(deps: ControllerDeps): Controller {
  return {
    name: "restore",
    primary: ETCD_RESTORES,
    watches: WATCHES,
    reconcile: async (key) => {
      const restore = await deps.api.get(ETCD_RESTORES, key);
      if (restore === undefined || restore.metadata.deletionTimestamp !== undefined) return {};
      return new RestorePass(deps, restore).run();
    },
  };
}

class RestorePass {
  readonly #deps: ControllerDeps;
  readonly #restore: EtcdRestore;
  readonly #namespace: string;
  readonly #name: string;
  readonly #nowMs: number;

  constructor(deps: ControllerDeps, restore: EtcdRestore) {
    this.#deps = deps;
    this.#restore = restore;
    this.#namespace = restore.metadata.namespace ?? "";
    this.#name = restore.metadata.name;
    this.#nowMs = deps.clock.wallMs();
  }

  async run(): Promise<ReconcileResult> {
    const { spec, status } = this.#restore;
    switch (status?.phase) {
      case undefined:
      case "Pending":
        return this.#begin();
      case "Validating":
        return this.#validate();
      case "Completed":
      case "Failed":
        return {};
      default:
        // In place the planner of the cluster goes on from Fencing.
        return spec.mode === "InPlace" ? {} : this.#follow();
    }
  }

  async #begin(): Promise<ReconcileResult> {
    const problem = restoreProblem(this.#restore);
    if (problem !== undefined) return this.#fail("InvalidSpec", problem);
    const ahead = await this.#ahead();
    if (ahead !== undefined) {
      await this.#write({ phase: "Pending", message: `waiting for restore ${ahead}` });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    const { mode, target, source, dryRun } = this.#restore.spec;
    const cluster = await this.#cluster();
    if (mode === "InPlace") {
      if (cluster === undefined) return this.#fail("TargetMissing", `there is no EtcdCluster ${target.clusterName}`);
      const unconfirmed = this.#unconfirmed(cluster);
      if (unconfirmed !== undefined) return this.#fail("NotConfirmed", unconfirmed);
    } else if (cluster !== undefined && !dryRun && !isMadeBy(cluster, this.#restore, undefined)) {
      return this.#fail(
        "TargetExists",
        `there is an EtcdCluster ${target.clusterName} already; restore in place, or choose another name`,
      );
    }
    const startedAt = this.#restore.status?.startedAt ?? rfc3339(this.#nowMs);
    if (source.survivor !== undefined) {
      if (dryRun) return this.#fail("InvalidSpec", "a survivor's data cannot be tried without being touched");
      await this.#write({
        phase: "Fencing",
        startedAt,
        message: "the members are about to be stopped",
        revisionBump: 0,
      });
      return { step: "FenceForSurvivor" };
    }
    const message = "the artifact is looked for";
    await this.#write({ phase: "Validating", startedAt, message, revisionBump: revisionBump(this.#restore) });
    return { requeueAfterMs: 100, step: "BeginRestore" };
  }

  async #validate(): Promise<ReconcileResult> {
    const artifact = await this.#artifact();
    if (typeof artifact === "string") return this.#fail("ArtifactMissing", artifact);
    if (this.#restore.status?.artifact !== undefined) return this.#goOn(artifact);
    const name = agentJobName(this.#name, "validate", this.#restore.metadata.uid ?? "");
    const work = await viewWork(this.#deps.api, { namespace: this.#namespace, name });
    if (work.kind === "absent") {
      await this.#startCheck(name, artifact);
      await this.#write({ phase: "Validating", message: "the artifact is fetched and checked" });
      return { requeueAfterMs: LOOK_AGAIN_MS, step: "CheckArtifact" };
    }
    if (work.kind === "running") {
      await this.#write({ phase: "Validating", message: `the artifact is fetched and checked: ${work.message}` });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    if (work.kind === "lost") {
      await endWork(this.#deps.api, work.job);
      return { requeueAfterMs: 1000 };
    }
    const { result } = work;
    if (!result.ok) return this.#fail(result.reason, result.message);
    if (result.kind !== "verify") return this.#fail("AgentFailed", "the Job did something else");
    await this.#noteArtifact(artifact, result);
    await endWork(this.#deps.api, work.job);
    return { requeueAfterMs: 100, step: "ArtifactChecked" };
  }

  /** The artifact is good: what comes next depends on what was asked for. */
  async #goOn(artifact: ArtifactRef): Promise<ReconcileResult> {
    const { mode, dryRun } = this.#restore.spec;
    const { status } = this.#restore;
    if (dryRun) {
      return this.#complete(
        `nothing was touched: the artifact of revision ${status?.artifact?.revision ?? ""} restores`,
      );
    }
    if (mode === "NewCluster") return this.#makeCluster(artifact);
    const cluster = await this.#cluster();
    const unconfirmed = cluster === undefined ? "the cluster is gone" : this.#unconfirmed(cluster);
    if (unconfirmed !== undefined) return this.#fail("NotConfirmed", unconfirmed);
    const isReady = await this.#snapshotBefore(artifact);
    if (isReady !== undefined) return isReady;
    await this.#write({ phase: "Fencing", message: "the members are about to be stopped" });
    return { step: "Fence" };
  }

  /** Undefined once the last snapshot of the present state is stored, or cannot be had. */
  async #snapshotBefore(artifact: ArtifactRef): Promise<ReconcileResult | undefined> {
    if (!this.#restore.spec.preSnapshot) return undefined;
    const { api } = this.#deps;
    const name = preSnapshotName(this.#name, this.#restore.metadata.uid ?? "");
    const backup = await api.get(ETCD_BACKUPS, { namespace: this.#namespace, name });
    if (backup === undefined) {
      await api.create(ETCD_BACKUPS, preSnapshot(this.#restore, artifact)).catch((error: unknown) => {
        if (!isReason(error, "AlreadyExists")) throw error;
      });
      await this.#write({
        phase: "Validating",
        preSnapshotName: name,
        message: `waiting for backup ${name} of the present state`,
      });
      return { requeueAfterMs: LOOK_AGAIN_MS, step: "SnapshotBefore" };
    }
    if (backup.status?.phase === "Completed") return undefined;
    if (backup.status?.phase !== "Failed") {
      await this.#write({
        phase: "Validating",
        preSnapshotName: name,
        message: `waiting for backup ${name} of the present state`,
      });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    const reason = backup.status.conditions?.find(({ type }) => type === "Failed")?.reason ?? "";
    if (NO_SOURCE.has(reason)) return undefined;
    const message = `the present state could not be saved first (${reason}: ${backup.status.message ?? ""}); set spec.preSnapshot to false in a new restore to do without`;
    return this.#fail("PreSnapshotFailed", message);
  }

  async #makeCluster(artifact: ArtifactRef): Promise<ReconcileResult> {
    const made = restoredCluster(this.#restore, artifact);
    try {
      await this.#deps.api.create(ETCD_CLUSTERS, made);
    } catch (error) {
      if (!isReason(error, "AlreadyExists")) throw error;
      const there = await this.#cluster();
      if (there !== undefined && !isMadeBy(there, this.#restore, artifact)) {
        return this.#fail("TargetExists", `there is another EtcdCluster ${made.metadata.name}`);
      }
    }
    await this.#write({ phase: "Seeding", message: `EtcdCluster ${made.metadata.name} begins with the artifact` });
    return { requeueAfterMs: LOOK_AGAIN_MS, step: "MakeCluster" };
  }

  /** A new cluster's own status tells how far it is. */
  async #follow(): Promise<ReconcileResult> {
    const cluster = await this.#cluster();
    if (cluster === undefined) return this.#fail("TargetMissing", "the cluster that was made is gone");
    const { clusterID, conditions, revision, message = "" } = cluster.status ?? {};
    if (clusterID === undefined) {
      await this.#write({ phase: "Seeding", message: `the first member starts: ${message}` });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    const isReady = conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
    if (!isReady) {
      await this.#write({ phase: "Growing", newClusterID: clusterID, message: `members are added: ${message}` });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    const { artifact, revisionBump: bump = 0 } = this.#restore.status ?? {};
    const least = Number(artifact?.revision ?? 0) + bump;
    if (revision !== undefined && Number(revision) < least) {
      return this.#fail(
        "RevisionMismatch",
        `the cluster is at revision ${revision}, the artifact makes at least ${least}`,
      );
    }
    return this.#complete(`EtcdCluster ${cluster.metadata.name} is ready`, {
      newClusterID: clusterID,
      restoredRevision: artifact?.revision ?? "",
      ...(revision === undefined ? {} : { bumpedTo: revision }),
    });
  }

  async #startCheck(name: string, artifact: ArtifactRef): Promise<void> {
    const { mode, dryRun } = this.#restore.spec;
    const cluster = await this.#cluster();
    await startWork(this.#deps.api, {
      name,
      namespace: this.#namespace,
      labels: { ...snapshotLabels(this.#restore.spec.target.clusterName), [LABELS.restore]: this.#name },
      owner: ownerOf(this.#restore),
      task: {
        kind: "verify",
        destination: artifact.destination,
        key: artifact.key,
        // Before anything is destroyed a server has to have started with it.
        level: mode === "InPlace" || dryRun ? "Restore" : "Open",
        ...(artifact.sha256 === undefined ? {} : { sha256: artifact.sha256 }),
        timeoutSeconds: VALIDATE_SECONDS,
      },
      operatorImage: this.#deps.options.operatorImage,
      image: cluster?.spec.image,
      serviceAccountName: cluster?.metadata.name,
      clientSecretName: undefined,
      rootSecretName: undefined,
      scratchBytes: undefined,
    });
  }

  async #noteArtifact(artifact: ArtifactRef, result: Verified): Promise<void> {
    const { destination, key, backupName } = artifact;
    const findings: Finding[] = [
      {
        type: "ArtifactVerified",
        status: "True",
        reason: "Checked",
        message: `checked at level ${result.level} in ${result.durationSeconds} s`,
      },
    ];
    const cluster = await this.#cluster();
    if (result.authEnabled === true && cluster?.status?.credentials?.rootSecretName === undefined) {
      const message = "authentication is on in the artifact: its root user's password is needed afterwards";
      findings.push({ type: "AuthConsistent", status: "False", reason: "AuthRequiredNotConfigured", message });
    }
    await this.#write(
      {
        phase: "Validating",
        message: `the artifact of revision ${result.revision} is whole`,
        artifact: {
          destination,
          key,
          sha256: result.sha256,
          revision: result.revision,
          sizeBytes: result.sizeBytes,
          compression: result.compression,
          ...(backupName === undefined ? {} : { backupName }),
        },
        restoredRevision: result.revision,
      },
      findings,
    );
  }

  /** Where the data comes from, or why it is not there. */
  async #artifact(): Promise<ArtifactRef | string> {
    const { artifact } = this.#restore.status ?? {};
    if (artifact !== undefined) return { backupName: undefined, sha256: undefined, ...artifact };
    const { backupName, object } = this.#restore.spec.source;
    if (object !== undefined) {
      return { destination: object.destination, key: object.key, sha256: object.sha256, backupName: undefined };
    }
    if (backupName === undefined) return "spec.source names no artifact";
    const backup = await this.#deps.api.get(ETCD_BACKUPS, { namespace: this.#namespace, name: backupName });
    if (backup === undefined) return `there is no EtcdBackup ${backupName}`;
    const { phase, key, sha256 } = backup.status ?? {};
    if (phase !== "Completed" || key === undefined)
      return `EtcdBackup ${backupName} is ${phase ?? "not begun"}, not Completed`;
    return { destination: backup.spec.destination, key, sha256, backupName };
  }

  async #cluster(): Promise<EtcdCluster | undefined> {
    const name = this.#restore.spec.target.clusterName;
    return this.#deps.api.get(ETCD_CLUSTERS, { namespace: this.#namespace, name });
  }

  #unconfirmed(cluster: EtcdCluster): string | undefined {
    const { confirm } = this.#restore.spec;
    const found = cluster.status?.clusterID;
    return confirm === found
      ? undefined
      : `the cluster's ID is ${found ?? "not known"}, and ${confirm ?? "none"} was confirmed`;
  }

  /** Name of an older restore of the same cluster that is not done. */
  async #ahead(): Promise<string | undefined> {
    const all = await this.#deps.api.list(ETCD_RESTORES, this.#namespace);
    const age = ({ metadata }: EtcdRestore): string => `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
    const open = all.filter(
      (other) =>
        other.metadata.uid !== this.#restore.metadata.uid &&
        other.spec.target.clusterName === this.#restore.spec.target.clusterName &&
        other.status?.phase !== "Completed" &&
        other.status?.phase !== "Failed",
    );
    const begun = open.find(({ status }) => status?.phase !== undefined && status.phase !== "Pending");
    return (begun ?? open.find((other) => age(other) < age(this.#restore)))?.metadata.name;
  }

  async #complete(message: string, changes: EtcdRestoreStatus = {}): Promise<ReconcileResult> {
    await this.#write({ ...changes, phase: "Completed", completedAt: rfc3339(this.#nowMs), message }, [
      { type: "Complete", status: "True", reason: "Restored", message },
      { type: "Failed", status: "False", reason: "Restored", message: "it did not fail" },
    ]);
    this.#deps.events.emit(this.#restore, { type: "Normal", reason: "RestoreCompleted", message });
    return { step: "CompleteRestore" };
  }

  async #fail(reason: string, message: string): Promise<ReconcileResult> {
    await this.#write({ phase: "Failed", completedAt: rfc3339(this.#nowMs), message }, [
      { type: "Complete", status: "False", reason, message },
      { type: "Failed", status: "True", reason, message },
    ]);
    this.#deps.events.emit(this.#restore, {
      type: "Warning",
      reason: "RestoreFailed",
      message: `${reason}: ${message}`,
    });
    return { step: "FailRestore" };
  }

  async #write(changes: EtcdRestoreStatus, findings: readonly Finding[] = []): Promise<void> {
    const { metadata, status = {} } = this.#restore;
    const wanted: EtcdRestoreStatus = {
      observedGeneration: metadata.generation ?? 0,
      ...changes,
      conditions: withFindings(status.conditions, findings, { nowMs: this.#nowMs, generation: metadata.generation }),
    };
    const changed = changedStatus(status, wanted);
    if (changed === undefined) return;
    const key: ObjectKey = { namespace: this.#namespace, name: this.#name };
    // The planner of the cluster writes the same status; neither writes over what it has not seen.
    const preconditions = metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion };
    await this.#deps.api.patchStatus(ETCD_RESTORES, key, changed, preconditions);
  }
}
