import {
  type AgentResult,
  type AgentTask,
  ANNOTATIONS,
  agentJobName,
  type BackupsView,
  backupTimeMs,
  changedStatus,
  checkedStatus,
  drillChoice,
  dueRun,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_RESTORES,
  type EtcdBackup,
  type EtcdBackupSchedule,
  type EtcdBackupScheduleStatus,
  type EtcdCluster,
  type FailureReason,
  type Finding,
  freshness,
  GROUP,
  isDamage,
  JOBS,
  type Job,
  LABELS,
  nextDrillMs,
  type ObjectKey,
  ownerOf,
  parseRfc3339,
  type Rest,
  readiness,
  restOf,
  rfc3339,
  type ScheduleSettings,
  scheduledBackup,
  scheduleSettings,
  scheduleStatus,
  scratchBytes,
  snapshotLabels,
  viewBackups,
  withFindings,
} from "../../core/index.ts";
import type { Controller, ControllerDeps, ReconcileResult, Watch } from "../runtime/index.ts";
import { endWork, isReason, startWork, viewWork } from "./agent-jobs.ts";
import { belongsToLabel } from "./watched-label.ts";

const WATCHES: readonly Watch[] = [
  { resource: ETCD_BACKUPS, labels: { [LABELS.schedule]: "" }, mapToPrimary: belongsToLabel(LABELS.schedule) },
  { resource: JOBS, labels: { [LABELS.schedule]: "" }, mapToPrimary: belongsToLabel(LABELS.schedule) },
];

/** While a Job runs its changes are watched; this only makes up for a watch that is silent. */
const RUNNING_MS = 30_000;
/** A clock that is set, or a cluster that is woken, is seen this late at most. */
const PASS_MS_MAX = 5 * 60_000;
const RETAIN_SECONDS = 1800;
const DRILL_SECONDS = 3 * 3600;
/** A variable of a container holds 128 KiB. */
const KNOWN_MAX = 1000;

/** Makes EtcdBackups when they are due, thins them out, and drills them. */
export function createScheduleController(deps: ControllerDeps): Controller {
  return {
    name: "backup-schedule",
    primary: ETCD_BACKUP_SCHEDULES,
    watches: WATCHES,
    reconcile: async (key) => {
      const schedule = await deps.api.get(ETCD_BACKUP_SCHEDULES, key);
      if (schedule === undefined || schedule.metadata.deletionTimestamp !== undefined) return {};
      return new SchedulePass(deps, schedule).run();
    },
  };
}

/** One pass over one schedule. What it finds out goes into `#status`, which is written once, at its end. */
class SchedulePass {
  readonly #deps: ControllerDeps;
  readonly #schedule: EtcdBackupSchedule;
  readonly #key: ObjectKey;
  readonly #nowMs: number;
  #status: EtcdBackupScheduleStatus;
  readonly #findings: Finding[] = [];
  readonly #wakes: number[] = [PASS_MS_MAX];
  #step: string | undefined;
  /** The status as it was last read or written, and the object's version then. */
  #written: EtcdBackupScheduleStatus;
  #version: string | undefined;

  constructor(deps: ControllerDeps, schedule: EtcdBackupSchedule) {
    this.#deps = deps;
    this.#schedule = schedule;
    this.#key = { namespace: schedule.metadata.namespace ?? "", name: schedule.metadata.name };
    this.#nowMs = deps.clock.wallMs();
    this.#status = { ...schedule.status };
    this.#written = this.#status;
    this.#version = schedule.metadata.resourceVersion;
  }

  async run(): Promise<ReconcileResult> {
    const read = scheduleSettings(this.#schedule, this.#nowMs);
    if (read.settings === undefined) {
      this.#findings.push({ type: "Ready", status: "False", ...read.problem });
      this.#note({ observedGeneration: this.#schedule.metadata.generation ?? 0, message: read.problem.message });
    } else {
      await this.#work(read.settings);
    }
    await this.#write();
    return {
      requeueAfterMs: Math.max(1000, Math.min(...this.#wakes)),
      ...(this.#step === undefined ? {} : { step: this.#step }),
    };
  }

  async #work(settings: ScheduleSettings): Promise<void> {
    const { api } = this.#deps;
    const { namespace } = this.#key;
    const cluster = await api.get(ETCD_CLUSTERS, { namespace, name: this.#schedule.spec.clusterRef.name });
    const rest = restOf(this.#schedule, cluster);
    const backups = await api.list(ETCD_BACKUPS, namespace, { [LABELS.schedule]: this.#key.name });
    const view = viewBackups(backups);
    const answer = this.#runQuestion(settings, view);
    if (cluster !== undefined && rest === undefined) await this.#makeBackup(cluster, settings, view, answer);
    this.#note(scheduleStatus(this.#schedule, view, answer));
    this.#findings.push(readiness(rest));
    this.#judgeFreshness(rest, settings);
    await this.#dropOldFailures(view);
    if (cluster === undefined) return;
    const jobs = await api.list(JOBS, namespace, { [LABELS.schedule]: this.#key.name });
    await this.#retain(cluster, settings, view, jobs);
    await this.#drill(cluster, settings, view, jobs);
  }

  #runQuestion(settings: ScheduleSettings, view: BackupsView): ReturnType<typeof dueRun> {
    const { metadata, status } = this.#schedule;
    const known = view.newestFirst.filter(
      (backup) => backup.metadata.annotations?.[ANNOTATIONS.scheduledAt] !== undefined,
    );
    const settledMs = Math.max(
      parseRfc3339(metadata.creationTimestamp ?? "") ?? this.#nowMs,
      parseRfc3339(status?.lastScheduleTime ?? "") ?? 0,
      ...known.map((backup) => backupTimeMs(backup)),
    );
    return dueRun({
      schedule: settings.cron,
      zone: settings.zone,
      nowMs: this.#nowMs,
      settledMs,
      startingDeadlineMs: settings.startingDeadlineMs,
      jitterMs: settings.jitterMs,
    });
  }

  async #makeBackup(
    cluster: EtcdCluster,
    settings: ScheduleSettings,
    view: BackupsView,
    answer: ReturnType<typeof dueRun>,
  ): Promise<void> {
    const { metadata, spec, status } = this.#schedule;
    const isNew = status?.lastScheduleTime === undefined && view.newestFirst.length === 0;
    const createdMs = parseRfc3339(metadata.creationTimestamp ?? "");
    const dueMs = answer.dueMs ?? (spec.immediate && isNew ? createdMs : undefined);
    if (answer.wakeMs !== undefined) this.#wakes.push(answer.wakeMs - this.#nowMs);
    if (answer.skippedMs !== undefined) {
      const time = rfc3339(answer.skippedMs);
      const message = `the run of ${time} is skipped: it is more than ${spec.startingDeadlineSeconds} s late`;
      this.#deps.events.emit(this.#schedule, { type: "Warning", reason: "RunSkipped", message });
      this.#note({ lastScheduleTime: time });
    }
    if (dueMs === undefined) return;
    const deadlineMs = Math.max(this.#nowMs, dueMs + settings.jitterMs + settings.startingDeadlineMs);
    const backup = scheduledBackup(this.#schedule, cluster, { dueMs, deadlineMs });
    try {
      await this.#deps.api.create(ETCD_BACKUPS, backup);
      this.#step = "MakeBackup";
    } catch (error) {
      // Made by this operator before it was restarted, or by another: it is the same.
      if (!isReason(error, "AlreadyExists")) throw error;
    }
    this.#note({ lastScheduleTime: rfc3339(dueMs) });
  }

  #judgeFreshness(rest: Rest, settings: ScheduleSettings): void {
    const { finding, staleAtMs } = freshness(this.#schedule, this.#status.lastSuccessfulTime, {
      rest,
      settings,
      nowMs: this.#nowMs,
    });
    this.#findings.push(finding);
    if (staleAtMs !== undefined) this.#wakes.push(staleAtMs - this.#nowMs + 1000);
  }

  async #dropOldFailures({ newestFirst }: BackupsView): Promise<void> {
    const failed = newestFirst.filter(({ status }) => status?.phase === "Failed");
    for (const backup of failed.slice(this.#schedule.spec.failedHistoryLimit)) await this.#delete(backup);
  }

  /** After each backup that succeeded: artifacts first, by a Job, then the objects of those that it deleted. */
  async #retain(
    cluster: EtcdCluster,
    settings: ScheduleSettings,
    view: BackupsView,
    jobs: readonly Job[],
  ): Promise<void> {
    const newest = view.newestSuccess;
    // What was begun is finished first: its result names objects that have to go.
    const begun = jobs.find(
      ({ metadata }) => metadata.labels?.[RETAINED] !== undefined && metadata.deletionTimestamp === undefined,
    );
    if (begun === undefined) {
      if (newest === undefined || newest.metadata.name === this.#status.lastRetentionBackup) return;
      const identity = `${this.#schedule.metadata.uid ?? ""}/${newest.metadata.uid ?? ""}`;
      const task = await this.#retainTask(cluster, settings, view);
      const labels = { [RETAINED]: newest.metadata.name };
      await this.#start(agentJobName(this.#key.name, "retain", identity), cluster, task, { labels });
      this.#step = "Retain";
      return;
    }
    const work = await viewWork(this.#deps.api, { namespace: this.#key.namespace, name: begun.metadata.name });
    if (work.kind === "absent" || work.kind === "running") {
      this.#wakes.push(RUNNING_MS);
      return;
    }
    const seen = begun.metadata.labels?.[RETAINED] ?? "";
    const isRepeated = await this.#noteRetention(work.kind === "done" ? work.result : LOST, seen, view);
    await this.#write();
    await endWork(this.#deps.api, work.job);
    if (isRepeated || newest?.metadata.name !== seen) this.#wakes.push(1000);
  }

  /** True if there is more to delete than one run could tell of. */
  async #noteRetention(result: AgentResult, seen: string, view: BackupsView): Promise<boolean> {
    const finding = (status: Finding["status"], reason: string, message: string): void => {
      this.#findings.push({ type: "RetentionHealthy", status, reason, message });
    };
    if (!result.ok || result.kind !== "retain") {
      const { reason, message } = result.ok ? LOST : result;
      finding("False", reason, message);
      // With the next backup it is tried again.
      this.#note({ lastRetentionBackup: seen });
      return false;
    }
    const isAnnounced = this.#status.deletionsAnnouncedAt !== undefined;
    if (!isAnnounced && result.deleted.length > 0) {
      const message = `retention deletes ${result.deleted.length} backups from the next run on: ${result.deleted.join(", ")}`;
      this.#deps.events.emit(this.#schedule, {
        type: "Normal",
        reason: "RetentionPlanned",
        message: message.slice(0, 1000),
      });
      this.#note({ deletionsAnnouncedAt: rfc3339(this.#nowMs) });
    }
    if (isAnnounced) {
      await this.#deleteObjects(result.deleted, view);
    }
    if (result.missing.length > 0) {
      // Deleted by a Pod that could not tell of it, by hand, or by a rule of the store: an object that stands for nothing misleads.
      const message = `these artifacts are not in the store any more: ${result.missing.join(", ")}`.slice(0, 1000);
      this.#deps.events.emit(this.#schedule, { type: "Warning", reason: "ArtifactMissing", message });
      await this.#deleteObjects(result.missing, view);
    }
    const locked = result.locked === 0 ? "" : `, ${result.locked} are locked by the store`;
    if (result.blocked !== undefined) finding("False", "Blocked", result.blocked);
    else finding("True", isAnnounced ? "Done" : "Planned", `${result.artifacts} artifacts are kept${locked}`);
    this.#note({
      kept: result.kept,
      totalSizeBytes: result.totalSizeBytes,
      plannedDeletions: isAnnounced ? [] : result.deleted,
      lastRetentionTime: rfc3339(this.#nowMs),
      ...(isAnnounced && result.more ? {} : { lastRetentionBackup: seen }),
    });
    return isAnnounced && result.more;
  }

  async #deleteObjects(names: readonly string[], { newestFirst }: BackupsView): Promise<void> {
    for (const backup of newestFirst.filter(({ metadata }) => names.includes(metadata.name))) {
      await this.#delete(backup, true);
    }
  }

  async #retainTask(cluster: EtcdCluster, settings: ScheduleSettings, view: BackupsView): Promise<AgentTask> {
    const { name, namespace = "", uid = "" } = cluster.metadata;
    const restores = await this.#deps.api.list(ETCD_RESTORES, namespace);
    const named = restores
      .filter(({ status }) => status?.phase !== "Completed" && status?.phase !== "Failed")
      .map(({ spec }) => spec.source.backupName)
      .filter((backup) => backup !== undefined);
    const labelled = view.newestFirst
      .filter(({ metadata }) => metadata.labels?.[LABELS.keep] !== undefined)
      .map(({ metadata }) => metadata.name);
    const stored = view.newestFirst.filter(({ status }) => status?.phase === "Completed");
    const distrusted = stored
      .filter(({ status }) => status?.verification?.result === "Failed")
      .map(({ metadata }) => metadata.name);
    return {
      kind: "retain",
      destination: this.#schedule.spec.template.destination,
      cluster: { namespace, name, uid },
      schedule: this.#key.name,
      timeZone: this.#schedule.spec.timeZone,
      policy: settings.retention,
      held: [...new Set([...named, ...labelled])],
      distrusted,
      known: stored.map(({ metadata }) => metadata.name).slice(0, KNOWN_MAX),
      dryRun: this.#status.deletionsAnnouncedAt === undefined,
      timeoutSeconds: RETAIN_SECONDS,
    };
  }

  /** By its own clock: the newest artifact is fetched, restored and served; if it is damaged, an older one. */
  async #drill(
    cluster: EtcdCluster,
    settings: ScheduleSettings,
    view: BackupsView,
    jobs: readonly Job[],
  ): Promise<void> {
    const { drill, zone } = settings;
    if (drill === undefined) return;
    const nextMs = nextDrillMs(drill, zone, this.#nowMs);
    if (nextMs !== undefined) {
      this.#note({ nextDrillTime: rfc3339(nextMs) });
      this.#wakes.push(nextMs - this.#nowMs);
    }
    const choice = drillChoice({
      cron: drill,
      zone,
      nowMs: this.#nowMs,
      createdMs: parseRfc3339(this.#schedule.metadata.creationTimestamp ?? "") ?? this.#nowMs,
      lastDrill: this.#status.lastDrill,
      stored: view.newestFirst.filter(({ status }) => status?.phase === "Completed" && status.key !== undefined),
    });
    // A drill that was begun goes on with its backup, even if a newer one came meanwhile.
    const running = begunDrill(jobs, view);
    const backup = running?.backup ?? choice?.backup;
    if (backup === undefined) return;
    const name = running?.name ?? this.#drillName(backup, choice?.dueMs ?? 0);
    const work = await viewWork(this.#deps.api, { namespace: this.#key.namespace, name });
    if (work.kind === "absent") {
      const labels = { [DRILLED]: backup.metadata.name };
      await this.#start(name, cluster, drillTask(backup), { labels, sizeBytes: backup.status?.sizeBytes });
      this.#step = "Drill";
      return;
    }
    if (work.kind === "running") {
      this.#wakes.push(RUNNING_MS);
      return;
    }
    await this.#noteDrill(backup, work.kind === "done" ? work.result : LOST);
    await this.#write();
    await endWork(this.#deps.api, work.job);
    this.#wakes.push(1000);
  }

  #drillName(backup: EtcdBackup, dueMs: number): string {
    return agentJobName(this.#key.name, "drill", `${backup.metadata.uid ?? ""}/${dueMs}`);
  }

  async #noteDrill(backup: EtcdBackup, result: AgentResult): Promise<void> {
    const { api, events } = this.#deps;
    const passed = result.ok && result.kind === "verify" ? result : undefined;
    const failure: { reason: FailureReason; message: string } | undefined =
      passed !== undefined ? undefined : result.ok ? LOST : result;
    this.#note({
      lastDrill: {
        time: rfc3339(this.#nowMs),
        backup: backup.metadata.name,
        result: failure === undefined ? "Passed" : "Failed",
        ...(passed === undefined ? {} : { durationSeconds: passed.durationSeconds }),
        ...(failure === undefined ? {} : { message: `${failure.reason}: ${failure.message}` }),
      },
    });
    if (passed !== undefined) {
      this.#note({ lastVerifiedTime: rfc3339(this.#nowMs), lastVerifiedBackup: backup.metadata.name });
      events.emit(backup, {
        type: "Normal",
        reason: "BackupVerified",
        message: `restored in ${passed.durationSeconds} s`,
      });
    } else if (failure !== undefined) {
      const message = `${failure.reason}: ${failure.message}`;
      events.emit(backup, { type: "Warning", reason: "VerificationFailed", message });
      events.emit(this.#schedule, {
        type: "Warning",
        reason: "VerificationFailed",
        message: `${backup.metadata.name}: ${message}`,
      });
    }
    // That a store could not be reached says nothing of what is in it.
    if (failure !== undefined && !isDamage(failure.reason)) return;
    const status = checkedStatus(
      backup,
      {
        level: "Restore",
        failure,
        durationSeconds: passed?.durationSeconds,
        restoredRevision: passed?.restoredRevision,
      },
      this.#nowMs,
    );
    const changed = changedStatus(backup.status, status);
    if (changed === undefined) return;
    const { name, resourceVersion } = backup.metadata;
    const preconditions = resourceVersion === undefined ? {} : { resourceVersion };
    await api.patchStatus(ETCD_BACKUPS, { namespace: this.#key.namespace, name }, changed, preconditions);
  }

  async #start(
    name: string,
    cluster: EtcdCluster,
    task: AgentTask,
    {
      labels,
      sizeBytes,
    }: { readonly labels: Readonly<Record<string, string>>; readonly sizeBytes?: number | undefined },
  ): Promise<void> {
    await startWork(this.#deps.api, {
      name,
      namespace: this.#key.namespace,
      labels: {
        ...snapshotLabels(cluster.metadata.name),
        [LABELS.schedule]: this.#key.name,
        ...labels,
      },
      owner: ownerOf(this.#schedule),
      task,
      operatorImage: this.#deps.options.operatorImage,
      image: cluster.spec.image,
      serviceAccountName: cluster.metadata.name,
      clientSecretName: undefined,
      rootSecretName: undefined,
      scratchBytes: sizeBytes === undefined ? undefined : scratchBytes(sizeBytes, true),
    });
    this.#wakes.push(RUNNING_MS);
  }

  async #delete({ metadata }: EtcdBackup, isArtifactDeleted = false): Promise<void> {
    const { api } = this.#deps;
    const key = { namespace: this.#key.namespace, name: metadata.name };
    if (isArtifactDeleted) {
      await api.patch(ETCD_BACKUPS, key, { metadata: { annotations: { [ANNOTATIONS.artifactDeleted]: "true" } } });
    }
    await api.delete(ETCD_BACKUPS, key, metadata.uid === undefined ? {} : { uid: metadata.uid });
  }

  #note(changes: EtcdBackupScheduleStatus): void {
    this.#status = { ...this.#status, ...changes };
  }

  /** Writes only what changed; in a steady state nothing is written. */
  async #write(): Promise<void> {
    const { metadata } = this.#schedule;
    const status = this.#written;
    const conditions = withFindings(status.conditions, this.#findings, {
      nowMs: this.#nowMs,
      generation: metadata.generation,
    });
    const wanted: EtcdBackupScheduleStatus = { ...this.#status, conditions };
    const changed = changedStatus(status, wanted);
    if (changed === undefined) return;
    const preconditions = this.#version === undefined ? {} : { resourceVersion: this.#version };
    const { metadata: now } = await this.#deps.api.patchStatus(
      ETCD_BACKUP_SCHEDULES,
      this.#key,
      changed,
      preconditions,
    );
    this.#version = now.resourceVersion;
    this.#written = wanted;
  }
}

/** On the Job of a drill: the backup that it drills. */
const DRILLED = `${GROUP}/drilled-backup`;
/** On the Job of retention: the newest backup that it has seen. */
const RETAINED = `${GROUP}/retained-backup`;

const LOST = { ok: false, reason: "AgentFailed", message: "the Job's result was lost with its Pod" } as const;

function begunDrill(
  jobs: readonly Job[],
  { newestFirst }: BackupsView,
): { readonly name: string; readonly backup: EtcdBackup } | undefined {
  for (const { metadata } of jobs) {
    const drilled = metadata.labels?.[DRILLED];
    if (drilled === undefined || metadata.deletionTimestamp !== undefined) continue;
    const backup = newestFirst.find((one) => one.metadata.name === drilled);
    if (backup !== undefined) return { name: metadata.name, backup };
  }
  return undefined;
}

function drillTask({ spec, status }: EtcdBackup): AgentTask {
  return {
    kind: "verify",
    destination: spec.destination,
    key: status?.key ?? "",
    level: "Restore",
    ...(status?.sha256 === undefined ? {} : { sha256: status.sha256 }),
    timeoutSeconds: DRILL_SECONDS,
  };
}
