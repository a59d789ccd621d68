import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ChildServer, type ChildServerOptions, type Exit } from "./child-server.ts";
import { freePorts } from "./free-ports.ts";
import { type TemporaryDirectory, type TemporaryMedium, temporaryDirectory } from "./temporary-directory.ts";

export interface EtcdNodeOptions {
  /** Program and leading arguments of anything that takes etcd's flags. */
  readonly program: readonly string[];
  /** Flags added to the ones set here, such as `--max-txn-ops=8`. */
  readonly flags?: readonly string[];
  /** Where the data directory lies; default `disk`. */
  readonly medium?: TemporaryMedium;
  readonly readyTimeoutMs?: number;
  /** Environment variables for the process. */
  readonly env?: Readonly<Record<string, string>>;
}

const PORT_ATTEMPTS_MAX = 5;

/** 3.4 with structured logs never says that it is ready, only that it serves. */
const READY = /ready to serve client requests|serving client traffic insecurely/;

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

  private constructor(options: EtcdNodeOptions, clientPort: number, peerPort: number) {
    this.#options = options;
    this.clientPort = clientPort;
    this.peerPort = peerPort;
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

  /** Chooses ports and makes the directory without starting anything; `restart()` starts it. */
  static async prepare(options: EtcdNodeOptions): Promise<EtcdNode> {
    const [clientPort, peerPort] = await freePorts(2);
    if (clientPort === undefined || peerPort === undefined) throw new Error("no free ports");
    return new EtcdNode(options, clientPort, peerPort);
  }

  /** `127.0.0.1:port`, as gRPC clients and etcdctl take it. */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get dataDirectory(): string {
    return join(this.#directory.path, "data");
  }

  get logFile(): string {
    return join(this.#directory.path, "server.log");
  }

  /** The running process. Throws when the member is stopped. */
  get process(): ChildServer {
    if (this.#server === undefined) throw new Error("the member is not running");
    return this.#server;
  }

  /** Starts the stopped member on its own data and ports and waits until it serves. */
  async restart(): Promise<void> {
    this.#server = await ChildServer.start(this.#startOptions());
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
    const client = `http://${this.endpoint}`;
    const peer = `http://127.0.0.1:${this.peerPort}`;
    return [
      "--name=n1",
      `--data-dir=${this.dataDirectory}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=n1=${peer}`,
      "--logger=zap",
      ...(this.#options.flags ?? []),
    ];
  }
}
