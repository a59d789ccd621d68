import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ChildServer, type ChildServerOptions, type Exit } from "./child-server.ts";
import { freePorts } from "./free-ports.ts";
import { type TemporaryDirectory, type TemporaryMedium, temporaryDirectory } from "./temporary-directory.ts";

/** What a member is told of the cluster that it founds or joins. */
export interface Bootstrap {
  /** `name=url,name=url`, the member's own name among them. */
  readonly initialCluster: string;
  readonly state: "new" | "existing";
}

/** TLS on one of a member's two listeners. */
export interface NodeTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Those who connect must show a certificate of this authority. For members: also the authority of those connected to. */
  readonly trustedCaFile?: string;
  /** `--client-cert-auth` or `--peer-client-cert-auth`. */
  readonly clientCertAuth?: boolean;
}

export interface EtcdNodeOptions {
  /** Program and leading arguments of anything that takes etcd's flags. */
  readonly program: readonly string[];
  /** Flags added to the ones set here, such as `--max-txn-ops=8`. */
  readonly flags?: readonly string[];
  /** TLS towards clients; `auto`: with a certificate of the member's own making; default: plain text. */
  readonly clientTls?: NodeTls | "auto";
  /** The same towards other members. */
  readonly peerTls?: NodeTls | "auto";
  /** Where the data directory lies; default `disk`. */
  readonly medium?: TemporaryMedium;
  readonly readyTimeoutMs?: number;
  /** Environment variables for the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The member's name; default `n1`. */
  readonly name?: string;
  /** Asked at each start; default: a new cluster of this member alone. */
  readonly bootstrap?: () => Bootstrap;
  /** Asked at each start: the peer URL that the member tells others, such as that of a proxy; default: the one it listens on. */
  readonly advertisePeerUrl?: (listenUrl: string) => string;
}

/** The two ports of a member. */
export interface MemberPorts {
  readonly client: number;
  readonly peer: number;
}

const PORT_ATTEMPTS_MAX = 5;

/** 3.4 with structured logs never says that it is ready, only that it serves. */
const READY = /ready to serve client requests|serving client traffic (?:in)?securely/;

/**
 * One etcd-like member on loopback with random ports and a data directory of its own, which stays the same over kills
 * and restarts. `close()` kills it and removes the directory.
 */
export class EtcdNode implements AsyncDisposable {
  readonly #options: EtcdNodeOptions;
  readonly #directory: TemporaryDirectory;
  readonly clientPort: number;
  readonly peerPort: number;
  #server: ChildServer | undefined;

  private constructor(options: EtcdNodeOptions, ports: MemberPorts) {
    this.#options = options;
    this.clientPort = ports.client;
    this.peerPort = ports.peer;
    this.#directory = temporaryDirectory("quorate-node-", options.medium);
    mkdirSync(this.dataDirectory, { mode: 0o700 });
  }

  /** Starts a member and waits until it serves. */
  static async start(options: EtcdNodeOptions): Promise<EtcdNode> {
    for (let attempt = 1; ; attempt++) {
      const node = await EtcdNode.prepare(options);
      try {
        await node.restart();
        return node;
      } catch (error) {
        await node.close();
        // Another process may take a port between the look and the start.
        if (attempt === PORT_ATTEMPTS_MAX || !/address already in use/.test(String(error))) throw error;
      }
    }
  }

  /** Makes the directory, and chooses ports unless they are given, without starting anything; `restart()` starts it. */
  static async prepare(options: EtcdNodeOptions, ports?: MemberPorts): Promise<EtcdNode> {
    return new EtcdNode(options, ports ?? (await freeMemberPorts(1))[0] ?? noPorts());
  }

  get name(): string {
    return this.#options.name ?? "n1";
  }

  /** Where it listens for peers. */
  get listenPeerUrl(): string {
    return `${this.#options.peerTls === undefined ? "http" : "https"}://127.0.0.1:${this.peerPort}`;
  }

  /** Where others are told to reach it. */
  get peerUrl(): string {
    return this.#options.advertisePeerUrl?.(this.listenPeerUrl) ?? this.listenPeerUrl;
  }

  /** `127.0.0.1:port`, as gRPC clients and etcdctl take it. */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  /** The same with `http` or `https`. */
  get clientUrl(): string {
    return `${this.#options.clientTls === undefined ? "http" : "https"}://${this.endpoint}`;
  }

  get dataDirectory(): string {
    return join(this.#directory.path, "data");
  }

  get logFile(): string {
    return join(this.#directory.path, "server.log");
  }

  /** Everything logged over all starts. */
  wholeLog(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
  }

  /** True while its process runs, paused or not. */
  get running(): boolean {
    return this.#server !== undefined && this.#server.exit === undefined;
  }

  /** The running process. Throws when the member is stopped. */
  get process(): ChildServer {
    if (this.#server === undefined) throw new Error("the member is not running");
    return this.#server;
  }

  /** Starts the stopped member on its own data and ports and waits until it serves. */
  async restart(): Promise<void> {
    const server = this.spawn();
    try {
      await server.untilReady();
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Starts it without waiting, for starts that may fail; the caller looks at the process. */
  spawn(): ChildServer {
    this.#server = ChildServer.spawn(this.#startOptions());
    return this.#server;
  }

  /** Ends it with SIGKILL; a stopped member stays stopped. */
  async kill(): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
  }

  /** Ends it with SIGTERM and waits for its own end. */
  async terminate(): Promise<Exit> {
    const exit = await this.process.terminate();
    this.#server = undefined;
    return exit;
  }

  /** Stops the process in its tracks (SIGSTOP); its sockets stay open. */
  pause(): void {
    this.process.send("SIGSTOP");
  }

  resume(): void {
    this.process.send("SIGCONT");
  }

  /** Kills it and empties its data directory, as a replaced disk would. */
  async wipe(): Promise<void> {
    await this.kill();
    rmSync(this.dataDirectory, { recursive: true, force: true });
    mkdirSync(this.dataDirectory, { mode: 0o700 });
  }

  async close(): Promise<void> {
    await this.kill();
    this.#directory.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #startOptions(): ChildServerOptions {
    return {
      command: [...this.#options.program, ...this.#flags()],
      logFile: this.logFile,
      ready: READY,
      readyTimeoutMs: this.#options.readyTimeoutMs ?? 15_000,
      env: this.#options.env ?? {},
    };
  }

  #flags(): readonly string[] {
    const client = this.clientUrl;
    const peer = this.peerUrl;
    const bootstrap = this.#options.bootstrap?.() ?? { initialCluster: `${this.name}=${peer}`, state: "new" };
    return [
      `--name=${this.name}`,
      `--data-dir=${this.dataDirectory}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${this.listenPeerUrl}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${bootstrap.initialCluster}`,
      `--initial-cluster-state=${bootstrap.state}`,
      "--logger=zap",
      ...tlsFlags("", this.#options.clientTls),
      ...tlsFlags("peer-", this.#options.peerTls),
      ...(this.#options.flags ?? []),
    ];
  }
}

function tlsFlags(prefix: "" | "peer-", tls: NodeTls | "auto" | undefined): readonly string[] {
  if (tls === undefined) return [];
  if (tls === "auto") return [`--${prefix}auto-tls`];
  return [
    `--${prefix}cert-file=${tls.certFile}`,
    `--${prefix}key-file=${tls.keyFile}`,
    ...(tls.trustedCaFile === undefined ? [] : [`--${prefix}trusted-ca-file=${tls.trustedCaFile}`]),
    ...(tls.clientCertAuth === true ? [`--${prefix}client-cert-auth`] : []),
  ];
}

/** Ports for `count` members, all different. */
export async function freeMemberPorts(count: number): Promise<readonly MemberPorts[]> {
  const ports = await freePorts(2 * count);
  return Array.from({ length: count }, (_, i) => ({
    client: ports[2 * i] ?? noPorts(),
    peer: ports[2 * i + 1] ?? noPorts(),
  }));
}

function noPorts(): never {
  throw new Error("no free ports");
}
