import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { REPOSITORY_ROOT } from "../../command-line.ts";
import type { RestClient } from "../rest-client.ts";
import { ContainerConfigError, containerEnvironment, expandVariables, ownAddress } from "./container-command.ts";
import { ContainerRunner, NotStartable, type StartPlan } from "./container-runner.ts";
import { hostsFile, type Service } from "./hosts-file.ts";
import { findImage, type ImageTable, programScripts } from "./images.ts";
import { type BindMount, isolatedCommand } from "./isolation.ts";
import type { Container, Pod } from "./pod.ts";
import type { PodAddress } from "./pod-fields.ts";
import { type PodFacts, statusPatch } from "./pod-status.ts";
import { PodVolumes, VolumeNotReady, type VolumeSources } from "./pod-volumes.ts";

/** What a Pod's worker gets from its node. */
export interface PodHost {
  readonly rest: RestClient;
  readonly sources: VolumeSources;
  readonly images: ImageTable;
  /** Where the API server is for the Pod's programs. */
  apiServer(pod: Pod): { readonly host: string; readonly port: number };
  /** False while the node's kubelet is held up: the processes go on, nothing is told or started. */
  isAwake(): boolean;
  services(): readonly Service[];
  pods(): readonly Pod[];
  note(pod: Pod, text: string): void;
}

const RETRY_MS = 300;
const GRACE_DEFAULT_SECONDS = 30;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** One Pod from its arrival at a node until it is gone: volumes, init containers, containers, status, and its end. */
export class PodWorker {
  readonly #host: PodHost;
  readonly #directory: string;
  readonly #volumes: PodVolumes;
  readonly #startTime: string = new Date().toISOString();
  readonly #stopping = new AbortController();
  readonly #runners = new Map<string, ContainerRunner>();
  readonly #over = new Set<string>();
  readonly address: PodAddress;
  #pod: Pod;
  #folders: ReadonlyMap<string, string> = new Map();
  #initialized = false;
  #failure: PodFacts["failure"];
  #waiting = "";
  #hosts = "";
  #ending: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #isDirty = false;
  #isDestroyed = false;
  #sent = "";

  constructor(host: PodHost, pod: Pod, address: PodAddress, directory: string) {
    this.#host = host;
    this.#pod = pod;
    this.address = address;
    this.#directory = directory;
    this.#volumes = new PodVolumes(directory, host.sources, address);
  }

  get pod(): Pod {
    return this.#pod;
  }

  start(): void {
    mkdirSync(this.#directory, { recursive: true });
    this.writeHosts();
    this.#running = this.#run();
    const { activeDeadlineSeconds } = this.#pod.spec;
    if (activeDeadlineSeconds !== undefined) void this.#expire(activeDeadlineSeconds * 1000);
    this.update(this.#pod);
  }

  /** Takes a newer version of the Pod's object. */
  update(pod: Pod): void {
    const annotationsChanged = JSON.stringify(pod.metadata) !== JSON.stringify(this.#pod.metadata);
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.end();
    else if (annotationsChanged) void this.refreshVolumes();
    // Readiness gates are conditions that others set.
    this.#changed();
  }

  /** Begins the graceful end of a Pod whose object is being deleted. */
  end(): void {
    if (!this.#host.isAwake()) return;
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const graceSeconds =
      deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_SECONDS;
    this.#ending ??= this.#end(graceSeconds * 1000);
  }

  /** Ends the processes at once: the object is gone, or the node. Resolves when nothing is left. */
  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    this.#stopping.abort();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(0)));
    await this.#running;
    await this.#ending;
    await this.#syncing;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** SIGKILL to one container, or to all. Throws when there is none of that name. */
  crash(container?: string): void {
    const runners = [...this.#runners.values()].filter(({ name }) => container === undefined || name === container);
    if (runners.length === 0) throw new Error(`pod ${this.#pod.metadata.name} runs no container ${container ?? ""}`);
    for (const runner of runners) runner.crash();
  }

  runner(container: string): ContainerRunner | undefined {
    return this.#runners.get(container);
  }

  async refreshVolumes(): Promise<void> {
    if (this.#folders.size === 0 || this.#stopping.signal.aborted || !this.#host.isAwake()) return;
    await this.#volumes.refresh(this.#pod).catch(() => undefined);
  }

  /** Writes the hosts file in place, so that running containers see it. */
  writeHosts(): void {
    if (this.#isDestroyed) return;
    const text = hostsFile(this.#pod, this.address.podIp, this.#host.services(), this.#host.pods());
    if (text === this.#hosts) return;
    this.#hosts = text;
    overwrite(this.#hostsFile, text);
  }

  async #run(): Promise<void> {
    this.#changed();
    while (!this.#stopping.signal.aborted && !(await this.#prepareVolumes())) await this.#pause(RETRY_MS);
    for (const container of this.#pod.spec.initContainers ?? []) {
      if (this.#stopping.signal.aborted) return;
      const code = await this.#runContainer(container, (exitCode) => {
        return exitCode !== 0 && this.#pod.spec.restartPolicy !== "Never";
      });
      if (code !== 0) return;
    }
    if (this.#stopping.signal.aborted) return;
    this.#initialized = true;
    await Promise.all(
      this.#pod.spec.containers.map((each) => this.#runContainer(each, (code) => this.#restarts(code))),
    );
  }

  async #prepareVolumes(): Promise<boolean> {
    if (!this.#host.isAwake()) return false;
    try {
      this.#folders = await this.#volumes.prepare(this.#pod);
      return true;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.#waiting) this.#host.note(this.#pod, `waits: ${text}`);
      this.#waiting = text;
      if (!(error instanceof VolumeNotReady)) await this.#pause(RETRY_MS);
      return false;
    }
  }

  async #runContainer(container: Container, restarts: (exitCode: number) => boolean): Promise<number | undefined> {
    const runner = new ContainerRunner({
      container,
      podIp: this.address.podIp,
      logFolder: join(this.#directory, "logs"),
      terminationMessageFile: this.#terminationMessageFile(container),
      restarts,
      plan: () => this.#plan(container),
      changed: () => this.#changed(),
      note: (text) => this.#host.note(this.#pod, text),
    });
    this.#runners.set(container.name, runner);
    const code = await runner.run();
    this.#over.add(container.name);
    this.#changed();
    return code;
  }

  #restarts(exitCode: number): boolean {
    const policy = this.#pod.spec.restartPolicy ?? "Always";
    return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
  }

  #terminationMessageFile(container: Container): string {
    return join(this.#directory, "containers", container.name, "termination-message");
  }

  #plan(container: Container): StartPlan {
    const image = findImage(this.#host.images, container.image);
    if (image === undefined) throw new NotStartable("ImagePullBackOff", `no such image: ${container.image}`);
    if (!this.#host.isAwake()) throw new NotStartable("ContainerCreating", "the kubelet is held up");
    const { podIp } = this.address;
    const values = this.#environment(container);
    const expand = (words: readonly string[] | undefined): readonly string[] | undefined =>
      words?.map((word) => ownAddress(expandVariables(word, values), podIp));
    const words = expand(container.command) ?? image.entrypoint;
    const args = expand(container.args) ?? [];
    const folder = join(this.#directory, "containers", container.name);
    const enter = isolatedCommand(folder, {
      hostname: this.#pod.spec.hostname ?? this.#pod.metadata.name,
      hostsFile: this.#hostsFile,
      mounts: [...this.#mounts(container), ...this.#terminationMount(container)],
      programs: programScripts(image),
      readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
      workingDirectory: container.workingDir ?? "/",
      kept: [REPOSITORY_ROOT],
    });
    return { command: [...enter, ...words, ...args], env: this.#processEnvironment(values) };
  }

  /** The file that a container may leave its last words in. The default lies in /dev, which is the machine's own here: there is none then. */
  #terminationMount({ name, terminationMessagePath }: Container): readonly BindMount[] {
    if (terminationMessagePath === undefined || terminationMessagePath.startsWith("/dev/")) return [];
    const source = join(this.#directory, "containers", name, "termination-message");
    mkdirSync(dirname(source), { recursive: true });
    // Each start begins with an empty one; whatever user the container runs as may write it.
    writeFileSync(source, "", { mode: 0o666 });
    chmodSync(source, 0o666);
    return [{ source, target: terminationMessagePath, readOnly: false, file: true }];
  }

  #environment(container: Container): Readonly<Record<string, string>> {
    try {
      return containerEnvironment(container, this.#pod, this.#host.sources, this.address);
    } catch (error) {
      if (error instanceof ContainerConfigError) throw new NotStartable("CreateContainerConfigError", error.message);
      throw error;
    }
  }

  #processEnvironment(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { podIp } = this.address;
    const api = this.#host.apiServer(this.#pod);
    const own = Object.entries(values).map(([name, value]) => [name, ownAddress(value, podIp)]);
    return {
      PATH,
      HOME: "/",
      HOSTNAME: this.#pod.spec.hostname ?? this.#pod.metadata.name,
      ...Object.fromEntries(own),
      KUBERNETES_SERVICE_HOST: api.host,
      KUBERNETES_SERVICE_PORT: String(api.port),
      KUBERNETES_SERVICE_PORT_HTTPS: String(api.port),
      TEST_POD_ADDRESS: podIp,
    };
  }

  #mounts(container: Container): readonly BindMount[] {
    return (container.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly = false }) => {
      const folder = this.#folders.get(name);
      if (folder === undefined) throw new NotStartable("CreateContainerConfigError", `no volume ${name}`);
      const volume = this.#pod.spec.volumes?.find((each) => each.name === name);
      const isPayload = volume?.emptyDir === undefined && volume?.persistentVolumeClaim === undefined;
      if (subPath === undefined) return { source: folder, target: mountPath, readOnly: readOnly || isPayload };
      const source = join(folder, subPath);
      const stat = statSync(source, { throwIfNoEntry: false });
      if (stat === undefined) mkdirSync(source, { recursive: true });
      return { source, target: mountPath, readOnly: readOnly || isPayload, file: stat?.isFile() === true };
    });
  }

  async #expire(ms: number): Promise<void> {
    await this.#pause(ms);
    if (this.#stopping.signal.aborted) return;
    this.#failure = {
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    };
    await this.#stopAll((this.#pod.spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_SECONDS) * 1000);
    this.#changed();
  }

  async #end(graceMs: number): Promise<void> {
    await this.#stopAll(graceMs);
    await this.#running;
    this.#changed();
    await this.#syncing;
    const { namespace, name, uid } = this.#pod.metadata;
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions: { uid } };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    // Asked again until the object is gone, over outages of the API server and of this kubelet.
    while (!this.#isDestroyed && !(await this.#isGone(path, options))) await sleep(RETRY_MS);
  }

  async #isGone(path: string, options: object): Promise<boolean> {
    if (!this.#host.isAwake()) return false;
    const answer = await this.#host.rest.call("DELETE", path, options).catch(() => undefined);
    if (answer !== undefined && [200, 404, 409].includes(answer.status)) return true;
    this.#host.note(this.#pod, `not deleted: ${answer?.status ?? ""} ${answer?.body.message ?? "no answer"}`);
    return false;
  }

  async #stopAll(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(graceMs)));
  }

  #changed(): void {
    this.#isDirty = true;
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    });
  }

  /** Tells the API server what is new, until nothing is. */
  async #sync(): Promise<void> {
    while (this.#isDirty && !this.#isDestroyed) {
      this.#isDirty = false;
      // What happens in one turn is told in one call.
      await sleep(5);
      if (!this.#host.isAwake()) return;
      const { namespace, name, uid } = this.#pod.metadata;
      const patch = statusPatch(this.#pod, this.#facts(), new Date().toISOString());
      const text = JSON.stringify(patch, (key, value: unknown) => (key === "lastTransitionTime" ? undefined : value));
      if (text === this.#sent) continue;
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      const answer = await this.#host.rest.patch(path, patch, "strategic-merge").catch(() => undefined);
      if (answer?.status === 200) this.#sent = text;
      else if (answer?.status === 404 || answer?.status === 409) return;
      else {
        this.#host.note(this.#pod, `status of ${uid} not taken: ${answer?.body.message ?? "no answer"}`);
        this.#isDirty = true;
        await sleep(RETRY_MS);
      }
    }
  }

  #facts(): PodFacts {
    const statusOf = (container: Container): ReturnType<ContainerRunner["status"]> =>
      this.#runners.get(container.name)?.status() ?? {
        name: container.name,
        image: container.image,
        imageID: "",
        containerID: "",
        state: { waiting: { reason: this.#initialized ? "ContainerCreating" : "PodInitializing" } },
        lastState: {},
        ready: false,
        started: false,
        restartCount: 0,
      };
    const inits = this.#pod.spec.initContainers ?? [];
    return {
      podIp: this.address.podIp,
      hostIp: this.address.hostIp,
      startTime: this.#startTime,
      initialized: this.#initialized,
      initStatuses: inits.map((each) => {
        const status = statusOf(each);
        // An init container is ready when it has done its work.
        return { ...status, ready: status.state.terminated?.exitCode === 0 };
      }),
      statuses: this.#pod.spec.containers.map(statusOf),
      over: this.#over,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  get #hostsFile(): string {
    return join(this.#directory, "hosts");
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** Replaces a file's content in place and, unlike a plain write, without a moment at which it is empty. */
function overwrite(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    ftruncateSync(file, writeSync(file, text));
  } finally {
    closeSync(file);
  }
}
