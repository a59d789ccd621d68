import { EtcdNode, type EtcdNodeOptions, waitUntil } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import { AuthClient } from "./auth-client.ts";
import type { AuthStep } from "./auth-step.ts";

/** One of the two servers: its process and the connection to it. */
export class AuthSide {
  readonly #node: EtcdNode;
  readonly #client: AuthClient;
  readonly version: string;

  private constructor(node: EtcdNode, api: EtcdApi, version: string) {
    this.#node = node;
    this.#client = new AuthClient(api, new Map());
    this.version = version;
  }

  static async start(options: EtcdNodeOptions): Promise<AuthSide> {
    const node = await EtcdNode.start(options);
    const api = new EtcdApi(node.endpoint);
    await api.ready();
    await waitUntil(async () => (await api.call("KV/Range", { key: Buffer.from("ready") })).ok, {
      what: `an answer from ${node.endpoint}`,
      timeoutMs: 10_000,
    });
    const { version } = await api.must("Maintenance/Status", {});
    return new AuthSide(node, api, String(version));
  }

  async close(): Promise<void> {
    this.#client.api.close();
    await this.#node.close();
  }

  /** Throws, with the end of its log, when the server's process has ended. */
  mustBeAlive(): void {
    const { exit, log } = { exit: this.#node.process.exit, log: () => this.#node.process.log() };
    if (exit !== undefined)
      throw new Error(`${this.version} ended (${exit.signal ?? exit.code})\n${log().slice(-2000)}`);
  }

  /** Does one step, and gives what it came to in the form that is compared. */
  perform(step: AuthStep): Promise<unknown> {
    return this.#client.perform(step);
  }
}
