import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import {
  AGENT_CONTAINER,
  AGENT_VARIABLES,
  type AgentResult,
  type AgentTask,
  artifactKey,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_RESTORES,
  type EventNote,
  type FailureReason,
  formatManifest,
  formatResult,
  JOBS,
  type Job,
  type KubeObject,
  type Manifest,
  manifestKey,
  type ObjectKey,
  PODS,
  RESULT_BYTES_MAX,
  type Resource,
  rfc3339,
  type SnapshotTask,
} from "../../../src/core/index.ts";
import type { Controller, ControllerDeps } from "../../../src/node/runtime/index.ts";
import type { AgentContext } from "../../../src/node/snapshots/agent/agent-context.ts";
import { AgentError, isAgentError } from "../../../src/node/snapshots/agent/agent-error.ts";
import { deleteArtifact, retain } from "../../../src/node/snapshots/agent/retain.ts";
import { verify } from "../../../src/node/snapshots/agent/verify.ts";
import {
  createBackupController,
  createRestoreController,
  createScheduleController,
} from "../../../src/node/snapshots/index.ts";
import { streamOf } from "./artifact-store.contract.ts";
import { manifestOf } from "./manifest-builder.ts";
import { MemoryStore } from "./memory-store.ts";
import { keyOf, ModelApi } from "./model-api.ts";

interface Due {
  readonly controller: Controller;
  readonly key: ObjectKey;
  atMs: number;
}

/**
 * The snapshot controllers in simulated time: an API server and a store in memory, and a Job controller whose Pods run the agent's own
 * retention, deletion and checks; only the snapshot itself is made up, since there is no member. Time jumps from one event to the next.
 */
export class Simulation {
  nowMs: number;
  readonly api: ModelApi;
  readonly store: MemoryStore;
  readonly events: (EventNote & { readonly about: string; readonly time: string })[] = [];
  /** How long a Job of each kind takes. */
  readonly jobMs = { snapshot: 4 * 60_000, verify: 10 * 60_000, retain: 60_000, delete: 30_000 };
  /** Names of backups that were stored, in order. */
  readonly taken: string[] = [];
  /** The operator runs. Set it through {@link stopOperator} and {@link startOperator}. */
  #isUp = true;
  /** Passes that ended in an error, by controller. */
  readonly failures: string[] = [];
  passes = 0;
  readonly #controllers: readonly Controller[];
  readonly #due = new Map<string, Due>();
  readonly #jobs = new Map<string, number>();
  readonly #planned: { readonly atMs: number; readonly act: () => void }[] = [];
  #serial = 0;

  constructor(startMs: number) {
    this.nowMs = startMs;
    this.api = new ModelApi(() => this.nowMs);
    this.store = new MemoryStore(() => this.nowMs);
    this.api.onChange = (resource, object) => this.#changed(resource, object);
    const deps: ControllerDeps = {
      api: this.api,
      cache: this.api,
      etcd: {
        member: () => {
          throw new Error("the snapshot controllers ask no member");
        },
      },
      clock: { nowMs: () => this.nowMs, wallMs: () => this.nowMs },
      prng: new SeededPrng(1),
      log: NO_LOGGER,
      events: {
        emit: (object, note) => this.events.push({ ...note, about: object.metadata.name, time: rfc3339(this.nowMs) }),
      },
      options: {
        operatorNamespace: "system",
        operatorImage: "quorate-operator:test",
        serverImageRepository: "quorate",
        defaultServerVersion: "3.6.4",
        clusterDomain: "cluster.local",
        canReadNodes: false,
        canReadStorageClasses: false,
        isLeader: () => true,
      },
    };
    this.#controllers = [createBackupController(deps), createScheduleController(deps), createRestoreController(deps)];
  }

  /** Something that happens to the world at a time. */
  at(atMs: number, act: () => void): void {
    this.#planned.push({ atMs, act });
    this.#planned.sort((a, b) => a.atMs - b.atMs);
  }

  stopOperator(): void {
    this.#isUp = false;
    this.#due.clear();
  }

  /** A new process: it knows nothing, and looks at everything. */
  startOperator(): void {
    this.#isUp = true;
    this.#due.clear();
    for (const controller of this.#controllers) {
      for (const object of this.api.all(controller.primary)) this.#enqueue(controller, keyOf(object), this.nowMs);
    }
  }

  /** Goes on until the time, event by event. */
  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      const [planned] = this.#planned;
      const [pass] = [...this.#due.values()].sort((a, b) => a.atMs - b.atMs);
      const job = [...this.#jobs].sort(([, a], [, b]) => a - b)[0];
      const next = Math.min(planned?.atMs ?? Infinity, pass?.atMs ?? Infinity, job?.[1] ?? Infinity);
      if (next > endMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      if (planned?.atMs === next) {
        this.#planned.shift();
        planned.act();
      } else if (job?.[1] === next) {
        this.#jobs.delete(job[0]);
        await this.#finishJob(job[0]);
      } else if (pass !== undefined) {
        this.#due.delete(dueName(pass.controller, pass.key));
        await this.#pass(pass);
      }
    }
    this.nowMs = endMs;
  }

  async #pass({ controller, key }: Due): Promise<void> {
    this.passes += 1;
    if (this.passes > 2_000_000) throw new Error("the controllers do not come to rest");
    try {
      const { requeueAfterMs } = await controller.reconcile(key);
      if (requeueAfterMs !== undefined && this.#isUp) this.#enqueue(controller, key, this.nowMs + requeueAfterMs);
    } catch (error) {
      this.failures.push(`${controller.name} ${key.name}: ${String(error)}`);
      if (this.#isUp) this.#enqueue(controller, key, this.nowMs + 1000);
    }
  }

  #changed(resource: Resource, object: KubeObject): void {
    if (resource.kind === "Job" && this.api.peek(JOBS, keyOf(object)) !== undefined) this.#jobSeen(object as Job);
    if (!this.#isUp) return;
    for (const controller of this.#controllers) {
      if (controller.primary.kind === resource.kind) this.#enqueue(controller, keyOf(object), this.nowMs + 50);
      for (const watch of controller.watches) {
        const isWatched = Object.keys(watch.labels ?? {}).every(
          (label) => object.metadata.labels?.[label] !== undefined,
        );
        const key = watch.resource.kind === resource.kind && isWatched ? watch.mapToPrimary(object) : undefined;
        if (key !== undefined) this.#enqueue(controller, key, this.nowMs + 50);
      }
    }
  }

  #enqueue(controller: Controller, key: ObjectKey, atMs: number): void {
    const name = dueName(controller, key);
    const before = this.#due.get(name);
    this.#due.set(name, { controller, key, atMs: Math.min(atMs, before?.atMs ?? Infinity) });
  }

  #jobSeen(job: Job): void {
    const name = job.metadata.name;
    if (this.#jobs.has(name) || job.status?.conditions !== undefined) return;
    this.#jobs.set(name, this.nowMs + this.jobMs[taskOf(job).kind]);
  }

  async #finishJob(name: string): Promise<void> {
    const job = this.api.all(JOBS).find(({ metadata }) => metadata.name === name);
    if (job === undefined) return;
    const result = await this.#work(taskOf(job));
    const text = formatResult(result);
    if (Buffer.byteLength(text) > RESULT_BYTES_MAX) throw new Error(`a result of ${Buffer.byteLength(text)} bytes`);
    this.#serial += 1;
    const key = keyOf(job);
    await this.api.create(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `${name}-${this.#serial}`.slice(-63),
        namespace: key.namespace,
        labels: { ...job.spec.template.metadata?.labels, "job-name": name },
        ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid: job.metadata.uid ?? "" }],
      },
      spec: job.spec.template.spec,
    });
    const terminated = { exitCode: result.ok ? 0 : 1, message: text, finishedAt: rfc3339(this.nowMs) };
    this.api.edit(
      PODS,
      { ...key, name: `${name}-${this.#serial}`.slice(-63) },
      {
        status: {
          phase: result.ok ? "Succeeded" : "Failed",
          containerStatuses: [{ name: AGENT_CONTAINER, ready: false, restartCount: 0, state: { terminated } }],
        },
      },
    );
    const type = result.ok ? "Complete" : "Failed";
    this.api.edit(JOBS, key, {
      status: { ...(result.ok ? {} : { failed: 1 }), conditions: [{ type, status: "True" }] },
    });
  }

  async #work(task: AgentTask): Promise<AgentResult> {
    try {
      switch (task.kind) {
        case "snapshot":
          return { ok: true, kind: "snapshot", manifest: await this.#take(task) };
        case "verify": {
          // Fetched and compared byte by byte as ever; no server is started in a simulation.
          const result = await verify({ ...task, level: "Digest" }, this.#context());
          return result.ok && result.kind === "verify" ? { ...result, level: task.level } : result;
        }
        case "retain":
          return await retain(task, this.#context());
        default:
          return await deleteArtifact(task, this.#context());
      }
    } catch (error) {
      if (!isAgentError(error)) throw error;
      return { ok: false, reason: error.reason, message: error.message };
    }
  }

  async #take(task: SnapshotTask): Promise<Manifest> {
    if (this.refuse !== undefined) throw new AgentError(this.refuse.reason, this.refuse.message);
    this.#serial += 1;
    const body = Buffer.from(`the store, ${this.#serial} changes later`);
    const plain = Buffer.concat([body, createHash("sha256").update(body).digest()]);
    const stored = gzipSync(plain);
    const sha256 = createHash("sha256").update(plain).digest("hex");
    const startedMs = this.nowMs - this.jobMs.snapshot;
    const { namespace, name, uid } = task.cluster;
    const identity = { namespace, cluster: name, clusterUid: uid, startedMs, revision: String(this.#serial), sha256 };
    const key = artifactKey(identity, "Gzip");
    const manifest = manifestOf({
      backup: task.backup,
      ...(task.schedule === undefined ? {} : { schedule: task.schedule }),
      cluster: { ...task.cluster, id: "abc", alarms: [] },
      revision: String(this.#serial),
      key,
      compression: "Gzip",
      sizeBytes: plain.length,
      storedSizeBytes: stored.length,
      sha256,
      storedSha256: createHash("sha256").update(stored).digest("hex"),
      startedAt: rfc3339(startedMs),
      finishedAt: rfc3339(this.nowMs),
      verification: { level: task.level, time: rfc3339(this.nowMs), durationSeconds: 1 },
    });
    await this.store.put(key, streamOf(stored));
    await this.store.put(manifestKey(key), streamOf(Buffer.from(formatManifest(manifest))));
    this.taken.push(task.backup.name);
    return manifest;
  }

  #context(): AgentContext {
    return {
      store: this.store,
      programs: { quoratectl: [], server: [] },
      scratch: this.scratch,
      pace: { sleep: () => Promise.resolve(), random: () => 0 },
      nowMs: () => this.nowMs,
      log: () => {},
      signal: new AbortController().signal,
      tool: "simulation",
    };
  }

  /** What every snapshot fails with; undefined: members are well. */
  refuse: { readonly reason: FailureReason; readonly message: string } | undefined;

  /** A directory for the files of checks. */
  scratch = "";

  /** Backups of which the store has an artifact with its manifest, by name. */
  stored(): string[] {
    return this.manifests()
      .map(({ backup }) => backup.name)
      .sort();
  }

  manifests(): Manifest[] {
    return [...this.store.objects]
      .filter(([key]) => key.endsWith(".manifest.json"))
      .map(([, { bytes }]) => JSON.parse(bytes.toString()) as Manifest);
  }

  /** Names of the kinds' objects, for tests of what is left. */
  names(kind: "backups" | "schedules" | "jobs" | "restores" | "clusters"): string[] {
    const resources = {
      backups: ETCD_BACKUPS,
      schedules: ETCD_BACKUP_SCHEDULES,
      jobs: JOBS,
      restores: ETCD_RESTORES,
      clusters: ETCD_CLUSTERS,
    } as const;
    return this.api.all(resources[kind] as Resource).map(({ metadata }) => metadata.name);
  }
}

function dueName(controller: Controller, { namespace, name }: ObjectKey): string {
  return `${controller.name}/${namespace}/${name}`;
}

function taskOf(job: Job): AgentTask {
  const variable = job.spec.template.spec.containers[0]?.env?.find(({ name }) => name === AGENT_VARIABLES.task);
  return JSON.parse(variable?.value ?? "") as AgentTask;
}
