import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import { ApiProxy } from "../kubernetes/api-proxy.ts";
import type { Pod } from "../kubernetes/kubelet/pod.ts";
import type { KubernetesObject } from "../kubernetes/rest-client.ts";
import { TestKubernetes } from "../kubernetes/test-kubernetes.ts";
import { type ClientCredentials, MemberDirectory } from "./member-directory.ts";

export const GROUP = "etcd.quorate.dev";
export const OPERATOR_NAMESPACE = "quorate-system";
const RELEASE = "quorate-operator";
/** Where the charts are. */
export const CHARTS: string = join(REPOSITORY_ROOT, "charts");

/** The parts of an EtcdCluster that scenarios read. */
export interface EtcdCluster {
  readonly metadata: { readonly name: string; readonly generation: number; readonly uid: string };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly ready?: string;
    readonly clusterID?: string;
    readonly observedGeneration?: number;
    readonly voters?: number;
    readonly learners?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly leader?: { readonly member?: string };
    readonly members?: readonly { readonly name: string; readonly role?: string; readonly ready?: boolean }[];
    readonly survivors?: readonly { readonly member: string; readonly volume?: string }[];
    readonly operation?: { readonly type?: string; readonly member?: string; readonly step?: string };
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** A Kubernetes on this machine with the operator installed by its chart; the operator's requests go through a proxy. */
export class OperatorWorld implements AsyncDisposable {
  readonly kubernetes: TestKubernetes;
  readonly proxy: ApiProxy;

  private constructor(kubernetes: TestKubernetes, proxy: ApiProxy) {
    this.kubernetes = kubernetes;
    this.proxy = proxy;
  }

  /** Starts Kubernetes without the operator. */
  static async start(program: readonly string[]): Promise<OperatorWorld> {
    let proxy: ApiProxy | undefined;
    const apiPort = (pod: Pod): number | undefined => (isOperator(pod) ? proxy?.port : undefined);
    const kubernetes = await TestKubernetes.start({ program, apiPort });
    try {
      proxy = await ApiProxy.start(kubernetes.plane.port, kubernetes.plane.servingPair);
    } catch (error) {
      await kubernetes.close();
      throw error;
    }
    return new OperatorWorld(kubernetes, proxy);
  }

  /** `helm install` of the operator's chart, with values of its own if given; resolves when helm says that it is ready. */
  async install(values: readonly string[] = []): Promise<void> {
    const chart = join(CHARTS, "quorate-operator");
    const settings = values.flatMap((value) => ["--set", value]);
    const where = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace"];
    await this.kubernetes.helm(["install", RELEASE, chart, ...where, "--wait", "--timeout", "90s", ...settings]);
  }

  /** The operator's Pods that run. */
  async operatorPods(): Promise<readonly Pod[]> {
    const path = `/api/v1/namespaces/${OPERATOR_NAMESPACE}/pods`;
    const list = await this.kubernetes.get<{ readonly items: readonly Pod[] }>(path);
    return (list?.items ?? []).filter((pod) => isOperator(pod) && pod.status?.phase === "Running");
  }

  /** SIGKILL to every operator that runs; their Pods start them again. */
  async killOperators(): Promise<void> {
    for (const { metadata } of await this.operatorPods()) {
      try {
        this.kubernetes.kubelet.crash(metadata.namespace, metadata.name);
      } catch {
        // It is between two starts.
      }
    }
  }

  /** A namespace that takes restricted Pods only. */
  async createNamespace(name: string): Promise<void> {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await this.kubernetes.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
    await this.kubernetes.until(account, () => true, `namespace ${name}`, 30_000);
  }

  cluster(namespace: string, name: string, spec: object): ManagedCluster {
    return new ManagedCluster(this.kubernetes, namespace, name, spec);
  }

  /** What the operators logged last, for the report of a failure. */
  async operatorLog(): Promise<string> {
    const texts: string[] = [];
    for (const { metadata, spec } of await this.operatorPods()) {
      const container = spec.containers[0]?.name ?? "";
      try {
        const { logFile } = this.kubernetes.kubelet.container(metadata.namespace, metadata.name, container);
        if (existsSync(logFile)) texts.push(`${metadata.name}:\n${readFileSync(logFile, "utf8").slice(-6000)}`);
      } catch {
        texts.push(`${metadata.name} does not run`);
      }
    }
    return texts.join("\n");
  }

  async close(): Promise<void> {
    await this.kubernetes.close();
    await this.proxy.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** One EtcdCluster of a scenario. */
export class ManagedCluster {
  readonly #kubernetes: TestKubernetes;
  readonly #spec: object;
  readonly namespace: string;
  readonly name: string;

  constructor(kubernetes: TestKubernetes, namespace: string, name: string, spec: object) {
    this.#kubernetes = kubernetes;
    this.#spec = spec;
    this.namespace = namespace;
    this.name = name;
  }

  get path(): string {
    return `/apis/${GROUP}/v1alpha1/namespaces/${this.namespace}/etcdclusters/${this.name}`;
  }

  async create(): Promise<void> {
    const metadata = { name: this.name, namespace: this.namespace };
    await this.#kubernetes.apply({ apiVersion: `${GROUP}/v1alpha1`, kind: "EtcdCluster", metadata, spec: this.#spec });
  }

  async get(): Promise<EtcdCluster> {
    const cluster = await this.#kubernetes.get<EtcdCluster>(this.path);
    if (cluster === undefined) throw new Error(`no EtcdCluster ${this.namespace}/${this.name}`);
    return cluster;
  }

  /** Changes the spec by a merge patch. Rejects with the API server's words when it refuses. */
  async change(spec: object): Promise<void> {
    const { status, body } = await this.#kubernetes.rest.patch(this.path, { spec });
    if (status !== 200) throw new Error(`change of ${this.name} refused: ${status} ${messageOf(body)}`);
  }

  /** Waits until the status says what is wanted of the spec's newest generation. */
  async until(condition: (cluster: EtcdCluster) => boolean, what: string, timeoutMs: number): Promise<EtcdCluster> {
    const isSeen = (cluster: EtcdCluster): boolean =>
      cluster.status?.observedGeneration === cluster.metadata.generation && condition(cluster);
    return await this.#kubernetes.until<EtcdCluster>(this.path, isSeen, `${this.name}: ${what}`, timeoutMs);
  }

  /** Waits until `replicas` members vote and are ready, and nothing is being done. */
  async untilSettled(replicas: number, timeoutMs: number): Promise<EtcdCluster> {
    return await this.until((cluster) => isSettled(cluster, replicas), `${replicas} ready members`, timeoutMs);
  }

  /** Adds annotations to the object. */
  async annotate(annotations: Readonly<Record<string, string>>): Promise<void> {
    const { status, body } = await this.#kubernetes.rest.patch(this.path, { metadata: { annotations } });
    if (status !== 200) throw new Error(`annotations of ${this.name} refused: ${status} ${messageOf(body)}`);
  }

  /** What the operator publishes for clients now; undefined where there is no TLS. */
  async credentials(): Promise<ClientCredentials | undefined> {
    const secret = `/api/v1/namespaces/${this.namespace}/secrets/${this.name}-client`;
    const data = (await this.#kubernetes.get<KubernetesObject>(secret))?.data;
    if (data === undefined) return undefined;
    const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString();
    return { authority: text("ca.crt"), certificate: text("tls.crt"), key: text("tls.key") };
  }

  /** Its members, with the credentials that the operator publishes now unless others are given. */
  async members(credentials?: ClientCredentials): Promise<MemberDirectory> {
    const tls = credentials ?? (await this.credentials());
    const directory = new MemberDirectory(this.#kubernetes.rest, this.namespace, this.name, tls);
    await directory.start();
    return directory;
  }

  /** Names of the members' Pods. */
  async pods(): Promise<readonly Pod[]> {
    const selector = encodeURIComponent(`${GROUP}/cluster=${this.name},${GROUP}/member`);
    const path = `/api/v1/namespaces/${this.namespace}/pods?labelSelector=${selector}`;
    return (await this.#kubernetes.get<{ readonly items: readonly Pod[] }>(path))?.items ?? [];
  }

  /** Deletes a member's Pod and its claim, data and all, as a node that is lost with its disk. */
  async loseMember(name: string): Promise<void> {
    const base = `/api/v1/namespaces/${this.namespace}`;
    const force = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 };
    await this.#kubernetes.rest.call("DELETE", `${base}/persistentvolumeclaims/data-${name}`);
    await this.#kubernetes.rest.call("DELETE", `${base}/pods/${name}`, force);
    await waitUntil(
      async () => {
        // Protection of claims that are in use ends with the Pod; a Pod made anew meanwhile must not hold it.
        const claim = await this.#kubernetes.get<KubernetesObject>(`${base}/persistentvolumeclaims/data-${name}`);
        if (claim !== undefined) await this.#kubernetes.rest.call("DELETE", `${base}/pods/${name}`, force);
        return claim === undefined;
      },
      { what: `the end of claim data-${name}`, timeoutMs: 30_000, everyMs: 100 },
    );
  }
}

/** Whether the status says that so many members vote and are ready, and nothing is open. */
export function isSettled(cluster: EtcdCluster, replicas: number): boolean {
  const { voters, learners = 0, readyReplicas } = cluster.status ?? {};
  const isWhole = voters === replicas && readyReplicas === replicas && learners === 0;
  return isWhole && conditionOf(cluster, "Ready") === "True";
}

/** Status of a condition; undefined when the cluster does not tell it. */
export function conditionOf({ status }: EtcdCluster, type: string): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.status;
}

function isOperator(pod: Pod): boolean {
  const labels = pod.metadata.labels ?? {};
  return pod.metadata.namespace === OPERATOR_NAMESPACE && labels["app.kubernetes.io/name"] === "quorate-operator";
}

function messageOf(body: KubernetesObject): string {
  return body.message ?? "";
}
