import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { IssuedPair } from "@quorate/testkit";
import { keyOf, ObjectCache } from "../object-cache.ts";
import type { RestClient } from "../rest-client.ts";
import { ClaimProvisioner } from "./claims.ts";
import type { Service } from "./hosts-file.ts";
import type { ImageTable } from "./images.ts";
import { isolationProblem } from "./isolation.ts";
import { LogServer } from "./log-server.ts";
import { LoopbackNetwork } from "./loopback-network.ts";
import type { KeyedData, Node, Pod } from "./pod.ts";
import type { VolumeSources } from "./pod-volumes.ts";
import { type PodHost, PodWorker } from "./pod-worker.ts";
import { placePod } from "./scheduling.ts";
import { TestNode } from "./test-node.ts";

export interface TestKubeletOptions {
  readonly rest: RestClient;
  /** Everything that it keeps lies below; must exist. */
  readonly directory: string;
  /** What the log servers of its nodes show. */
  readonly servingPair: IssuedPair;
  readonly images: ImageTable;
  /** Zone of each node; their names are `node-0`, `node-1`, … */
  readonly zones: readonly string[];
  /** Where the API server is for the programs of a Pod: itself, or a proxy. */
  readonly apiServer: (pod: Pod) => { readonly host: string; readonly port: number };
}

const REFRESH_MS = 100;
const HOSTS_MS = 20;
const RENEW_MS = 60_000;
const SCHEDULE_RETRY_MS = 1000;

/**
 * Scheduler and kubelet of some nodes that are all this machine: Pods run as processes, each Pod with an address of its own in
 * 127.0.0.0/8 and each container with its own view of the file system. See the package's README for what is and is not as
 * in a real kubelet.
 */
export class TestKubelet implements AsyncDisposable {
  readonly #options: TestKubeletOptions;
  readonly #network: LoopbackNetwork;
  readonly #nodes: TestNode[] = [];
  readonly #workers = new Map<string, PodWorker>();
  readonly #pods: ObjectCache<Pod>;
  readonly #nodeObjects: ObjectCache<Node & { metadata: { name: string; uid: string } }>;
  readonly #secrets: ObjectCache<KeyedData>;
  readonly #configMaps: ObjectCache<KeyedData>;
  readonly #services: ObjectCache<Service>;
  readonly #logs: LogServer;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #scheduling = new Set<string>();
  /** Placements that the cache may not show yet. */
  readonly #placed = new Map<string, Pod>();
  readonly claims: ClaimProvisioner;
  #refresh: NodeJS.Timeout | undefined;
  #hosts: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: TestKubeletOptions, network: LoopbackNetwork) {
    const { rest } = options;
    this.#options = options;
    this.#network = network;
    this.#pods = new ObjectCache(rest, "/api/v1/pods");
    this.#nodeObjects = new ObjectCache(rest, "/api/v1/nodes");
    this.#secrets = new ObjectCache(rest, "/api/v1/secrets");
    this.#configMaps = new ObjectCache(rest, "/api/v1/configmaps");
    this.#services = new ObjectCache(rest, "/api/v1/services");
    this.claims = new ClaimProvisioner(rest, options.directory);
    this.#logs = new LogServer(options.servingPair, (namespace, pod, container) =>
      this.#worker(namespace, pod)?.runner(container),
    );
  }

  /** Registers the nodes and begins to run Pods. Rejects where containers cannot be isolated. */
  static async start(options: TestKubeletOptions): Promise<TestKubelet> {
    const problem = isolationProblem();
    if (problem !== undefined) throw new Error(problem);
    const kubelet = new TestKubelet(options, await LoopbackNetwork.take());
    try {
      await kubelet.#start();
    } catch (error) {
      await kubelet.close();
      throw error;
    }
    return kubelet;
  }

  get nodes(): readonly TestNode[] {
    return this.#nodes;
  }

  /** An address of the harness's network that nobody has yet, for servers that Pods are to reach. */
  address(): string {
    return this.#network.address();
  }

  /** Everything noted about Pods that is not in their status: ends, probes, hooks. */
  get diaryFile(): string {
    return join(this.#options.directory, "kubelet.log");
  }

  /** The process of a container, and where it logs. Throws when the Pod does not run. */
  container(namespace: string, pod: string, container: string): { readonly pid: number | undefined; logFile: string } {
    const runner = this.#worker(namespace, pod)?.runner(container);
    if (runner === undefined) throw new Error(`container ${container} of pod ${namespace}/${pod} does not run`);
    return { pid: runner.pid, logFile: runner.logFile() };
  }

  /** SIGKILL to a container's process, or to all of the Pod's. Throws when the Pod does not run. */
  crash(namespace: string, pod: string, container?: string): void {
    const worker = this.#worker(namespace, pod);
    if (worker === undefined) throw new Error(`pod ${namespace}/${pod} does not run`);
    worker.crash(container);
  }

  /** The kubelet of a node does nothing more; its containers go on. */
  pauseNode(name: string): void {
    this.#node(name).pause();
  }

  /** The node loses power: its containers are gone at once, and it is told as not ready. */
  async failNode(name: string): Promise<void> {
    const node = this.#node(name);
    node.pause();
    const lost = [...this.#workers].filter(([, worker]) => worker.pod.spec.nodeName === name);
    for (const [uid] of lost) this.#workers.delete(uid);
    await Promise.all(lost.map(([, worker]) => worker.destroy()));
    await node.setReady(false);
  }

  /** Ends what `pauseNode` or `failNode` began: Pods still bound to the node run again, those deleted meanwhile end. */
  async resumeNode(name: string): Promise<void> {
    const node = this.#node(name);
    await node.setReady(true);
    node.resume();
    const known = new Set(this.#pods.all().map((pod) => pod.metadata.uid));
    for (const [uid, worker] of this.#workers) {
      if (worker.pod.spec.nodeName === name && !known.has(uid)) this.#drop(worker.pod);
    }
    for (const pod of this.#pods.all()) if (pod.spec.nodeName === name) this.#take(pod);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#refresh);
    clearTimeout(this.#hosts);
    for (const node of this.#nodes) node.close();
    const caches = [this.#pods, this.#nodeObjects, this.#secrets, this.#configMaps, this.#services];
    await Promise.all([...caches.map((cache) => cache.close()), this.claims.close(), this.#logs.close()]);
    await Promise.all([...this.#workers.values()].map((worker) => worker.destroy()));
    await this.#network.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    const { rest, zones } = this.#options;
    const logAddress = this.#network.address();
    const logPort = await this.#logs.listen(logAddress);
    for (const [index, zone] of zones.entries()) {
      const node = new TestNode(rest, { name: `node-${index}`, zone, address: logAddress, logPort });
      await node.start();
      this.#nodes.push(node);
    }
    for (const cache of [this.#secrets, this.#configMaps]) cache.onChange(() => this.#refreshSoon());
    this.#services.onChange(() => this.#writeHostsSoon());
    this.#nodeObjects.onChange(() => this.#scheduleAll());
    const changed = (): void => this.#refreshSoon();
    const sources = [this.#secrets, this.#configMaps, this.#services, this.#nodeObjects];
    await Promise.all([...sources.map((cache) => cache.start()), this.claims.start(changed)]);
    this.#pods.onChange(({ type, object }) => {
      if (type === "DELETED") this.#drop(object);
      else this.#take(object);
      this.#writeHostsSoon();
    });
    await this.#pods.start();
    this.#timers.push(setInterval(() => this.#scheduleAll(), SCHEDULE_RETRY_MS));
    this.#timers.push(setInterval(() => this.#refreshSoon(), RENEW_MS));
  }

  #take(pod: Pod): void {
    if (this.#isClosed) return;
    const { uid, deletionTimestamp } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (worker !== undefined) return worker.update(pod);
    if (pod.spec.nodeName === undefined) {
      if (deletionTimestamp === undefined) void this.#schedule(pod);
      return;
    }
    const node = this.#nodes.find(({ name }) => name === pod.spec.nodeName);
    const isOver = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    if (node?.isAwake !== true || (isOver && deletionTimestamp === undefined)) return;
    const address = { podIp: this.#network.address(), hostIp: node.address };
    const created = new PodWorker(this.#hostOf(node), pod, address, join(this.#options.directory, "pods", uid));
    this.#workers.set(uid, created);
    created.start();
  }

  #drop(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#placed.delete(uid);
    const worker = this.#workers.get(uid);
    // Behind a kubelet that does nothing the containers of a deleted Pod go on, as on a node that is cut off.
    if (worker === undefined || !this.#isAwake(worker)) return;
    this.#workers.delete(uid);
    void worker.destroy();
  }

  #isAwake(worker: PodWorker): boolean {
    return this.#nodes.find(({ name }) => name === worker.pod.spec.nodeName)?.isAwake === true;
  }

  #hostOf(node: TestNode): PodHost {
    return {
      rest: this.#options.rest,
      sources: this.#sources(),
      images: this.#options.images,
      apiServer: this.#options.apiServer,
      isAwake: () => node.isAwake,
      services: () => this.#services.all(),
      pods: () => this.#pods.all(),
      note: (pod, text) => this.#note(pod, text),
    };
  }

  #sources(): VolumeSources {
    return {
      secret: (namespace, name) => this.#secrets.get(`${namespace}/${name}`),
      configMap: (namespace, name) => this.#configMaps.get(`${namespace}/${name}`),
      claimFolder: (namespace, claimName) => {
        const folder = this.claims.folder(namespace, claimName);
        return folder !== undefined && existsSync(folder) ? folder : undefined;
      },
      token: (pod, audience, expirationSeconds) => this.#token(pod, audience, expirationSeconds),
    };
  }

  async #token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { name, namespace, uid } = pod.metadata;
    const account = pod.spec.serviceAccountName ?? "default";
    const answer = await this.#options.rest.call(
      "POST",
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          ...(audience === undefined ? {} : { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    );
    const { token } = (answer.body as { status?: { token?: string } }).status ?? {};
    if (token === undefined) throw new Error(`no token for ${namespace}/${account}: ${answer.body.message ?? ""}`);
    return token;
  }

  #scheduleAll(): void {
    for (const pod of this.#pods.all()) {
      if (pod.spec.nodeName === undefined && pod.metadata.deletionTimestamp === undefined) void this.#schedule(pod);
    }
  }

  /** One Pod after the other, since each placement depends on those before. */
  async #schedule(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    if (this.#scheduling.has(uid) || this.#isClosed) return;
    this.#scheduling.add(uid);
    try {
      const pods = this.#pods
        .all()
        .map((each) => (each.spec.nodeName === undefined ? (this.#placed.get(each.metadata.uid) ?? each) : each));
      const placement = placePod(pod, this.#nodeObjects.all(), pods);
      if (placement.kind === "node") {
        this.#placed.set(uid, { ...pod, spec: { ...pod.spec, nodeName: placement.node } });
        const target = { apiVersion: "v1", kind: "Node", name: placement.node };
        const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, uid }, target };
        const path = `/api/v1/namespaces/${namespace}/pods/${name}/binding`;
        const answer = await this.#options.rest.call("POST", path, binding);
        if (answer.status >= 300) this.#placed.delete(uid);
      } else await this.#tellUnschedulable(pod, placement.message);
    } catch {
      // The API server is away: the Pod is looked at again in a second.
      this.#placed.delete(uid);
    } finally {
      this.#scheduling.delete(uid);
    }
  }

  async #tellUnschedulable(pod: Pod, message: string): Promise<void> {
    const known = (pod.status?.conditions ?? []).find(({ type }) => type === "PodScheduled");
    if (known?.message === message) return;
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/status`;
    await this.#options.rest.patch(path, { status: { conditions: [condition] } }, "strategic-merge");
  }

  /** Real kubelets look every minute or so; here what is mounted follows its object in a moment. */
  #refreshSoon(): void {
    if (this.#isClosed) return;
    this.#refresh ??= setTimeout(() => {
      this.#refresh = undefined;
      for (const worker of this.#workers.values()) void worker.refreshVolumes();
    }, REFRESH_MS);
  }

  #writeHostsSoon(): void {
    if (this.#isClosed) return;
    this.#hosts ??= setTimeout(() => {
      this.#hosts = undefined;
      for (const worker of this.#workers.values()) worker.writeHosts();
    }, HOSTS_MS);
  }

  #worker(namespace: string, pod: string): PodWorker | undefined {
    const key = `${namespace}/${pod}`;
    return [...this.#workers.values()].find((worker) => keyOf(worker.pod) === key);
  }

  #node(name: string): TestNode {
    const node = this.#nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  #note(pod: Pod, text: string): void {
    mkdirSync(this.#options.directory, { recursive: true });
    appendFileSync(this.diaryFile, `${new Date().toISOString()} ${keyOf(pod)} ${text}\n`);
  }
}
