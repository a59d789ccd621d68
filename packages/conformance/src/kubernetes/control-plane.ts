import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ChildServer,
  freePorts,
  type IssuedPair,
  requirePeer,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import { RestClient } from "./rest-client.ts";

const READY_TIMEOUT_MS = 90_000;
const TOKEN = "conformance";
/** Names by which Pods reach the API server. */
const SERVER_HOSTS = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
/**
 * What the controller manager does beside the API server. Not run: what needs a cloud or a network, and the controllers
 * of volumes that are attached, which the test kubelet has no use for, and that of endpoints, which may not be in 127.0.0.0/8.
 */
const CONTROLLERS: readonly string[] = [
  "serviceaccount",
  "serviceaccount-token",
  "root-ca-cert-publisher",
  "clusterrole-aggregation",
  "namespace",
  "garbagecollector",
  "podgc",
  "replicaset",
  "deployment",
  "statefulset",
  "daemonset",
  "job",
  "cronjob",
  "ttl-after-finished",
  "disruption",
  "persistentvolume-binder",
  "pvc-protection",
  "pv-protection",
  "nodelifecycle",
  "resourcequota",
];

/** Until 1.22 what later releases do anyway, so that they no longer know the flags: finished Jobs go when their time is over; no plain HTTP. */
function oldFlags(program: "kube-apiserver" | "kube-controller-manager"): readonly string[] {
  const [, minor] = /v1\.(\d+)\./.exec(execFileSync(requirePeer(program), ["--version"], { encoding: "utf8" })) ?? [];
  if (Number(minor) > 22) return [];
  return ["--feature-gates=TTLAfterFinished=true", ...(program === "kube-controller-manager" ? ["--port=0"] : [])];
}

/** What the API server shows its etcd, and by whom it expects that to be certified. */
export interface EtcdCertificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ControlPlaneOptions {
  /** Default: plain text towards the etcd. */
  readonly certificates?: EtcdCertificates;
  /** Runs a kube-controller-manager beside the API server, with ServiceAccount admission on. Default: no. */
  readonly controllerManager?: boolean;
  /** Flags added to the API server's. */
  readonly flags?: readonly string[];
}

/**
 * A kube-apiserver on loopback that keeps everything in the etcd it is given, and a kube-controller-manager if wanted.
 * RBAC is on; `rest`, kubectl and helm act as a member of `system:masters`.
 */
export class ControlPlane implements AsyncDisposable {
  readonly #etcdFlags: readonly string[];
  readonly #options: ControlPlaneOptions;
  readonly #directory: TemporaryDirectory;
  readonly port: number;
  readonly rest: RestClient;
  #authority: TestAuthority | undefined;
  #pair: IssuedPair | undefined;
  #server: ChildServer | undefined;
  #controllers: ChildServer | undefined;

  private constructor(etcdUrls: string, options: ControlPlaneOptions, port: number) {
    this.#etcdFlags = etcdFlags(etcdUrls, options.certificates);
    this.#options = options;
    this.port = port;
    this.#directory = temporaryDirectory("quorate-kubernetes-");
    this.rest = new RestClient(port, TOKEN);
    const keys = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    writeFileSync(this.file("sa.key"), keys.privateKey);
    writeFileSync(this.file("sa.pub"), keys.publicKey);
    writeFileSync(this.file("tokens.csv"), `${TOKEN},admin,uid,system:masters\n`);
    writeFileSync(this.kubeconfig, this.kubeconfigFor(port));
  }

  /** Starts an API server on the etcd with these client URLs, separated by commas, and waits until it is ready. */
  static async start(etcdUrls: string, options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const [port] = await freePorts(1);
    if (port === undefined) throw new Error("no free port");
    const plane = new ControlPlane(etcdUrls, options, port);
    try {
      await plane.#certify();
      await plane.startServer();
      if (options.controllerManager === true) plane.startControllers();
    } catch (error) {
      await plane.close();
      throw error;
    }
    return plane;
  }

  /** Everything the API server logged, over all starts. */
  log(): string {
    return readFileSync(this.file("apiserver.log"), "utf8");
  }

  /** Arguments that make kubectl talk to this API server. */
  get kubectlArguments(): readonly string[] {
    const server = `https://127.0.0.1:${this.port}`;
    const cache = `--cache-dir=${this.file("kubectl-cache")}`;
    return [`--server=${server}`, "--insecure-skip-tls-verify", `--token=${TOKEN}`, cache];
  }

  /** A kubeconfig file that lets kubectl, helm and controllers act as an administrator. */
  get kubeconfig(): string {
    return this.file("kubeconfig");
  }

  /** The text of a kubeconfig for another port of 127.0.0.1, such as that of a proxy, and another user's token. */
  kubeconfigFor(port: number, token: string = TOKEN): string {
    const cluster = { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster }],
      users: [{ name: "test", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    });
  }

  /** The authority that certified the API server; other servers of the harness may be certified by it as well. */
  get authority(): TestAuthority {
    if (this.#authority === undefined) throw new Error("the control plane was not started");
    return this.#authority;
  }

  /** What the API server shows its clients. */
  get servingPair(): IssuedPair {
    if (this.#pair === undefined) throw new Error("the control plane was not started");
    return this.#pair;
  }

  /** A path in a folder of its own, removed at the end. */
  file(name: string): string {
    return join(this.#directory.path, name);
  }

  /** Stops the API server if it runs, starts it and waits until it is ready. */
  async restart(): Promise<void> {
    await this.stopServer();
    await this.startServer();
  }

  /** Ends the API server; the controller manager goes on without it. */
  async stopServer(): Promise<void> {
    await this.#server?.terminate(75_000);
    this.#server = undefined;
  }

  /** Kills the API server at once, as a lost machine would. */
  async killServer(): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
  }

  async startServer(): Promise<void> {
    const server = ChildServer.spawn({
      command: [requirePeer("kube-apiserver"), ...this.#flags()],
      logFile: this.file("apiserver.log"),
      ready: /never asked/,
    });
    this.#server = server;
    await waitUntil(async () => server.exit !== undefined || (await this.#isReady()), {
      what: "the API server to be ready",
      timeoutMs: READY_TIMEOUT_MS,
      everyMs: 200,
      detail: () => server.log().slice(-3000),
    });
    if (server.exit !== undefined) throw new Error(`the API server ended:\n${server.log().slice(-3000)}`);
  }

  /** Starts the controller manager; it waits for the API server by itself. */
  startControllers(): void {
    this.#controllers = ChildServer.spawn({
      command: [requirePeer("kube-controller-manager"), ...this.#controllerFlags()],
      logFile: this.file("controllers.log"),
      ready: /never asked/,
    });
  }

  /** Kills the controller manager at once. */
  async killControllers(): Promise<void> {
    await this.#controllers?.kill();
    this.#controllers = undefined;
  }

  async close(): Promise<void> {
    this.rest.close();
    await Promise.all([this.#controllers?.kill(), this.#server?.kill()]);
    this.#directory.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #certify(): Promise<void> {
    this.#authority = await TestAuthority.create(this.#directory.path, "kubernetes-ca");
    this.#pair = await this.#authority.issue("apiserver", { hosts: SERVER_HOSTS });
  }

  async #isReady(): Promise<boolean> {
    const ready = await this.rest.call("GET", "/readyz").catch(() => undefined);
    if (ready?.status !== 200) return false;
    const namespace = await this.rest.call("GET", "/api/v1/namespaces/default").catch(() => undefined);
    return namespace?.status === 200;
  }

  #flags(): readonly string[] {
    // Taints of nodes come and go with their conditions, a second late; a node that is made ready is to be used at once.
    const disabled = ["TaintNodesByCondition", ...(this.#options.controllerManager === true ? [] : ["ServiceAccount"])];
    return [
      ...this.#etcdFlags,
      `--secure-port=${this.port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--cert-dir=${this.file("certificates")}`,
      `--tls-cert-file=${this.servingPair.certFile}`,
      `--tls-private-key-file=${this.servingPair.keyFile}`,
      `--service-account-key-file=${this.file("sa.pub")}`,
      `--service-account-signing-key-file=${this.file("sa.key")}`,
      "--service-account-issuer=https://127.0.0.1",
      "--service-cluster-ip-range=10.0.0.0/16",
      `--token-auth-file=${this.file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--endpoint-reconciler-type=none",
      `--disable-admission-plugins=${disabled.join(",")}`,
      ...oldFlags("kube-apiserver"),
      ...(this.#options.flags ?? []),
    ];
  }

  #controllerFlags(): readonly string[] {
    return [
      `--kubeconfig=${this.kubeconfig}`,
      `--controllers=${CONTROLLERS.join(",")}`,
      `--root-ca-file=${this.authority.caFile}`,
      `--service-account-private-key-file=${this.file("sa.key")}`,
      ...oldFlags("kube-controller-manager"),
      "--leader-elect=false",
      "--secure-port=0",
      "--node-monitor-period=1s",
      "--node-monitor-grace-period=20s",
      "--pvclaimbinder-sync-period=2s",
      // The defaults are for large clusters; a test waits for what they hold back.
      "--kube-api-qps=200",
      "--kube-api-burst=400",
    ];
  }
}

function etcdFlags(urls: string, certificates: EtcdCertificates | undefined): readonly string[] {
  if (certificates === undefined) return [`--etcd-servers=${urls}`];
  const { caFile, certFile, keyFile } = certificates;
  return [
    `--etcd-servers=${urls}`,
    `--etcd-cafile=${caFile}`,
    `--etcd-certfile=${certFile}`,
    `--etcd-keyfile=${keyFile}`,
  ];
}
