import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts, type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import type { EtcdClient } from "./etcd-client.ts";
import { TestNode } from "./test-node.ts";

/** Elections within a few tenths of a second. */
const TIMING = ["--heartbeat-interval=20", "--election-timeout=300"];

interface Place {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientPort: number;
  readonly directory: string;
}

/** Nodes of one cluster in this process, each with its own ports and directory. */
export class TestCluster {
  readonly #directory: TemporaryDirectory;
  readonly #places: Place[] = [];
  readonly #flags: readonly string[];
  readonly nodes: (TestNode | undefined)[] = [];

  private constructor(flags: readonly string[]) {
    this.#directory = temporaryDirectory("quorate-cluster-", "memory");
    this.#flags = flags;
  }

  /** Founds a cluster and waits until every member serves. */
  static async start(size: number, flags: readonly string[] = []): Promise<TestCluster> {
    const cluster = new TestCluster(flags);
    for (let i = 0; i < size; i++) await cluster.addPlace();
    await Promise.all(cluster.#places.map((_, index) => cluster.startNode(index)));
    return cluster;
  }

  /** Makes room for one more member; returns its index. */
  async addPlace(): Promise<number> {
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const name = `n${this.#places.length + 1}`;
    const directory = join(this.#directory.path, name);
    mkdirSync(directory);
    this.#places.push({ name, peerUrl: `http://127.0.0.1:${peerPort}`, clientPort, directory });
    this.nodes.push(undefined);
    return this.#places.length - 1;
  }

  peerUrl(index: number): string {
    return this.#place(index).peerUrl;
  }

  dataDirectory(index: number): string {
    return join(this.#place(index).directory, "data");
  }

  /** Starts a stopped member and waits until it serves. */
  async startNode(index: number, extra: readonly string[] = []): Promise<TestNode> {
    const { clientPort, directory, name, peerUrl } = this.#place(index);
    const members = this.#places.map((place) => `${place.name}=${place.peerUrl}`);
    const flags = [
      `--name=${name}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${members.join(",")}`,
      ...TIMING,
      ...this.#flags,
      ...extra,
    ];
    const node = await TestNode.start(directory, flags, clientPort);
    this.nodes[index] = node;
    return node;
  }

  async stopNode(index: number): Promise<void> {
    await this.nodes[index]?.stop();
    this.nodes[index] = undefined;
  }

  /** A running member. */
  node(index: number): TestNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`member ${index} is stopped`);
    return node;
  }

  client(index: number): EtcdClient {
    return this.node(index).client;
  }

  /** Indexes of the running members. */
  get running(): readonly number[] {
    return this.nodes.flatMap((node, index) => (node === undefined ? [] : [index]));
  }

  /** Waits for a leader that all running members agree on; its index. */
  async leader(): Promise<number> {
    let found = -1;
    await waitUntil(
      () => {
        const leaders = new Set(this.running.map((index) => this.node(index).node.replica.leader));
        found = this.running.find((index) => this.node(index).node.replica.isLeader) ?? -1;
        return leaders.size === 1 && found >= 0;
      },
      { what: "one leader", timeoutMs: 10_000 },
    );
    return found;
  }

  /** A running member that does not lead. */
  async follower(): Promise<number> {
    const leader = await this.leader();
    return this.running.find((index) => index !== leader) ?? -1;
  }

  /** Waits until all running members have applied the same. */
  async converged(): Promise<void> {
    await waitUntil(() => new Set(this.running.map((index) => this.node(index).node.replica.appliedIndex)).size === 1, {
      what: "equal applied indexes",
      timeoutMs: 15_000,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((index) => this.stopNode(index)));
    this.#directory.remove();
  }

  #place(index: number): Place {
    const place = this.#places[index];
    if (place === undefined) throw new Error(`there is no member ${index}`);
    return place;
  }
}
