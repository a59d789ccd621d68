import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EtcdNode, requirePeer, type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { ControlPlane } from "./control-plane.ts";
import { type ImageTable, standardImages } from "./kubelet/images.ts";
import { TestKubelet } from "./kubelet/kubelet.ts";
import type { Pod } from "./kubelet/pod.ts";
import { PodSecurityWebhook } from "./kubelet/pod-security-webhook.ts";
import type { RestClient } from "./rest-client.ts";

export interface TestKubernetesOptions {
  /** Command line of the server that the API server keeps its objects in. */
  readonly program: readonly string[];
  /** Zone of each node; default: six nodes in three zones. */
  readonly zones?: readonly string[];
  /** Added to the images of this repository. */
  readonly images?: ImageTable;
  /** Where the API server is for a Pod's programs; default: at its own port. Asked at each start of a container. */
  readonly apiPort?: (pod: Pod) => number | undefined;
}

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

const ZONES = ["zone-a", "zone-b", "zone-c", "zone-a", "zone-b", "zone-c"];

/**
 * A whole Kubernetes on this machine: API server and controller manager on a server of this repository, nodes that run Pods
 * as processes, Pod security, kubectl and helm. Everything lies in temporary folders in memory and ends with `close`.
 */
export class TestKubernetes implements AsyncDisposable {
  readonly #directory: TemporaryDirectory;
  readonly #options: TestKubernetesOptions;
  #store: EtcdNode | undefined;
  #plane: ControlPlane | undefined;
  #kubelet: TestKubelet | undefined;
  #webhook: PodSecurityWebhook | undefined;

  private constructor(options: TestKubernetesOptions) {
    this.#options = options;
    this.#directory = temporaryDirectory("quorate-pods-", "memory");
  }

  static async start(options: TestKubernetesOptions): Promise<TestKubernetes> {
    const all = new TestKubernetes(options);
    try {
      await all.#start();
    } catch (error) {
      await all.close();
      throw error;
    }
    return all;
  }

  /** The server in which the API server keeps its objects. */
  get store(): EtcdNode {
    return started(this.#store);
  }

  get plane(): ControlPlane {
    return started(this.#plane);
  }

  get kubelet(): TestKubelet {
    return started(this.#kubelet);
  }

  get rest(): RestClient {
    return this.plane.rest;
  }

  /** A path for the caller's files, removed at the end. */
  file(name: string): string {
    return join(this.#directory.path, name);
  }

  /** kubectl's output. Rejects with what it printed when it fails. */
  async kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeeded("kubectl", args, await this.tryKubectl(args, options));
  }

  tryKubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#command(requirePeer("kubectl"), [...this.plane.kubectlArguments, ...args], options);
  }

  /** helm's output. Rejects with what it printed when it fails. */
  async helm(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeeded("helm", args, await this.tryHelm(args, options));
  }

  tryHelm(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#command(requirePeer("helm"), args, options);
  }

  /** `kubectl apply` of an object or a list of objects. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.kubectl(["apply", "--validate=false", "-f", "-"], { input: JSON.stringify(list) });
  }

  /** The object at an API path, or undefined when there is none. Rejects on any other answer. */
  async get<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.rest.call("GET", path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body.message ?? ""}`);
    return body as T;
  }

  /** Waits until the object at an API path satisfies a condition, and returns it. */
  async until<T>(path: string, condition: (object: T) => boolean, what: string, timeoutMs: number): Promise<T> {
    let last: T | undefined;
    await waitUntil(
      async () => {
        last = await this.get<T>(path).catch(() => last);
        return last !== undefined && condition(last);
      },
      { what, timeoutMs, everyMs: 100, detail: () => JSON.stringify(last, undefined, 1)?.slice(0, 6000) ?? "nothing" },
    );
    if (last === undefined) throw new Error(`no object at ${path}`);
    return last;
  }

  async close(): Promise<void> {
    await this.#kubelet?.close();
    await this.#webhook?.close();
    await this.#plane?.close();
    await this.#store?.close();
    this.#directory.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    const { program, zones = ZONES, images = {}, apiPort } = this.#options;
    this.#store = await EtcdNode.start({ program, medium: "memory" });
    this.#plane = await ControlPlane.start(this.#store.clientUrl, { controllerManager: true });
    const { rest, servingPair, authority, port } = this.#plane;
    this.#webhook = await PodSecurityWebhook.start(rest, servingPair, authority.certificate);
    mkdirSync(this.file("kubelet"));
    this.#kubelet = await TestKubelet.start({
      rest,
      servingPair,
      zones,
      directory: this.file("kubelet"),
      images: { ...standardImages(), ...images },
      apiServer: (pod) => ({ host: "127.0.0.1", port: apiPort?.(pod) ?? port }),
    });
    await waitUntil(
      async () => (await rest.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200,
      {
        what: "the default service account",
        timeoutMs: 60_000,
        everyMs: 100,
      },
    );
  }

  #command(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const { input, timeoutMs = 180_000 } = options;
    const home = this.file("home");
    mkdirSync(home, { recursive: true });
    // Clients get nothing of the user's own configuration.
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: this.plane.kubeconfig };
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        { timeout: timeoutMs, maxBuffer: 1 << 26, env, cwd: home },
        (error, output, errors) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
          resolve({ code, output, errors: error !== null && errors === "" ? error.message : errors });
        },
      );
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(input ?? "");
    });
  }
}

function succeeded(program: string, args: readonly string[], { code, output, errors }: CommandResult): string {
  if (code === 0) return output;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${errors}${output}`);
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("not started");
  return part;
}
