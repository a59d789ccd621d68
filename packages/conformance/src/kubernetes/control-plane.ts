import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ChildServer,
  freePorts,
  requirePeer,
  type TemporaryDirectory,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import { RestClient } from "./rest-client.ts";

const READY_TIMEOUT_MS = 90_000;
const TOKEN = "conformance";

/** A kube-apiserver on loopback that keeps everything in the etcd it is given. */
export class ControlPlane implements AsyncDisposable {
  readonly #etcd: string;
  readonly #directory: TemporaryDirectory;
  readonly #port: number;
  readonly rest: RestClient;
  #server: ChildServer | undefined;

  private constructor(etcd: string, port: number) {
    this.#etcd = etcd;
    this.#port = port;
    this.#directory = temporaryDirectory("quorate-kubernetes-");
    this.rest = new RestClient(port, TOKEN);
    const keys = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    writeFileSync(this.#file("sa.key"), keys.privateKey);
    writeFileSync(this.#file("sa.pub"), keys.publicKey);
    writeFileSync(this.#file("tokens.csv"), `${TOKEN},admin,uid,system:masters\n`);
  }

  /** Starts an API server on the etcd at `host:port` and waits until it is ready. */
  static async start(etcd: string): Promise<ControlPlane> {
    const [port] = await freePorts(1);
    if (port === undefined) throw new Error("no free port");
    const plane = new ControlPlane(etcd, port);
    try {
      await plane.restart();
    } catch (error) {
      await plane.close();
      throw error;
    }
    return plane;
  }

  /** Everything the API server logged, over all starts. */
  log(): string {
    return readFileSync(this.#file("apiserver.log"), "utf8");
  }

  /** Arguments that make kubectl talk to this API server. */
  get kubectlArguments(): readonly string[] {
    const server = `https://127.0.0.1:${this.#port}`;
    const cache = `--cache-dir=${this.#file("kubectl-cache")}`;
    return [`--server=${server}`, "--insecure-skip-tls-verify", `--token=${TOKEN}`, cache];
  }

  /** A path in a folder of its own, removed at the end. */
  file(name: string): string {
    return this.#file(name);
  }

  /** Stops the API server if it runs, starts it and waits until it is ready. */
  async restart(): Promise<void> {
    await this.#stop();
    this.#server = ChildServer.spawn({
      command: [requirePeer("kube-apiserver"), ...this.#flags()],
      logFile: this.#file("apiserver.log"),
      ready: /never asked/,
    });
    const server = this.#server;
    await waitUntil(async () => server.exit !== undefined || (await this.#isReady()), {
      what: "the API server to be ready",
      timeoutMs: READY_TIMEOUT_MS,
      everyMs: 200,
      detail: () => server.log().slice(-3000),
    });
    if (server.exit !== undefined) throw new Error(`the API server ended:\n${server.log().slice(-3000)}`);
  }

  async close(): Promise<void> {
    this.rest.close();
    await this.#server?.kill();
    this.#directory.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #stop(): Promise<void> {
    await this.#server?.terminate(75_000);
    this.#server = undefined;
  }

  async #isReady(): Promise<boolean> {
    const ready = await this.rest.call("GET", "/readyz").catch(() => undefined);
    if (ready?.status !== 200) return false;
    const namespace = await this.rest.call("GET", "/api/v1/namespaces/default").catch(() => undefined);
    return namespace?.status === 200;
  }

  #file(name: string): string {
    return join(this.#directory.path, name);
  }

  #flags(): readonly string[] {
    return [
      `--etcd-servers=http://${this.#etcd}`,
      `--secure-port=${this.#port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--cert-dir=${this.#file("certificates")}`,
      `--service-account-key-file=${this.#file("sa.pub")}`,
      `--service-account-signing-key-file=${this.#file("sa.key")}`,
      "--service-account-issuer=https://127.0.0.1",
      "--service-cluster-ip-range=10.0.0.0/24",
      `--token-auth-file=${this.#file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--endpoint-reconciler-type=none",
      "--disable-admission-plugins=ServiceAccount",
    ];
  }
}
