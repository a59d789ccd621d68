import { NO_LOGGER, type Prng, SeededPrng } from "@quorate/base";
import {
  ANNOTATIONS,
  authoritySecretName,
  CLAIMS,
  type Decision,
  DISRUPTION_BUDGETS,
  decide,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  type EtcdCluster,
  type EtcdClusterSpecInput,
  type EtcdRestore,
  type EventNote,
  KubeError,
  type KubeReader,
  LABELS,
  PODS,
  peerUrlOf,
  restoreWithDefaults,
  SECRETS,
  type World,
  withDefaults,
} from "../../../src/core/index.ts";
import { createClusterController } from "../../../src/node/cluster/index.ts";
import type { Controller } from "../../../src/node/runtime/index.ts";
import { breaches, isRecovering } from "../invariants.ts";
import { ModelApi } from "./model-api.ts";
import { ModelCertificates } from "./model-certificates.ts";
import { ModelEtcd } from "./model-etcd.ts";
import { ModelKubelet } from "./model-kubelet.ts";
import { ModelTls } from "./model-tls.ts";
import { type CallHook, Killed, mortalApi, mortalEtcd } from "./mortal.ts";
import { SimClock } from "./sim-clock.ts";

export const KEY = { namespace: "ns", name: "c" };
/** Milliseconds of one moment of kubelets and members. */
const TICK_MS = 250;
/** Milliseconds from a change to the pass that it asks for. */
const WATCH_MS = 80;

export interface SimulationOptions {
  readonly seed: number;
  readonly spec: EtcdClusterSpecInput;
  /** In place of the planner: for faults that are planted to see them found. */
  readonly judge?: (world: World) => Decision;
}

/** An operator, its Kubernetes and its etcd, on simulated time. The operator is the real one; all else is a model. */
export class Simulation {
  readonly clock = new SimClock();
  readonly prng: Prng;
  readonly api: ModelApi;
  readonly etcd: ModelEtcd;
  readonly kubelet: ModelKubelet;
  readonly tls: ModelTls;
  readonly #certificates = new ModelCertificates();
  readonly found: string[] = [];
  readonly events: EventNote[] = [];
  /** How far what the operator's caches hold is behind; milliseconds. */
  staleMs = 0;
  /** What happens around the operator's calls. */
  hook: CallHook = { before: () => undefined, after: () => undefined };
  /** Told at the end of each pass whether the operator died in it. */
  onPass: (hasDied: boolean) => void = () => undefined;
  passes = 0;
  /** Calls that the operator made: each is a place to die at. */
  calls = 0;
  lastDecision: Decision | undefined;
  lastError: string | undefined;
  /** One line for each step that was decided on, for whoever reads a failure. */
  readonly trace: string[] = [];
  #nextPassMs = 0;
  #said = "";
  #controller: Controller;
  readonly #judge: (world: World) => Decision;

  constructor(options: SimulationOptions) {
    this.prng = new SeededPrng(options.seed);
    this.#judge = options.judge ?? decide;
    this.api = new ModelApi(this.clock);
    this.etcd = new ModelEtcd(this.clock, this.prng);
    this.kubelet = new ModelKubelet(this.clock, this.prng, this.api, this.etcd);
    // Of its own, so that what else happens does not depend on it.
    this.tls = new ModelTls(this.clock, new SeededPrng(options.seed), this.api, this.kubelet);
    this.api.listeners.push(() => {
      this.#nextPassMs = Math.min(this.#nextPassMs, this.clock.nowMs() + WATCH_MS + this.staleMs);
    });
    this.etcd.onFounded = () => {
      const recorded = this.#recordedIds();
      if (recorded.length > 0) this.breach(`F1: a cluster is founded and ${recorded.join()} is recorded`);
    };
    this.#controller = this.#newOperator();
    const bare = { apiVersion: "etcd.quorate.dev/v1alpha1", kind: "EtcdCluster", metadata: KEY, spec: options.spec };
    void this.api.create(ETCD_CLUSTERS, withDefaults(bare));
    this.#nextPassMs = this.clock.nowMs();
    this.#tick();
  }

  #tick(): void {
    this.etcd.tick();
    this.kubelet.tick();
    this.#checkTruth();
    this.clock.after(TICK_MS, () => this.#tick());
  }

  /** An operator that knows nothing of the one before. */
  #newOperator(): Controller {
    // Whoever is dead makes no call any more, whatever it catches.
    let death: Killed | undefined;
    const mortally = (strike: (call: string) => void, call: string): void => {
      if (death !== undefined) throw death;
      try {
        strike(call);
      } catch (error) {
        if (error instanceof Killed) death = error;
        throw error;
      }
    };
    const counting: CallHook = {
      before: (call) => {
        this.calls += 1;
        if (call.startsWith("promote ")) this.#checkBudget();
        mortally((told) => this.hook.before(told), call);
      },
      after: (call) => mortally((told) => this.hook.after(told), call),
    };
    const cache: KubeReader = this.api.cache(() => this.staleMs);
    return createClusterController(
      {
        api: mortalApi(this.api, counting),
        cache,
        etcd: mortalEtcd(this.etcd, counting, (member, credentials) => this.tls.connect(member, credentials)),
        clock: this.clock,
        prng: this.prng,
        log: NO_LOGGER,
        events: { emit: (_, note) => void this.events.push(note) },
        options: {
          operatorNamespace: "system",
          operatorImage: "operator",
          serverImageRepository: "quorate",
          defaultServerVersion: "3.6.4",
          clusterDomain: "cluster.local",
          canReadNodes: true,
          canReadStorageClasses: false,
          isLeader: () => true,
        },
      },
      this.#certificates,
      (world) => {
        if (death !== undefined) throw death;
        return this.#watched(world);
      },
      this.tls,
    );
  }

  /** The decision, held against the world that it was made of. */
  #watched(world: World): Decision {
    const decision = this.#judge(world);
    this.lastDecision = decision;
    for (const { invariant, detail } of breaches(world, decision))
      this.breach(`${invariant}: ${detail} (rule ${decision.rule})`);
    this.#waits(decision);
    if (decision.step !== undefined) {
      const line = `${this.seconds()} s ${decision.rule}: ${JSON.stringify(decision.step).slice(0, 160)}`;
      // A pass that found something to do in the cache decides again on what it reads live.
      if (line !== this.trace.at(-1)) this.trace.push(line);
    }
    return decision;
  }

  #waits(decision: Decision): void {
    const said = `${decision.rule}: ${decision.status.message}`;
    if (decision.step !== undefined || said === this.#said) return;
    this.#said = said;
    this.trace.push(`${this.seconds()} s waits, ${said}`);
  }

  breach(text: string): void {
    if (this.found.length < 10) this.found.push(`${this.seconds()} s: ${text}`);
  }

  seconds(): string {
    return ((this.clock.nowMs() - 1_800_000_000_000) / 1000).toFixed(2);
  }

  /** What only the model knows: no second cluster, no lost write, one change at a time. */
  #checkTruth(): void {
    for (const text of this.etcd.truth.breaches.splice(0)) this.breach(text);
    for (const text of this.tls.tick(KEY)) this.breach(text);
    for (const lineage of this.etcd.lineages) {
      if (lineage.leader === undefined) continue;
      const learners = (lineage.configs.at(-1) ?? []).filter((entry) => entry.isLearner).length;
      if (learners > 1) this.breach(`M1: ${learners} learners at once`);
    }
  }

  /** Wherever the identity latch is. */
  #recordedIds(): readonly string[] {
    const own = [
      this.cluster.status?.clusterID,
      this.api.peek(SECRETS, { ...KEY, name: authoritySecretName(KEY.name) })?.metadata.annotations?.[
        ANNOTATIONS.clusterId
      ],
    ];
    const claims = this.api
      .all(CLAIMS, KEY.namespace)
      .filter((claim) => claim.metadata.labels?.[LABELS.retired] !== "true");
    return [...own, ...claims.map((claim) => claim.metadata.annotations?.[ANNOTATIONS.clusterId])].filter(
      (id) => id !== undefined,
    );
  }

  /** The budget is raised before one more member votes. */
  #checkBudget(): void {
    const config = this.etcd.lineages.find((lineage) => lineage.leader !== undefined)?.configs.at(-1) ?? [];
    const voters = config.filter((entry) => !entry.isLearner).length + 1;
    const budget = this.api.peek(DISRUPTION_BUDGETS, KEY);
    const needed = Math.floor(voters / 2) + 1;
    if ((budget?.spec.minAvailable ?? 0) < needed)
      this.breach(`B1: ${voters} are about to vote and the budget keeps ${budget?.spec.minAvailable ?? 0}`);
  }

  get cluster(): EtcdCluster {
    const live = this.api.peek(ETCD_CLUSTERS, KEY);
    if (live === undefined) throw new Error("the simulation has no cluster");
    return live;
  }

  patchSpec(spec: object): void {
    void this.api.patch(ETCD_CLUSTERS, KEY, { spec });
  }

  /** As the restore controller leaves it when its part is done. */
  requestRestore(name: string, source: EtcdRestore["spec"]["source"]): void {
    const restore = restoreWithDefaults({
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdRestore",
      metadata: { namespace: KEY.namespace, name },
      spec: { source, target: { clusterName: KEY.name }, mode: "InPlace", confirm: this.cluster.status?.clusterID },
    });
    void this.api.create(ETCD_RESTORES, restore).then(async () => {
      const artifact =
        source.survivor === undefined
          ? { artifact: { destination: { pvc: { claimName: "backups" } }, key: "k", revision: "1000" } }
          : {};
      await this.api.patchStatus(
        ETCD_RESTORES,
        { ...KEY, name },
        { phase: "Fencing", revisionBump: 1000, ...artifact },
      );
    });
  }

  /** Lets `forMs` pass, with the operator making its passes; ends early when `isDone` says so after a pass. */
  async run(forMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    const endMs = this.clock.nowMs() + forMs;
    while (this.clock.nowMs() < endMs) {
      // In small pieces: what happens meanwhile may ask for a pass at once.
      const nowMs = this.clock.nowMs();
      this.clock.runUntil(Math.min(endMs, nowMs + TICK_MS, Math.max(this.#nextPassMs, nowMs + 1)));
      if (this.#nextPassMs > this.clock.nowMs()) continue;
      await this.pass();
      if (isDone()) return true;
    }
    return false;
  }

  /** One pass of the operator, which may fail or die. */
  async pass(): Promise<void> {
    this.passes += 1;
    this.#nextPassMs = Number.POSITIVE_INFINITY;
    try {
      const { requeueAfterMs } = await this.#controller.reconcile(KEY);
      this.#passIn(requeueAfterMs ?? 15_000);
      this.lastError = undefined;
      this.onPass(false);
    } catch (error) {
      this.lastError = String(error);
      this.onPass(error instanceof Killed);
      if (error instanceof Killed) {
        // The next instance takes the lease over.
        this.#controller = this.#newOperator();
        this.#passIn(2000 + this.prng.below(6000));
      } else if (error instanceof KubeError) {
        this.#passIn(500 + this.prng.below(1000));
      } else {
        throw error;
      }
    }
  }

  #passIn(delayMs: number): void {
    this.#nextPassMs = Math.min(this.#nextPassMs, this.clock.nowMs() + delayMs);
  }

  /** Why the cluster is not as its spec asks; undefined if it is. */
  whyNotDone(): string | undefined {
    const { spec, status } = this.cluster;
    const members = this.api.all(ETCD_MEMBERS, KEY.namespace);
    const pods = this.api.all(PODS, KEY.namespace);
    const ready = status?.conditions?.find((condition) => condition.type === "Ready");
    if (spec.replicas === 0) {
      if (members.length <= 1 && pods.length === 0 && ready?.reason === "Hibernated") return undefined;
      return `${members.length} members and ${pods.length} Pods of a cluster that is to sleep; ${this.#told()}`;
    }
    if (ready?.status !== "True") return this.#told();
    const lineage = this.etcd.lineages.find((candidate) => candidate.leader !== undefined);
    const entries = lineage?.configs.at(-1) ?? [];
    const wanted = members.map((member) => peerUrlOf(this.cluster, member.metadata.name)).sort();
    if (
      entries
        .map((entry) => entry.peerUrl)
        .sort()
        .join() !== wanted.join()
    )
      return `members ${wanted.join()} and listed ${entries.map((entry) => entry.peerUrl).join()}`;
    if (entries.length !== spec.replicas || entries.some((entry) => entry.isLearner))
      return `${entries.length} members are listed`;
    return pods.length === spec.replicas ? undefined : `${pods.length} Pods`;
  }

  #told(): string {
    const { status } = this.cluster;
    return `${status?.phase}: ${status?.message} (rule ${this.lastDecision?.rule}, last error ${this.lastError ?? "none"})`;
  }

  isRecovering(): boolean {
    return this.api.all(ETCD_RESTORES, KEY.namespace).some((restore) => isRecovering({ restore } as World));
  }
}
