import { type Prng, SeededPrng } from "@quorate/base";
import {
  CLAIMS,
  type Claim,
  type Decision,
  ETCD_MEMBERS,
  type EtcdClusterSpecInput,
  KubeError,
  memberClaimName,
  PODS,
  type World,
} from "../../../src/core/index.ts";
import type { Process } from "./model-etcd.ts";
import { type CallHook, Killed } from "./mortal.ts";
import { KEY, Simulation } from "./simulation.ts";

const MINUTE_MS = 60_000;
/** Simulated time within which every walk has to be where its spec asks once faults have stopped: replacing is slow on purpose. */
const SETTLE_MS = 150 * MINUTE_MS;

export const PLAIN = { peer: { mode: "Disabled" }, client: { mode: "Disabled" } } as const;

export interface WalkResult {
  readonly breaches: readonly string[];
  /** Why the cluster is not as its spec asks in the end; undefined if it is. */
  readonly unsettled: string | undefined;
  readonly settledInMs: number;
  readonly passes: number;
  readonly faults: readonly string[];
  readonly trace: readonly string[];
}

/** A cluster is born, faults fall on it for a while, they stop, and it has to become what its spec asks for. The seed says all. */
export async function walk(
  seed: number,
  judge?: (world: World) => Decision,
  settleMs: number = SETTLE_MS,
): Promise<WalkResult> {
  const prng = new SeededPrng(seed * 7919 + 17);
  const simulation = new Simulation({ seed, spec: firstSpec(prng), ...(judge === undefined ? {} : { judge }) });
  const faults = new Faults(simulation, prng);
  if (prng.below(3) > 0) await simulation.run(MINUTE_MS, () => simulation.whyNotDone() === undefined);
  await faults.rage();
  faults.stop();
  const begunMs = simulation.clock.nowMs();
  await settle(simulation, faults, settleMs);
  return {
    breaches: simulation.found,
    unsettled: simulation.whyNotDone(),
    settledInMs: simulation.clock.nowMs() - begunMs,
    passes: simulation.passes,
    faults: faults.told,
    trace: simulation.trace,
  };
}

/** Waits; when the quorum is lost for good, does what the status tells the user to do. */
async function settle(simulation: Simulation, faults: Faults, limitMs: number): Promise<void> {
  const isCurrent = (): boolean =>
    simulation.cluster.status?.observedGeneration === simulation.cluster.metadata.generation;
  const endMs = simulation.clock.nowMs() + limitMs;
  for (let attempt = 0; simulation.clock.nowMs() < endMs; attempt += 1) {
    if (
      await simulation.run(Math.min(limitMs, 5 * MINUTE_MS), () => isCurrent() && simulation.whyNotDone() === undefined)
    )
      return;
    faults.helpAsUser(attempt);
  }
}

function firstSpec(prng: Prng): EtcdClusterSpecInput {
  return {
    replicas: [1, 3, 3, 3, 5][prng.below(5)] ?? 3,
    ...(prng.below(4) === 0 ? {} : { tls: PLAIN }),
    storage: {
      whenScaled: prng.below(2) === 0 ? "Delete" : "Retain",
      medium: prng.below(12) === 0 ? "Memory" : "Disk",
    },
    maintenance: { defragmentation: { enabled: false } },
    recovery: { replaceMemberAfter: ["2m", "10m"][prng.below(2)] ?? "10m" },
    updateStrategy: { minReadySeconds: 2 },
  };
}

type Fault = (this: Faults) => string | undefined;

/** Everything that may befall a cluster and its operator. */
class Faults {
  readonly told: string[] = [];
  readonly #simulation: Simulation;
  readonly #prng: Prng;
  /** Some walks keep a majority of the data alive, others know no mercy. */
  readonly #isMerciless: boolean;
  readonly #callFaultsPerMille: number;
  #nodesAway: string[] = [];
  #isOver = false;

  constructor(simulation: Simulation, prng: Prng) {
    this.#simulation = simulation;
    this.#prng = prng;
    this.#isMerciless = prng.below(5) === 0;
    this.#callFaultsPerMille = [0, 2, 10, 30][prng.below(4)] ?? 0;
    simulation.staleMs = [0, 0, 1000, 5000, 20_000][prng.below(5)] ?? 0;
    simulation.hook = this.#hook();
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#prng.below(Math.max(1, values.length))];
  }

  async rage(): Promise<void> {
    const count = 3 + this.#prng.below(10);
    for (let index = 0; index < count; index += 1) {
      const fault = this.#pick(FAULTS) as Fault;
      const said = fault.call(this);
      if (said !== undefined) this.told.push(`${this.#simulation.seconds()} s: ${said}`);
      await this.#simulation.run(500 + this.#prng.below(this.#pick([2000, 10_000, 40_000]) ?? 0));
    }
  }

  /** The weather clears; what was broken stays broken. */
  stop(): void {
    this.#isOver = true;
    this.#simulation.staleMs = Math.min(this.#simulation.staleMs, 500);
    this.#simulation.hook = { before: () => undefined, after: () => undefined };
    this.#simulation.kubelet.badImages.clear();
    for (const node of this.#nodesAway) this.#simulation.kubelet.nodeReturns(node);
    this.#simulation.patchSpec({ paused: false, version: null });
    const even = this.#simulation.cluster.spec.replicas;
    this.told.push(`${this.#simulation.seconds()} s: faults stop, ${even} replicas wanted`);
    this.removeGuest();
  }

  /** What a user does who reads the status. */
  helpAsUser(attempt: number): void {
    const { status } = this.#simulation.cluster;
    const quorum = status?.conditions?.find((condition) => condition.type === "QuorumHealthy");
    this.removeGuest();
    if (this.#simulation.isRecovering() || status?.clusterID === undefined) return;
    if (quorum?.reason === "LostRecoverable") {
      this.told.push(`${this.#simulation.seconds()} s: recovery from a survivor is asked for`);
      this.#simulation.requestRestore(`r${attempt}`, { survivor: "auto" });
    } else if (
      quorum?.reason === "LostPermanently" ||
      status.message?.includes("restore in place from a backup") === true ||
      status.message?.includes("restore it in place") === true
    ) {
      this.told.push(`${this.#simulation.seconds()} s: restore from a snapshot is asked for`);
      this.#simulation.requestRestore(`r${attempt}`, { backupName: "b" });
    }
  }

  /** Around every call: errors, lost answers, time that passes, death. */
  #hook(): CallHook {
    const strike = (call: string, isSent: boolean): void => {
      if (this.#isOver) return;
      if (this.#prng.below(20) === 0)
        this.#simulation.clock.runUntil(this.#simulation.clock.nowMs() + this.#prng.below(400));
      if (this.#prng.below(1000) >= this.#callFaultsPerMille) return;
      const kind = this.#prng.below(3);
      const at = `${isSent ? "after" : "before"} ${call}`;
      if (kind === 0) throw new Killed(at);
      if (kind === 1) throw new KubeError(isSent ? "Timeout" : "Unavailable", at);
      throw new KubeError("Conflict", at);
    };
    return { before: (call) => strike(call, false), after: (call) => strike(call, true) };
  }

  /** True if the data of one more member may go: a majority of what is listed keeps its own. */
  mayLoseData(): boolean {
    if (this.#isMerciless) return true;
    const { status } = this.#simulation.cluster;
    const voters = status?.voters ?? 0;
    return voters >= 3 && (status?.quorum?.healthy ?? 0) === voters && this.#simulation.whyNotDone() === undefined;
  }

  anyPod(): string | undefined {
    return this.#pick(this.#simulation.api.all(PODS, KEY.namespace))?.metadata.name;
  }

  anyClaim(): Claim | undefined {
    return this.#pick(
      this.#simulation.api
        .all(CLAIMS, KEY.namespace)
        .filter((claim) => claim.metadata.labels?.["etcd.quorate.dev/retired"] !== "true"),
    );
  }

  deletePod(name: string | undefined): void {
    // What lies in memory goes with its Pod.
    if (this.isInMemory && !this.mayLoseData()) return;
    const pod = name === undefined ? undefined : this.#simulation.api.peek(PODS, { ...KEY, name });
    if (pod !== undefined) this.#simulation.api.remove(PODS, pod, false);
  }

  deleteClaim(claim: Claim | undefined): void {
    if (claim !== undefined) this.#simulation.api.remove(CLAIMS, claim, false);
  }

  removeGuest(): void {
    this.#simulation.etcd.byHand((_, config) => {
      const rest = config.filter((entry) => !entry.peerUrl.includes("guest"));
      return rest.length < config.length ? rest : undefined;
    });
  }

  nodeGoes(): string {
    const node = this.#pick(["n1", "n2", "n3", "n4", "n5"]) ?? "n1";
    this.#simulation.kubelet.nodeGoes(node);
    this.#nodesAway.push(node);
    const awayMs = 5000 + this.#prng.below(150_000);
    this.#simulation.clock.after(awayMs, () => this.#simulation.kubelet.nodeReturns(node));
    return `node ${node} is away for ${Math.round(awayMs / 1000)} s`;
  }

  get isInMemory(): boolean {
    return this.#simulation.cluster.spec.storage.medium === "Memory";
  }

  anyProcess(): Process | undefined {
    return this.#pick([...this.#simulation.etcd.processes]);
  }

  get simulation(): Simulation {
    return this.#simulation;
  }

  below(bound: number): number {
    return this.#prng.below(bound);
  }

  pick<T>(values: readonly T[]): T | undefined {
    return this.#pick(values);
  }

  get isMerciless(): boolean {
    return this.#isMerciless;
  }
}

const FAULTS: readonly Fault[] = [
  function () {
    const name = this.anyPod();
    this.deletePod(name);
    return `Pod ${name} is deleted`;
  },
  function () {
    for (const pod of this.simulation.api.all(PODS, KEY.namespace)) this.deletePod(pod.metadata.name);
    return "all Pods are deleted";
  },
  function () {
    const name = this.anyPod();
    if (name !== undefined) this.simulation.kubelet.crash(name);
    return `the server of ${name} crashes`;
  },
  function () {
    const name = this.isInMemory && !this.mayLoseData() ? undefined : this.anyPod();
    if (name !== undefined) this.simulation.kubelet.fail(name);
    return `Pod ${name} ends for good`;
  },
  function () {
    const claim = this.mayLoseData() ? this.anyClaim() : undefined;
    this.deleteClaim(claim);
    return claim === undefined ? undefined : `claim ${claim.metadata.name} is deleted`;
  },
  function () {
    const claim = this.mayLoseData() ? this.anyClaim() : undefined;
    if (claim === undefined) return undefined;
    this.simulation.kubelet.wipe(claim);
    return `the disk of ${claim.metadata.name} is wiped`;
  },
  function () {
    const name = this.mayLoseData() ? this.anyPod() : undefined;
    if (name === undefined) return undefined;
    this.deleteClaim(this.simulation.api.peek(CLAIMS, { ...KEY, name: memberClaimName(name) }));
    this.deletePod(name);
    return `Pod and claim of ${name} are deleted`;
  },
  function () {
    const member = this.mayLoseData() ? this.pick(this.simulation.api.all(ETCD_MEMBERS, KEY.namespace)) : undefined;
    if (member !== undefined) this.simulation.api.remove(ETCD_MEMBERS, member, false);
    return member === undefined ? undefined : `EtcdMember ${member.metadata.name} is deleted`;
  },
  function () {
    return this.nodeGoes();
  },
  function () {
    if (!this.mayLoseData()) return undefined;
    let gone = "nobody";
    this.simulation.etcd.byHand((_, config) => {
      const entry = this.pick(config);
      if (entry === undefined || config.filter((other) => !other.isLearner).length < 3) return undefined;
      gone = entry.name;
      return config.filter((other) => other !== entry);
    });
    return `${gone} is removed by hand`;
  },
  function () {
    this.simulation.etcd.byHand((_, config) => {
      if (config.filter((entry) => !entry.isLearner).length < 3) return undefined;
      return [
        ...config,
        { id: this.simulation.etcd.newId(), name: "", peerUrl: "http://guest:2380", isLearner: false },
      ];
    });
    return "a guest is added by hand";
  },
  function () {
    this.removeGuest();
    return "guests are removed";
  },
  function () {
    const replicas = this.pick(this.isInMemory ? [1, 3, 5] : [0, 1, 3, 3, 5]) ?? 3;
    this.simulation.patchSpec({ replicas });
    return `${replicas} replicas are wanted`;
  },
  function () {
    const snapshotCount = this.pick([100, 200, 300]);
    this.simulation.patchSpec({ config: { snapshotCount } });
    return `the configuration changes to ${snapshotCount}`;
  },
  function () {
    this.simulation.kubelet.badImages.add("quorate:3.6.99");
    this.simulation.patchSpec({ version: "3.6.99" });
    this.simulation.clock.after(60_000, () => this.simulation.patchSpec({ version: null }));
    return "a version that cannot be pulled is wanted for a minute";
  },
  function () {
    const process = this.anyProcess();
    if (process === undefined) return undefined;
    process.isHung = true;
    const hungMs = 5000 + this.below(200_000);
    this.simulation.clock.after(hungMs, () => {
      process.isHung = false;
    });
    return `the server of ${process.start.name} hangs for ${Math.round(hungMs / 1000)} s`;
  },
  function () {
    const process = this.anyProcess();
    if (process === undefined) return undefined;
    process.isHidden = true;
    const hiddenMs = 5000 + this.below(60_000);
    this.simulation.clock.after(hiddenMs, () => {
      process.isHidden = false;
    });
    return `the operator does not reach ${process.start.name} for ${Math.round(hiddenMs / 1000)} s`;
  },
  function () {
    const pod = this.pick(this.simulation.api.all(PODS, KEY.namespace));
    if (pod === undefined || this.isInMemory) return undefined;
    const isAllowed = this.simulation.api.mayEvict(pod);
    if (isAllowed) this.deletePod(pod.metadata.name);
    return `the node of ${pod.metadata.name} is drained: the budget says ${isAllowed ? "yes" : "no"}`;
  },
  function () {
    const process = this.anyProcess();
    if (process?.data === undefined) return undefined;
    for (const other of this.simulation.etcd.processes) other.dbSize = 2_147_000_000;
    this.simulation.etcd.alarms = [{ memberId: process.data.memberId, alarm: "NOSPACE" }];
    return "the store is full";
  },
  function () {
    const process = this.mayLoseData() ? this.anyProcess() : undefined;
    if (process?.data === undefined || this.simulation.etcd.alarms.length > 0) return undefined;
    this.simulation.etcd.alarms = [{ memberId: process.data.memberId, alarm: "CORRUPT" }];
    return `the data of ${process.start.name} is damaged`;
  },
  function () {
    const size = this.pick(["8Gi", "16Gi", "32Gi"]) ?? "8Gi";
    if (Number.parseInt(String(this.simulation.cluster.spec.storage.size), 10) >= Number.parseInt(size, 10))
      return undefined;
    this.simulation.patchSpec({ storage: { size } });
    return `volumes of ${size} are wanted`;
  },
  function () {
    this.simulation.patchSpec({ paused: true });
    this.simulation.clock.after(10_000, () => this.simulation.patchSpec({ paused: false }));
    return "paused for 10 s";
  },
];
