import { must, SeededPrng, utf8Bytes } from "@quorate/base";
import { MapBackend } from "@quorate/mvcc/testing";
import {
  createPutRequest,
  createRaftConfChange,
  createRangeRequest,
  decodeKeyValue,
  type ErrorCode,
  encodePutRequest,
  encodeRaftConfChange,
} from "@quorate/protocol";
import {
  confChangeV2,
  createMessage,
  MemoryLogStorage,
  type Message,
  MessageType,
  parseConfig,
  RawNode,
  type Role,
  type Snapshot,
} from "@quorate/raft";
import { memberJson, Replica, type ReplicaConfig, RequestIds, RequestKind } from "@quorate/server/core";
import { Answer, Machine, requestEntry, SlowLog } from "./machine.ts";

const ROUNDS_MAX = 1000;

/** A snapshot that a member wants to be sent, as the host would freeze it. */
export interface OutgoingSnapshot {
  readonly message: Message;
  readonly snapshot: Snapshot;
}

/** A member of a cluster in memory. Its disk is done, and its turn ends, when the test says so. */
export class ClusterPeer {
  readonly id: bigint;
  readonly machine: Machine;
  readonly log: SlowLog = new SlowLog();
  readonly raftLog: MemoryLogStorage = new MemoryLogStorage();
  readonly raft: RawNode;
  readonly replica: Replica;
  readonly fatal: Error[] = [];
  readonly snapshots: OutgoingSnapshot[] = [];
  readonly installs: { readonly snapshot: Snapshot; readonly done: (error?: Error) => void }[] = [];
  /** Leaders as they were observed, and who was new. */
  readonly leaders: { readonly leader: bigint; readonly role: Role; readonly isNewLeader: boolean }[] = [];
  /** Messages of this member that nobody has taken yet. */
  readonly outbox: Message[] = [];
  /** Peers that this member is not connected with. */
  readonly disconnected: Set<bigint> = new Set();
  isDiskStuck = false;
  #tasks: (() => void)[] = [];
  #low48 = 100;

  constructor(id: bigint, founders: readonly bigint[], config: Partial<ReplicaConfig>) {
    this.id = id;
    this.machine = new Machine(undefined, new MapBackend(), Number(id));
    const parsed = parseConfig({ id, checkQuorum: true, preVote: true });
    if (!parsed.ok) throw new Error(parsed.errors.join());
    this.raft = new RawNode(parsed.config, { storage: this.raftLog, prng: new SeededPrng(Number(id)) });
    if (founders.length > 0) this.raft.bootstrap(founders.map((each) => ({ id: each, data: addition(each) })));
    this.machine.onConfChange = (change) => {
      const { refused } = this.machine.membership.applyConfChange(change);
      const nodeId = refused === undefined ? change.nodeId : 0n;
      this.raft.applyConfChange(confChangeV2({ type: change.type, nodeId }));
      return refused;
    };
    this.replica = new Replica(
      {
        applyBacklogMax: 5000,
        requestTimeoutTicks: 70,
        catchUpEntries: 50,
        catchUpBytesMax: 1e9,
        electionTicks: 10,
        readRetryTicks: 5,
        heldProposalBytesMax: 1e9,
        snapshotGraceTicks: 300,
        ...config,
      },
      {
        counts: this.machine.counts,
        raft: this.raft,
        raftLog: this.raftLog,
        entryLog: this.log,
        applier: this.machine.applier,
        endOfTurn: (run) => this.#tasks.push(run),
        beforeApply: () => {},
        afterApply: () => {},
        fatal: (error) => this.fatal.push(error),
        readIds: new RequestIds(id, 0),
        sendMessages: (messages) => this.outbox.push(...messages),
        sendSnapshot: (message, snapshot) => this.snapshots.push({ message, snapshot }),
        installSnapshot: (snapshot, done) => this.installs.push({ snapshot, done }),
        onLeadership: (leader, role, isNewLeader) => this.leaders.push({ leader, role, isNewLeader }),
        isConnectedSince: (peer) => !this.disconnected.has(peer),
      },
      0,
    );
  }

  /** Ends the turn and has the disk finish, unless it is stuck; whether there was anything to do. */
  run(): boolean {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
    const { length } = this.log.writes;
    if (!this.isDiskStuck) this.log.finishAll();
    return tasks.length > 0 || (length > 0 && !this.isDiskStuck);
  }

  put(key: string, value = "v"): Answer {
    const { answer, refused } = this.tryPut(key, value);
    if (refused !== undefined) answer.failed(refused);
    return answer;
  }

  /** A put that this member makes as the leader. */
  putAsLeader(key: string): Answer {
    const { answer, refused } = this.tryPut(key, "v", true);
    if (refused !== undefined) answer.failed(refused);
    return answer;
  }

  tryPut(
    key: string,
    value = "v",
    asLeader = false,
  ): { readonly answer: Answer; readonly refused: ErrorCode | undefined } {
    const answer = new Answer();
    const request = encodePutRequest(createPutRequest({ key: utf8Bytes(key), value: utf8Bytes(value) }));
    const low48 = this.nextId();
    const data = requestEntry(RequestKind.Put, request, low48, Number(this.id));
    return { answer, refused: this.replica.propose(data, low48, answer, asLeader) };
  }

  /** The number of the next request. */
  nextId(): number {
    return ++this.#low48;
  }

  /** Asks for a linearizable read; the array it returns holds what became of it. */
  read(): string[] {
    const log: string[] = [];
    this.replica.linearizableRead(
      () => log.push(`served at ${this.replica.appliedIndex}`),
      (code) => log.push(code),
    );
    return log;
  }

  /** The version of a key, 0 where there is none: how often it was put. */
  versionOf(key: string): number {
    const result = this.machine.store.range(createRangeRequest({ key: utf8Bytes(key) }));
    if (typeof result === "string") throw new Error(result);
    const [kv] = result.kvs;
    return kv === undefined ? 0 : decodeKeyValue(kv).version;
  }
}

/** Replicas with a network between them that delivers when it is told to. */
export class ReplicaCluster {
  readonly peers: readonly ClusterPeer[];
  /** Whether a message is lost; nothing is until the test says so. */
  loses: (message: Message) => boolean = () => false;

  constructor(size: number, config: Partial<ReplicaConfig> = {}) {
    const ids = Array.from({ length: size }, (_, position) => BigInt(position + 1));
    this.peers = ids.map((id) => new ClusterPeer(id, ids, config));
  }

  peer(id: bigint): ClusterPeer {
    return must(
      this.peers.find((peer) => peer.id === id),
      "there is such a member",
    );
  }

  /** Delivers, ends turns and finishes writes until nothing is left to do. */
  settle(): this {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const ran = this.peers.map((peer) => peer.run());
      const messages = this.peers.flatMap(({ outbox }) => outbox.splice(0));
      for (const message of messages) if (!this.loses(message)) this.peer(message.to).replica.step(message);
      if (messages.length === 0 && !ran.includes(true)) return this;
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Lets ticks pass at every member, or those given, each followed by everything that it causes. */
  tick(count = 1, peers: readonly ClusterPeer[] = this.peers): this {
    for (let i = 0; i < count; i++) {
      for (const { replica } of peers) replica.tick();
      this.settle();
    }
    return this;
  }

  /** Has a member elected that nothing keeps from it. */
  elect(id: bigint): ClusterPeer {
    this.settle();
    const peer = this.peer(id);
    peer.replica.campaign();
    this.settle();
    if (!peer.replica.isLeader) throw new Error(`member ${id} was not elected`);
    return peer;
  }

  /** Cuts a member off: nothing reaches it and nothing leaves it. */
  isolate(id: bigint): void {
    this.loses = ({ from, to }) => from === id || to === id;
  }
}

/** A message with the database of `leader` as it is, for a member that is behind. */
export function snapshotOf(leader: ClusterPeer, to: bigint, index: number): Message {
  const snapshot = { index, term: leader.raft.term, confState: leader.raft.confState, data: new Uint8Array(0) };
  return createMessage({ type: MessageType.Snap, from: leader.id, to, term: leader.raft.term, snapshot });
}

function addition(id: bigint): Uint8Array {
  const context = memberJson({ id, name: "", peerUrls: [`http://m${id}:1`], clientUrls: [], isLearner: false });
  return encodeRaftConfChange(createRaftConfChange({ nodeId: id, context }));
}
