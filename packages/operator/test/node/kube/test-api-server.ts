import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import { ControlPlane } from "@quorate/conformance/kubernetes";
import { EtcdNode, missingPeers, peersAreRequired, serverUnderTest } from "@quorate/testkit";
import { KubeClient, type KubeConnection, type RequestRecord, RestClient } from "../../../src/node/kube/index.ts";

export const ROOT: string = join(import.meta.dirname, "..", "..", "..", "..", "..");

/** A suite beside a real kube-apiserver. Without one it says so in one line, unless QUORATE_REQUIRE_PEERS=1 makes that a failure. */
export function apiServerSuite(title: string, body: () => void): void {
  const missing = [
    ...missingPeers(["kube-apiserver", "kubectl"]),
    ...(serverUnderTest(ROOT) === undefined ? ["the server"] : []),
  ];
  describe(title, () => {
    if (missing.length === 0) {
      body();
      return;
    }
    it(`needs ${missing.join(", ")}`, () => {
      process.stderr.write(`skipped: ${title} needs ${missing.join(", ")}\n`);
      expect(peersAreRequired() ? missing : []).toEqual([]);
    });
  });
}

/** A kube-apiserver whose store is a Quorate server, and a link to it that can be cut. */
export class TestApiServer implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly records: RequestRecord[] = [];
  readonly #node: EtcdNode;
  readonly #link: CutLink;
  readonly #rests: RestClient[] = [];
  readonly #token: string;

  private constructor(node: EtcdNode, plane: ControlPlane, link: CutLink, token: string) {
    this.#node = node;
    this.plane = plane;
    this.#link = link;
    this.#token = token;
  }

  static async start(): Promise<TestApiServer> {
    const node = await EtcdNode.start({ program: must(serverUnderTest(ROOT), "built"), readyTimeoutMs: 60_000 });
    try {
      const plane = await ControlPlane.start(node.clientUrl);
      const option = (name: string): string =>
        must(
          plane.kubectlArguments.find((text) => text.startsWith(`--${name}=`)),
          name,
        ).slice(name.length + 3);
      const link = await CutLink.start(Number(new URL(option("server")).port));
      return new TestApiServer(node, plane, link, option("token"));
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  get link(): CutLink {
    return this.#link;
  }

  /** Through the link. */
  get connection(): KubeConnection {
    const tls = { rejectUnauthorized: false };
    return {
      server: new URL(`https://127.0.0.1:${this.#link.port}`),
      namespace: undefined,
      credentials: async () => ({ tls, headers: { authorization: `Bearer ${this.#token}` } }),
    };
  }

  /** A client of its own connections. Everything it asks is noted in `records`. */
  client(): KubeClient {
    const rest = new RestClient(this.connection);
    this.#rests.push(rest);
    return new KubeClient({
      rest,
      nowMs: () => performance.now(),
      onRequest: (record) => void this.records.push(record),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const rest of this.#rests) rest.close();
    await this.#link.close();
    await this.plane.close();
    await this.#node.close();
  }
}

/** A relay on loopback that can end all its connections, or stop passing anything on without ending them. */
export class CutLink {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #port = 0;
  #isSilent = false;

  private constructor(targetPort: number) {
    this.#server = createServer((from) => {
      const to = connect(targetPort, "127.0.0.1");
      const pair = [from, to] as const;
      this.#pairs.add(pair);
      const end = (): void => {
        this.#pairs.delete(pair);
        from.destroy();
        to.destroy();
      };
      for (const [a, b] of [pair, [to, from] as const]) {
        a.on("data", (bytes) => {
          if (!this.#isSilent) b.write(bytes);
        });
        a.on("error", end);
        a.on("close", end);
      }
    });
  }

  static async start(targetPort: number): Promise<CutLink> {
    const link = new CutLink(targetPort);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    link.#port = (link.#server.address() as { readonly port: number }).port;
    return link;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Resets everything that is connected; new connections are taken. */
  cut(): void {
    for (const [from, to] of this.#pairs) {
      from.resetAndDestroy();
      to.destroy();
    }
  }

  /** Loses every byte from now on, of old and new connections, and tells nobody. */
  set isSilent(value: boolean) {
    this.#isSilent = value;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
