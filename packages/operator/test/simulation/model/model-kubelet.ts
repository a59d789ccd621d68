import type { Prng } from "@quorate/base";
import {
  CLAIMS,
  type Claim,
  type ContainerStatus,
  LABELS,
  NODES,
  type Node,
  PODS,
  type Pod,
  type PodStatus,
  PREPARE_ENV,
  SERVER_CONTAINER,
} from "../../../src/core/index.ts";
import { keyOf, type ModelApi } from "./model-api.ts";
import type { DataDirectory, ModelEtcd, Process } from "./model-etcd.ts";
import type { SimClock } from "./sim-clock.ts";

/** A Pod as its node has it. */
interface Running {
  readonly uid: string;
  process: Process | undefined;
  restarts: number;
  exitCode: number | undefined;
  isStarting: boolean;
  waiting: string | undefined;
  /** A Pod that never restarts ended. */
  hasFailed: boolean;
  isStopping: boolean;
}

/** How a start ended: a server, a refusal of the start wrapper, or a server that ended at once. */
type Launch = { readonly process: Process } | { readonly exitCode: number };

/**
 * Scheduler, volume binder and kubelets in one: Pods get a node, claims a disk, containers run, ends are reported. A node that is away
 * reports nothing, and its Pods stay as they were.
 */
export class ModelKubelet {
  readonly #clock: SimClock;
  readonly #prng: Prng;
  readonly #api: ModelApi;
  readonly #etcd: ModelEtcd;
  readonly #pods = new Map<string, Running>();
  /** By UID of the claim, or of the Pod for data in memory. */
  readonly #disks = new Map<string, DataDirectory>();
  readonly #away = new Set<string>();
  /** Images that cannot be pulled. */
  readonly badImages = new Set<string>();

  constructor(clock: SimClock, prng: Prng, api: ModelApi, etcd: ModelEtcd) {
    this.#clock = clock;
    this.#prng = prng;
    this.#api = api;
    this.#etcd = etcd;
    for (const name of ["n1", "n2", "n3", "n4", "n5"]) this.#putNode(name, true);
  }

  #putNode(name: string, isReady: boolean): void {
    const live = this.#api.peek(NODES, { namespace: "", name });
    this.#api.put(NODES, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { ...live?.metadata, name, uid: name },
      status: {
        conditions: [{ type: "Ready", status: isReady ? "True" : "Unknown", lastTransitionTime: this.#clock.iso() }],
      },
    } as Node);
  }

  nodeGoes(name: string): void {
    this.#away.add(name);
    for (const { pod, running } of this.#onNode(name))
      if (running.process !== undefined && pod !== undefined) running.process.isAway = true;
    this.#clock.after(40_000, () => {
      if (this.#away.has(name)) this.#putNode(name, false);
    });
  }

  nodeReturns(name: string): void {
    if (!this.#away.delete(name)) return;
    this.#putNode(name, true);
    for (const { running } of this.#onNode(name)) if (running.process !== undefined) running.process.isAway = false;
  }

  *#onNode(name: string): Generator<{ readonly pod: Pod | undefined; readonly running: Running }> {
    for (const pod of this.#api.all(PODS)) {
      const running = this.#pods.get(pod.metadata.uid ?? "");
      if (pod.spec.nodeName === name && running !== undefined) yield { pod, running };
    }
  }

  processOf(podName: string): Process | undefined {
    const pod = this.#api.all(PODS).find((candidate) => candidate.metadata.name === podName);
    return this.#pods.get(pod?.metadata.uid ?? "")?.process;
  }

  /** The data of a claim goes while its member may still run: what is left is an empty disk. */
  wipe(claim: Claim): void {
    this.#disks.set(claim.metadata.uid ?? "", emptyDisk());
    for (const pod of this.#api.all(PODS)) {
      const running = this.#pods.get(pod.metadata.uid ?? "");
      const uses =
        pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim.metadata.name) === true;
      if (uses && running?.process !== undefined) this.#end(running, 1);
    }
  }

  crash(podName: string): void {
    const pod = this.#api.all(PODS).find((candidate) => candidate.metadata.name === podName);
    const running = this.#pods.get(pod?.metadata.uid ?? "");
    if (running?.process !== undefined) this.#end(running, 137);
  }

  /** The Pod ends for good, as when its node shuts down gracefully. */
  fail(podName: string): void {
    const pod = this.#api.all(PODS).find((candidate) => candidate.metadata.name === podName);
    const running = this.#pods.get(pod?.metadata.uid ?? "");
    if (running === undefined) return;
    if (running.process !== undefined) this.#end(running, 0);
    running.hasFailed = true;
  }

  /** One moment of every node. */
  tick(): void {
    for (const claim of this.#api.all(CLAIMS)) this.#bind(claim);
    const live = new Set<string>();
    for (const pod of this.#api.all(PODS)) {
      live.add(pod.metadata.uid ?? "");
      this.#keep(pod);
    }
    for (const [uid, running] of this.#pods) if (!live.has(uid)) this.#forget(uid, running);
    for (const process of this.#etcd.removedProcesses()) {
      const running = [...this.#pods.values()].find((candidate) => candidate.process === process);
      if (running !== undefined) this.#end(running, 1);
    }
  }

  /** A Pod that is gone from the API, by force: its process goes on until its node hears of it. */
  #forget(uid: string, running: Running): void {
    if (running.process?.isAway === true) return;
    if (running.process !== undefined) this.#etcd.stop(running.process);
    this.#pods.delete(uid);
  }

  #bind(claim: Claim): void {
    const requested = claim.spec.resources.requests["storage"] ?? 0;
    const isBound = claim.status?.phase === "Bound";
    if (isBound && claim.status?.capacity?.["storage"] === requested) return;
    if (claim.metadata.deletionTimestamp !== undefined) return;
    if (!this.#disks.has(claim.metadata.uid ?? "")) this.#disks.set(claim.metadata.uid ?? "", emptyDisk());
    this.#api.put(CLAIMS, { ...claim, status: { phase: "Bound", capacity: { storage: requested } } });
  }

  #keep(pod: Pod): void {
    if (pod.metadata.labels?.[LABELS.member] === undefined) return;
    if (pod.spec.nodeName === undefined) return this.#schedule(pod);
    if (this.#away.has(pod.spec.nodeName)) return;
    const running = this.#running(pod);
    if (pod.metadata.deletionTimestamp !== undefined) return this.#stop(pod, running);
    if (running.process === undefined && !running.isStarting && !running.hasFailed) this.#start(pod, running);
    this.#report(pod, running);
  }

  #running(pod: Pod): Running {
    const uid = pod.metadata.uid ?? "";
    const known = this.#pods.get(uid);
    if (known !== undefined) return known;
    const running: Running = {
      uid,
      process: undefined,
      restarts: 0,
      exitCode: undefined,
      isStarting: false,
      waiting: undefined,
      hasFailed: false,
      isStopping: false,
    };
    this.#pods.set(uid, running);
    return running;
  }

  #schedule(pod: Pod): void {
    const used = new Set(this.#api.all(PODS).map((other) => other.spec.nodeName));
    const nodes = ["n1", "n2", "n3", "n4", "n5"].filter((name) => !this.#away.has(name));
    const node = nodes.find((name) => !used.has(name)) ?? nodes[0];
    if (node === undefined) return;
    this.#api.put(PODS, { ...pod, spec: { ...pod.spec, nodeName: node } });
  }

  #stop(pod: Pod, running: Running): void {
    if (running.isStopping) return;
    running.isStopping = true;
    this.#clock.after(200 + this.#prng.below(1500), () => {
      if (pod.spec.nodeName !== undefined && this.#away.has(pod.spec.nodeName)) {
        running.isStopping = false;
        return;
      }
      if (running.process !== undefined) this.#etcd.stop(running.process);
      running.process = undefined;
      this.#pods.delete(running.uid);
      const live = this.#api.peek(PODS, keyOf(pod));
      if (live !== undefined && live.metadata.uid === pod.metadata.uid) this.#api.remove(PODS, live, true);
    });
  }

  #start(pod: Pod, running: Running): void {
    const server = pod.spec.containers.find((container) => container.name === SERVER_CONTAINER);
    if (this.badImages.has(server?.image ?? "")) {
      running.waiting = "ImagePullBackOff";
      return;
    }
    const disk = this.#diskOf(pod);
    if (disk === undefined) return;
    running.isStarting = true;
    const backoff = running.restarts === 0 ? 0 : Math.min(20_000, 1000 * 2 ** Math.min(5, running.restarts));
    this.#clock.after(backoff + 600 + this.#prng.below(1200), () => {
      running.isStarting = false;
      const live = this.#api.peek(PODS, keyOf(pod));
      if (
        live?.metadata.uid !== pod.metadata.uid ||
        live?.metadata.deletionTimestamp !== undefined ||
        running.process !== undefined
      )
        return;
      if (live === undefined || this.#away.has(live.spec.nodeName ?? "")) return;
      const result = this.#launch(live, disk);
      if ("process" in result) {
        running.process = result.process;
        running.waiting = undefined;
      } else {
        this.#ended(live, running, result.exitCode);
      }
    });
  }

  #diskOf(pod: Pod): DataDirectory | undefined {
    const name = pod.spec.volumes?.find((volume) => volume.name === "data")?.persistentVolumeClaim?.claimName;
    if (name === undefined) {
      const uid = pod.metadata.uid ?? "";
      const disk = this.#disks.get(uid) ?? emptyDisk();
      this.#disks.set(uid, disk);
      return disk;
    }
    const claim = this.#api.peek(CLAIMS, { namespace: pod.metadata.namespace ?? "", name });
    return claim?.status?.phase === "Bound" ? this.#disks.get(claim.metadata.uid ?? "") : undefined;
  }

  /** What the start wrapper does, and then the server. */
  #launch(pod: Pod, disk: DataDirectory): Launch {
    const env = new Map(pod.spec.initContainers?.[0]?.env?.map(({ name, value }) => [name, value ?? ""]) ?? []);
    const uid = env.get(PREPARE_ENV.memberUid);
    const mustHaveData =
      env.get(PREPARE_ENV.mustHaveData) === "true" || pod.metadata.annotations?.["etcd.quorate.dev/joined"] === "true";
    if (mustHaveData && (disk.data === undefined || disk.incarnation === undefined)) return { exitCode: 78 };
    if (disk.incarnation !== undefined && disk.incarnation !== uid && env.get(PREPARE_ENV.adopts) !== "true")
      return { exitCode: 79 };
    const epoch = env.get(PREPARE_ENV.forceEpoch);
    if (epoch !== undefined) {
      if (disk.recoveryEpoch >= Number(epoch)) return { exitCode: 80 };
      disk.recoveryEpoch = Number(epoch);
    }
    disk.incarnation = uid;
    const args = pod.spec.containers.find((container) => container.name === SERVER_CONTAINER)?.args ?? [];
    const flag = (name: string): string =>
      args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
    const result = this.#etcd.launch(
      {
        name: flag("name"),
        peerUrl: flag("initial-advertise-peer-urls"),
        clientUrl: flag("advertise-client-urls"),
        isNew: flag("initial-cluster-state") === "new",
        initialCluster: flag("initial-cluster"),
        isForced: args.includes("--force-new-cluster"),
        isRestored: env.has(PREPARE_ENV.restoreSource),
        version: /:v?([0-9.]+)$/.exec(pod.spec.containers[0]?.image ?? "")?.[1] ?? "3.6.4",
        token: flag("initial-cluster-token"),
      },
      disk,
    );
    return typeof result === "string" ? { exitCode: 1 } : { process: result };
  }

  #end(running: Running, exitCode: number): void {
    if (running.process !== undefined) this.#etcd.stop(running.process);
    running.process = undefined;
    running.restarts += 1;
    running.exitCode = exitCode;
  }

  #ended(pod: Pod, running: Running, exitCode: number): void {
    running.restarts += 1;
    running.exitCode = exitCode;
    running.waiting = running.restarts > 1 ? "CrashLoopBackOff" : undefined;
    if (pod.spec.restartPolicy === "Never") running.hasFailed = true;
  }

  #report(pod: Pod, running: Running): void {
    const { process } = running;
    const isServing = process !== undefined && process.isUp && process.data?.lineage.leader !== undefined;
    const status = statusOf(running, isServing, pod, this.#clock.iso());
    if (status !== undefined) this.#api.put(PODS, { ...pod, status });
  }
}

/** Undefined if it is what the API has already. */
function statusOf(running: Running, isServing: boolean, pod: Pod, now: string): PodStatus | undefined {
  const phase = running.hasFailed
    ? "Failed"
    : running.process !== undefined || running.restarts > 0
      ? "Running"
      : "Pending";
  const old = pod.status;
  const ready = old?.conditions?.find((condition) => condition.type === "Ready");
  const wanted = isServing ? "True" : "False";
  const server: ContainerStatus = {
    name: SERVER_CONTAINER,
    ready: isServing,
    restartCount: running.restarts,
    ...(running.waiting === undefined ? {} : { state: { waiting: { reason: running.waiting } } }),
    ...(running.exitCode === undefined ? {} : { lastState: { terminated: { exitCode: running.exitCode } } }),
  };
  const before = old?.containerStatuses?.[0];
  const isSame =
    old?.phase === phase &&
    ready?.status === wanted &&
    before?.restartCount === running.restarts &&
    before.state?.waiting?.reason === running.waiting &&
    before.lastState?.terminated?.exitCode === running.exitCode;
  if (isSame) return undefined;
  const lastTransitionTime = ready?.status === wanted ? (ready.lastTransitionTime ?? now) : now;
  return { phase, conditions: [{ type: "Ready", status: wanted, lastTransitionTime }], containerStatuses: [server] };
}

function emptyDisk(): DataDirectory {
  return { incarnation: undefined, recoveryEpoch: 0, data: undefined };
}
