import { createHash } from "node:crypto";
import type { Logger } from "@quorate/base";
import { must, SeededPrng } from "@quorate/base";
import { createRaftConfChange, decodeRaftConfChange, encodeRaftConfChange } from "@quorate/protocol";
import { type Entry, EntryType, MemoryLogStorage, type Message, parseConfig, RawNode } from "@quorate/raft";
import { bootstrapClusterId, bootstrapMemberId, type ClusterMember, memberJson } from "../../../src/core/index.ts";
import { refusingSource, TestTransport } from "./test-transport.ts";

export const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();

/** A founding member, as `--initial-cluster` names it. */
export interface Founder {
  readonly name: string;
  readonly peerUrl: string;
}

export interface RaftPeerOptions {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly members: readonly ClusterMember[];
  /** Whether it founds the cluster together with the members; otherwise it joins with an empty log. */
  readonly founds: boolean;
  readonly serverVersion: string;
  readonly logger?: Logger;
}

/** The member list and cluster ID that etcd computes for founders. */
export function foundation(
  founders: readonly Founder[],
  token: string,
): { readonly clusterId: bigint; readonly members: readonly ClusterMember[] } {
  const members = founders.map(({ name, peerUrl }) => ({
    id: bootstrapMemberId([peerUrl], token, sha1),
    name,
    peerUrls: [peerUrl],
    clientUrls: [],
    isLearner: false,
  }));
  return {
    clusterId: bootstrapClusterId(
      members.map(({ id }) => id),
      sha1,
    ),
    members,
  };
}

/**
 * A member of a real cluster that has raft, a log in memory and the transport, and no state machine: what is committed is
 * counted. Enough to vote, replicate, lead, and to be sent snapshots.
 */
export class RaftPeer implements AsyncDisposable {
  readonly node: RawNode;
  readonly storage = new MemoryLogStorage();
  readonly test: TestTransport;
  readonly committed: Entry[] = [];
  readonly snapshots: { readonly index: number; readonly bytes: number }[] = [];
  readonly #ticks: NodeJS.Timeout;
  readonly #options: RaftPeerOptions;

  private constructor(options: RaftPeerOptions, test: TestTransport, inbox: (receiver: RaftPeer) => void) {
    this.#options = options;
    this.test = test;
    inbox(this);
    const config = parseConfig({ id: options.id, checkQuorum: true, preVote: true });
    if (!config.ok) throw new Error(config.errors.join());
    this.node = new RawNode(config.config, {
      storage: this.storage,
      prng: new SeededPrng(Number(options.id & 0xffffn)),
    });
    if (options.founds) this.node.bootstrap(founders(options.members));
    for (const { id, peerUrls } of options.members) test.transport.addPeer(id, peerUrls);
    this.#ticks = setInterval(() => {
      this.node.tick();
      this.process();
    }, 100);
    this.process();
  }

  /** Listens on `port`, which `options.members` name. */
  static async start(options: RaftPeerOptions, port: number): Promise<RaftPeer> {
    let peer: RaftPeer | undefined;
    const test = await TestTransport.start({
      id: options.id,
      clusterId: options.clusterId,
      port,
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      over: {
        serverVersion: options.serverVersion,
        onMessage: (message) => peer?.receive(message),
        onSnapshot: async (message, body) => {
          let bytes = 0;
          for await (const chunk of body) bytes += (chunk as Uint8Array).length;
          peer?.receiveSnapshot(message, bytes);
        },
        onUnreachable: (id) => peer?.node.reportUnreachable(id),
        onRefused: () => {},
        http: refusingSource({
          members: () => options.members,
          versions: () => ({ etcdserver: options.serverVersion, etcdcluster: "not_decided", storage: "unknown" }),
        }),
      },
    });
    return new RaftPeer(options, test, (made) => (peer = made));
  }

  receive(message: Message): void {
    this.node.step(message);
    this.process();
  }

  receiveSnapshot(message: Message, bytes: number): void {
    this.snapshots.push({ index: message.snapshot?.index ?? 0, bytes });
    this.receive(message);
  }

  propose(data: Uint8Array): void {
    this.node.propose([data]);
    this.process();
  }

  process(): void {
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
      this.storage.append(ready.entries);
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      this.test.transport.send(ready.messages);
      for (const entry of ready.committedEntries) this.#apply(entry);
      const last = ready.committedEntries.at(-1);
      if (last !== undefined) this.node.appliedTo(last.index);
      this.node.onPersisted(ready);
    }
  }

  #apply(entry: Entry): void {
    this.committed.push(entry);
    if (entry.type !== EntryType.ConfChange) return;
    const { type, nodeId } = decodeRaftConfChange(entry.data);
    this.node.applyConfChange({ transition: 0, changes: [{ type, nodeId }] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticks);
    await this.test[Symbol.asyncDispose]();
  }

  /** This member as it is listed. */
  get member(): ClusterMember {
    return must(
      this.#options.members.find(({ id }) => id === this.#options.id),
      "a member knows itself",
    );
  }
}

function founders(members: readonly ClusterMember[]): { readonly id: bigint; readonly data: Uint8Array }[] {
  return [...members]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((member) => ({
      id: member.id,
      data: encodeRaftConfChange(createRaftConfChange({ nodeId: member.id, context: memberJson(member) })),
    }));
}
