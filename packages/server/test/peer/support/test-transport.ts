import { Readable } from "node:stream";
import { type Logger, NO_LOGGER } from "@quorate/base";
import type { Message } from "@quorate/raft";
import {
  PeerHttpError,
  type PeerHttpSource,
  type PeerTls,
  PeerTransport,
  type PeerTransportDeps,
} from "../../../src/node/peer/index.ts";

export interface TestTransportOptions {
  readonly id: bigint;
  readonly clusterId?: bigint;
  readonly tls?: PeerTls;
  readonly logger?: Logger;
  /** To listen on; any free one if absent. */
  readonly port?: number;
  readonly over?: Partial<PeerTransportDeps>;
}

/** A transport on a loopback port that records all it is told. */
export class TestTransport implements AsyncDisposable {
  readonly id: bigint;
  readonly received: Message[] = [];
  readonly unreachable: bigint[] = [];
  readonly snapshots: { readonly message: Message; readonly bytes: number }[] = [];
  readonly sent: { readonly id: bigint; readonly outcome: string }[] = [];
  readonly removed: Set<bigint> = new Set();
  timesRemoved = 0;
  readonly transport: PeerTransport;
  url = "";
  readonly #scheme: string;

  private constructor({ id, clusterId, tls, logger, over }: TestTransportOptions) {
    this.id = id;
    this.#scheme = tls === undefined ? "http" : "https";
    this.transport = new PeerTransport({
      memberId: id,
      clusterId: clusterId ?? 0xabcn,
      serverVersion: "3.7.1",
      ownPeerUrls: () => [this.url],
      tls,
      isRemoved: (other) => this.removed.has(other),
      onMessage: (message) => this.received.push(message),
      onSnapshot: async (message, body) => {
        let bytes = 0;
        for await (const chunk of body) bytes += (chunk as Uint8Array).length;
        this.snapshots.push({ message, bytes });
      },
      onUnreachable: (other) => this.unreachable.push(other),
      onRefused: () => {},
      onSnapshotSent: (other, outcome) => this.sent.push({ id: other, outcome }),
      onRemovedFromCluster: () => this.timesRemoved++,
      http: refusingSource(),
      logger: logger ?? NO_LOGGER,
      nowMs: () => performance.now(),
      ...over,
    });
  }

  static async start(options: TestTransportOptions): Promise<TestTransport> {
    const test = new TestTransport(options);
    const scheme = options.tls === undefined ? "http" : "https";
    const port = await test.transport.listen({
      text: `${scheme}://127.0.0.1:0`,
      scheme,
      host: "127.0.0.1",
      port: options.port ?? 0,
      socketPath: undefined,
    });
    test.url = `${test.#scheme}://127.0.0.1:${port}`;
    return test;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Makes each a peer of the other. */
  join(other: TestTransport): void {
    this.transport.addPeer(other.id, [other.url]);
    other.transport.addPeer(this.id, [this.url]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
  }
}

/** A source that answers nothing. */
export function refusingSource(over: Partial<PeerHttpSource> = {}): PeerHttpSource {
  const refuse = (): Promise<never> => Promise.reject(new PeerHttpError(503, "not here"));
  return {
    members: () => [],
    promote: refuse,
    hashKv: refuse,
    renewLease: refuse,
    timeToLive: refuse,
    downgradeEnabled: refuse,
    versions: () => ({ etcdserver: "3.7.1", etcdcluster: "3.7.0", storage: "3.7.0" }),
    ...over,
  };
}

/** `bytes` zeros in chunks of 64 KiB. */
export function zeros(bytes: number): Readable {
  const chunk = Buffer.alloc(65_536);
  let left = bytes;
  return new Readable({
    read() {
      const count = Math.min(left, chunk.length);
      left -= count;
      this.push(count === 0 ? null : chunk.subarray(0, count));
    },
  });
}
