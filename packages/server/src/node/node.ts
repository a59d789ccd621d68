import { type Metrics, must, SeededPrng } from "@quorate/base";
import { endOfTurn } from "@quorate/grpc";
import { WatchHub } from "@quorate/mvcc";
import {
  type ErrorCode,
  encodeAlarmRequest,
  encodeCompactionRequest,
  HeaderBytes,
  type RaftConfChange,
  Writer,
} from "@quorate/protocol";
import { type ConfState, confChangeV2, type Role } from "@quorate/raft";
import {
  ALARM_NOSPACE,
  Applier,
  type ApplyResult,
  AutoCompaction,
  type ChangeOutcome,
  Checkpoints,
  Counts,
  ETCD_VERSION,
  hexId,
  MemberChanges,
  type Pending,
  Quota,
  Replica,
  type ReplicaConfig,
  RequestIds,
  RequestKind,
} from "../core/index.ts";
import { PhysicalCompaction, Timers, WatchCatchUp } from "./background.ts";
import { ClusterFacts } from "./cluster-facts.ts";
import type { ServerConfig } from "./config/index.ts";
import { LeaderDuties } from "./leader-duties.ts";
import { LeaderLink } from "./leader-link.ts";
import { LeaseRequests } from "./lease-requests.ts";
import type { StructuredLogger } from "./log/index.ts";
import { type Member, openMember, sha1 } from "./member.ts";
import type { ServerMetrics } from "./metrics/index.ts";
import { PeerClient, type PeerTls } from "./peer/index.ts";
import { peerHttpSource } from "./peer-source.ts";
import { Peers } from "./peers.ts";
import { promoteForPeer, promoteViaLeader } from "./promotion.ts";
import { Publisher } from "./publisher.ts";
import { Gate } from "./services/gate.ts";
import type { NodeContext } from "./services/node-context.ts";
import { Proposer } from "./services/proposal.ts";
import { installSnapshot } from "./snapshot-install.ts";

const MIB = 1024 * 1024;
/** etcd's bound on entries committed but not applied. */
const APPLY_BACKLOG_MAX = 5000;
const CATCH_UP_BYTES_MAX = 64 * MIB;
/** A request fails when it was not applied in this time plus two election timeouts; etcd's figure. */
const REQUEST_TIMEOUT_BASE_MS = 5000;
/** etcd's figures: a read-index request is repeated, the log behind a delivered snapshot is kept. */
const READ_RETRY_MS = 500;
const SNAPSHOT_GRACE_MS = 30_000;
const HELD_PROPOSAL_BYTES_MAX = 64 * MIB;
const HOUSEKEEPING_MS = 100;
/** When the applied state is made durable at the latest, and how far apart at least; ADR 1. */
const CHECKPOINT_BYTES_MAX = 64 * MIB;
const CHECKPOINT_SPACING_MS = 2000;
const CHECKPOINT_AGE_MAX_MS = 30_000;
/** Revisions that compaction has freed and only a checkpoint removes. */
const PENDING_DELETES_MAX = 100_000;
/** Streams whose clients insist on a leader end after so many election timeouts without one; etcd's figure. */
const LEADERLESS_ELECTION_TIMEOUTS = 3;
/** Another member's version must be told within this time. */
const VERSION_TIMEOUT_MS = 1000;
const HURRY_POLL_MS = 20;
/** After a leader's end each follower stands within so many ms, and again after so many if nobody has won. */
const STAND_SPREAD_MS = 100;
const STAND_INTERVAL_MS = 100;
const STANDS_MAX = 5;
/** A member that was removed lives on for a while, to hand out what it has; etcd's figure. */
const REMOVED_LINGER_MS = 1000;

const ACTION_ACTIVATE = 1;

export interface NodeDeps {
  readonly logger: StructuredLogger;
  readonly metrics: ServerMetrics;
  readonly peerTls: PeerTls | undefined;
  /** Where the instruments of the peer transport are made. */
  readonly peerMetrics: Metrics;
  /** The process must end: nothing more may be served. Called once at most. */
  readonly fatal: (error: Error) => void;
  /** This member was removed from its cluster and should stop. May be called more than once. */
  readonly removed: () => void;
}

/** A request of the server's own. */
class OwnRequest implements Pending {
  readonly #done: (result: ApplyResult | ErrorCode) => void;

  constructor(done: (result: ApplyResult | ErrorCode) => void) {
    this.#done = done;
  }

  applied(result: ApplyResult): void {
    this.#done(result);
  }

  failed(code: ErrorCode): void {
    this.#done(code);
  }
}

/** A running member: the replica with everything that drives it, without listeners. */
export class Node {
  readonly config: ServerConfig;
  readonly member: Member;
  readonly replica: Replica;
  readonly context: NodeContext;
  readonly proposer: Proposer;
  readonly watchHub: WatchHub;
  readonly gate: Gate;
  readonly peers: Peers;
  readonly memberChanges: MemberChanges;
  readonly leaderLink: LeaderLink;
  readonly peerClient: PeerClient;
  readonly #deps: NodeDeps;
  readonly #checkpoints: Checkpoints;
  readonly #compaction: PhysicalCompaction;
  readonly #catchUp = new WatchCatchUp();
  readonly #facts: ClusterFacts;
  readonly #duties: LeaderDuties;
  readonly #prng = newPrng();
  /** The configuration as of the last applied entry; raft's own is that of a snapshot as soon as it has come. */
  #confState: ConfState;
  #publisher: Publisher | undefined;
  /** Monotonic milliseconds since when there is no leader; undefined while there is one. */
  #leaderlessSinceMs: number | undefined;
  #waitingForServing: (() => void)[] = [];
  readonly #autoCompaction: AutoCompaction;
  readonly #timers = new Timers();
  #noSpaceRequested = false;

  private constructor(config: ServerConfig, member: Member, peerClient: PeerClient, deps: NodeDeps) {
    this.config = config;
    this.member = member;
    this.#deps = deps;
    const { raft, raftLog, storage, store } = member;
    this.#confState = raft.confState;
    const { backend } = storage;
    const { memberId } = storage.identity;
    const quota = new Quota(backend, config.quotaBackendBytes);
    const counts = new Counts();
    const requestIds = new RequestIds(memberId, Date.now());
    this.#compaction = new PhysicalCompaction(store, () => backend.commit());
    this.#autoCompaction = new AutoCompaction(config.autoCompaction, nowMs());
    this.peerClient = peerClient;
    this.peers = this.#createPeers();
    const applier = this.#createApplier(quota, requestIds, counts);
    this.replica = new Replica(
      replicaConfig(config),
      {
        counts,
        raft,
        raftLog,
        entryLog: storage.log,
        applier,
        endOfTurn,
        readIds: new RequestIds(memberId, Date.now()),
        afterApply: (entryCount, bytes) => this.#checkpoints.applied(entryCount, bytes),
        fatal: deps.fatal,
        sendMessages: (messages) => this.peers.send(messages),
        sendSnapshot: (message, snapshot) => this.peers.sendSnapshot(message, snapshot),
        installSnapshot: (snapshot, done) =>
          installSnapshot(
            {
              member,
              peers: this.peers,
              checkpoints: this.#checkpoints,
              compaction: this.#compaction,
              catchUp: this.#catchUp,
              watchHub: this.watchHub,
              logger: deps.logger,
            },
            snapshot,
            (error) => {
              this.#confState = snapshot.confState;
              this.#chooseSync();
              done(error);
              this.#serveWaiting();
            },
          ),
        onLeadership: (leader, role, isNewLeader) => this.#onLeadership(leader, role, isNewLeader),
        isConnectedSince: (peer, ticks) => {
          const since = this.peers.activeSince(peer);
          return since !== undefined && since <= nowMs() - ticks * config.heartbeatIntervalMs;
        },
      },
      member.appliedIndex,
    );
    this.#checkpoints = this.#createCheckpoints(applier);
    this.watchHub = new WatchHub(
      { progressIntervalMs: config.watchProgressNotifyIntervalMs },
      { source: store, prng: new SeededPrng(Date.now()), onSyncWork: this.#catchUp.wake },
    );
    this.#catchUp.attach(this.watchHub);
    store.onWrite = (revision, changes) => this.watchHub.onWrite(revision, changes);
    this.leaderLink = new LeaderLink({
      isLeader: () => this.replica.isLeader,
      leaderPeerUrls: () => this.#memberOf(this.replica.leader)?.peerUrls ?? [],
      requestTimeoutMs: requestTimeoutMs(config),
      nowMs,
    });
    this.context = this.#createContext(quota, requestIds, counts);
    this.proposer = new Proposer(this.context);
    this.gate = new Gate({
      hasLeader: () => this.replica.leader !== 0n,
      isLearner: this.context.isLearner,
      isServing: () => !this.replica.isInstalling,
      whenServing: this.context.whenServing,
    });
    this.memberChanges = this.#createMemberChanges();
    this.#facts = this.#createFacts();
    this.#duties = this.#createDuties(counts);
  }

  #createPeers(): Peers {
    const { config, member } = this;
    const { logger, peerMetrics, peerTls, removed } = this.#deps;
    return new Peers({
      storage: member.storage,
      membership: member.membership,
      logger,
      metrics: peerMetrics,
      tls: peerTls,
      dialTimeoutMs: config.electionTimeoutMs + 1000,
      ownPeerUrls: () =>
        this.#memberOf(member.storage.identity.memberId)?.peerUrls ??
        config.initialAdvertisePeerUrls.map(({ text }) => text),
      http: peerHttpSource({
        membership: member.membership,
        store: member.store,
        replica: () => this.replica,
        leases: () => this.context.leaseRequests,
        promote: (id) => promoteForPeer(this.memberChanges, id),
      }),
      step: (message) => this.replica.step(message),
      isRestoredAt: (index) => member.raft.committed === index && member.raft.lastIndex === index,
      reportUnreachable: (id) => this.replica.reportUnreachable(id),
      onRefused: (id) => this.#leaderEnded(id),
      reportSnapshot: (id, outcome) => this.replica.reportSnapshot(id, outcome),
      onRemoved: removed,
    });
  }

  #createApplier(quota: Quota, requestIds: RequestIds, counts: Counts): Applier {
    const { alarms, lessor, membership, storage, store } = this.member;
    return new Applier({
      counts,
      idHigh16: requestIds.high16,
      backend: storage.backend,
      store,
      lessor,
      membership,
      alarms,
      quota,
      nowMs,
      onOverQuota: () => this.#raiseNoSpace(),
      onFirstCommitInTerm: () => this.#onFirstCommitInTerm(),
      onConfChange: (change) => this.#onConfChange(change),
      onCompact: () => {
        this.watchHub.onCompacted();
        this.#compaction.start();
      },
    });
  }

  #createMemberChanges(): MemberChanges {
    const { config, member, peerClient } = this;
    return new MemberChanges(
      { memberId: member.storage.identity.memberId, strictReconfigCheck: config.strictReconfigCheck },
      {
        membership: member.membership,
        sha1,
        activeSince: (id) => this.peers.activeSince(id),
        raftStatus: () => this.replica.status(),
        propose: (change, pending) => this.proposer.proposeConfChange(change, pending),
        promoteViaLeader: (id, done) => {
          void promoteViaLeader(this.leaderLink, peerClient, { changes: this.memberChanges, id }).then(done);
        },
        nowMs,
        wallMs: Date.now,
      },
    );
  }

  #createDuties(counts: Counts): LeaderDuties {
    const { lessor, membership } = this.member;
    return new LeaderDuties({
      counts,
      lessor,
      membership,
      logger: this.#deps.logger,
      nowMs,
      electionTimeoutMs: this.config.electionTimeoutMs,
      propose: (kind, request, done) => this.#propose(kind, request, done),
      confirmLeadership: (confirmed, failed) => this.replica.linearizableRead(confirmed, failed),
      facts: this.#facts,
    });
  }

  #createCheckpoints(applier: Applier): Checkpoints {
    const { storage, store } = this.member;
    return new Checkpoints(
      {
        entriesMax: this.config.snapshotCount,
        spacingMs: CHECKPOINT_SPACING_MS,
        bytesMax: CHECKPOINT_BYTES_MAX,
        ageMaxMs: CHECKPOINT_AGE_MAX_MS,
      },
      {
        nowMs,
        isUrgent: () => storage.backend.pendingDeleteCount > PENDING_DELETES_MAX,
        position: () => ({
          index: this.replica.appliedIndex,
          term: applier.appliedTerm,
          revision: store.revision,
          confState: this.#confState,
        }),
        // A lone member has nobody to catch up: the log need not reach back behind the checkpoint.
        save: (position, done) => {
          const beginMs = performance.now();
          storage.checkpoint(position, position.index, (error) => {
            this.#deps.metrics.disk.backendCommit.observe((performance.now() - beginMs) / 1000);
            done(error);
          });
        },
        failed: this.#deps.fatal,
      },
    );
  }

  #createContext(quota: Quota, requestIds: RequestIds, counts: Counts): NodeContext {
    const { alarms, lessor, membership, storage, store } = this.member;
    const { memberId, clusterId } = storage.identity;
    const { maxRequestBytes, maxTxnOps } = this.config;
    return {
      replica: this.replica,
      store,
      lessor,
      watchHub: this.watchHub,
      membership,
      alarms,
      quota,
      counts,
      backend: storage.backend,
      requestIds,
      header: new HeaderBytes(clusterId, memberId),
      limits: { maxRequestBytes, maxTxnOps },
      clusterId,
      memberId,
      nowMs,
      leaseRequests: new LeaseRequests({
        lessor,
        replica: this.replica,
        link: this.leaderLink,
        client: () => this.peerClient,
        nowMs,
      }),
      isLearner: () => membership.get(memberId)?.isLearner === true,
      whenServing: (run) => {
        if (this.replica.isInstalling) this.#waitingForServing.push(run);
        else run();
      },
      writer: new Writer(),
      raiseNoSpace: () => this.#raiseNoSpace(),
      whenCompacted: (done) => this.#compaction.whenDone(done),
    };
  }

  /** Opens the data directory, catches up with its log and resolves once this member serves. Rejects with why it cannot. */
  static async start(config: ServerConfig, deps: NodeDeps): Promise<Node> {
    const { disk } = deps.metrics;
    let written = 0;
    const peerClient = new PeerClient(deps.peerTls?.client);
    const member = await openMember(config, {
      peerClient,
      logger: deps.logger,
      prng: newPrng(),
      onSync: (durationMs, bytes) => {
        disk.walFsync.observe(durationMs / 1000);
        written += bytes;
        disk.walWriteBytes.set(written);
      },
      fatal: deps.fatal,
    });
    const node = new Node(config, member, peerClient, deps);
    try {
      await node.#begin();
    } catch (error) {
      await node.stop(0);
      throw error;
    }
    return node;
  }

  /** Gives space of removed revisions back in the background, and calls back. */
  defragment(done: (error?: Error) => void): void {
    const { disk } = this.#deps.metrics;
    const beginMs = performance.now();
    disk.defragInflight.set(1);
    this.member.storage.backend.compactFiles((error) => {
      disk.defragInflight.set(0);
      disk.backendDefrag.observe((performance.now() - beginMs) / 1000);
      done(error);
    });
  }

  /** A leader hands over to the member that has been connected longest, so that the cluster need not wait for an election. */
  async handOver(): Promise<void> {
    const { replica } = this;
    const targets = replica.status().confState.voters.filter((id) => this.peers.activeSince(id) !== undefined);
    const [target] = targets.sort((a, b) => (this.peers.activeSince(a) ?? 0) - (this.peers.activeSince(b) ?? 0));
    if (!replica.isLeader || target === undefined) return;
    this.#deps.logger.info("leadership transfer starting", { to: hexId(target) });
    const code = await new Promise<ErrorCode | undefined>((resolve) => replica.transferLeader(target, resolve));
    if (code === undefined) this.#deps.logger.info("leadership transfer finished", { to: hexId(target) });
    else this.#deps.logger.warn("leadership transfer failed", { to: hexId(target), error: code });
  }

  /** Lets requests in flight finish within `timeoutMs`, makes everything durable and closes. */
  async stop(timeoutMs: number): Promise<void> {
    this.#publisher?.stop();
    await this.#drained(timeoutMs);
    this.replica.stop();
    this.#timers.stop();
    this.#compaction.stop();
    await this.peers.close();
    await new Promise<void>((resolve) => this.#checkpoints.finish(resolve));
    await this.member.storage.close();
  }

  async #drained(timeoutMs: number): Promise<void> {
    const deadline = nowMs() + timeoutMs;
    while (this.replica.pendingCount > 0 && nowMs() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #begin(): Promise<void> {
    const { config, member, replica, watchHub } = this;
    await this.peers.listen(config.listenPeerUrls);
    this.#chooseSync();
    for (const peer of [...member.initialPeers, ...member.membership.list()]) this.peers.add(peer);
    this.#leaderlessSinceMs = nowMs();
    this.#timers.every(config.heartbeatIntervalMs, () => {
      replica.tick();
      this.#watchLeaderless();
    });
    this.#timers.every(HOUSEKEEPING_MS, () => {
      watchHub.tick(nowMs());
      this.#checkpoints.visit();
      this.#compactByItself(nowMs());
      this.#duties.visit();
    });
    const { voters } = replica.status().confState;
    if (voters.length === 1 && voters[0] === this.context.memberId) replica.campaign();
    else this.#hurryFirstElection();
    await this.#publish();
    this.#compaction.start();
  }

  /** Where a quorum is connected already, nobody need wait for a whole election timeout at the start. */
  #hurryFirstElection(): void {
    const { config, peers, replica } = this;
    if (!config.initialElectionTickAdvance) return;
    const deadlineMs = nowMs() + 5 * config.electionTimeoutMs;
    const look = (): void => {
      if (replica.leader !== 0n || nowMs() > deadlineMs) return;
      const { voters } = replica.status().confState;
      const active = voters.filter((id) => id === this.context.memberId || peers.activeSince(id) !== undefined);
      if (active.length < Math.floor(voters.length / 2) + 1 || voters.length === 0) setTimeout(look, HURRY_POLL_MS);
      else replica.advanceTicks(Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs) - 2);
    };
    setTimeout(look, HURRY_POLL_MS);
  }

  /** Resolves once the cluster knows this member as it is: it has then caught up as well. */
  #publish(): Promise<void> {
    const { config } = this;
    const clientUrls = config.advertiseClientUrls.map(({ text }) => text);
    this.#publisher = new Publisher({
      logger: this.#deps.logger,
      propose: () => this.#facts.publish(config.name, clientUrls),
    });
    return this.#publisher.publish();
  }

  /** The first entry of a leader's term was applied: if this member leads, its duties begin. */
  #onFirstCommitInTerm(): void {
    // Called while an entry is being applied, possibly one of an earlier life: only a leader of today has duties.
    queueMicrotask(() => {
      if (this.replica.isLeader) this.#duties.begin();
    });
  }

  #onLeadership(leader: bigint, role: Role, isNewLeader: boolean): void {
    const { logger, metrics } = this.#deps;
    const fields = { "local-member-id": hexId(this.member.storage.identity.memberId), term: this.member.raft.term };
    if (role !== "leader") this.#duties.end();
    if (isNewLeader) {
      metrics.raft.leaderChanges.add(1);
      logger.info("elected leader", { ...fields, leader: hexId(leader) });
    }
    if (leader !== 0n) this.#leaderlessSinceMs = undefined;
    else if (this.#leaderlessSinceMs === undefined) {
      this.#leaderlessSinceMs = nowMs();
      logger.warn("lost leader", fields);
    }
  }

  /**
   * A member's process has ended, or it was removed. If it was the leader, its followers need not wait for the silence to be long
   * enough; but they must not all stand at the same moment.
   */
  #leaderEnded(id: bigint): void {
    // Without pre-vote, who stands deposes a leader that others still hear.
    if (!this.config.preVote || !this.replica.leaderEnded(id)) return;
    this.#deps.logger.warn("leader has ended", { leader: hexId(id) });
    const stand = (attempt: number): void => {
      if (this.replica.leader !== 0n || attempt === STANDS_MAX) return;
      this.replica.campaign();
      setTimeout(() => stand(attempt + 1), STAND_INTERVAL_MS + this.#prng.below(STAND_SPREAD_MS));
    };
    setTimeout(() => stand(0), this.#prng.below(STAND_SPREAD_MS));
  }

  #watchLeaderless(): void {
    const since = this.#leaderlessSinceMs;
    const limitMs = LEADERLESS_ELECTION_TIMEOUTS * this.config.electionTimeoutMs;
    if (since !== undefined && nowMs() - since > limitMs) this.gate.leaderLost();
  }

  #serveWaiting(): void {
    const waiting = this.#waitingForServing;
    this.#waitingForServing = [];
    for (const run of waiting) run();
  }

  #onConfChange(change: RaftConfChange): ErrorCode | undefined {
    const { membership, raft } = this.member;
    const outcome = membership.applyConfChange(change);
    const nodeId = outcome.refused === undefined ? change.nodeId : 0n;
    this.#confState = raft.applyConfChange(confChangeV2({ type: change.type, nodeId }));
    if (outcome.refused === undefined) this.#adjustPeers(outcome);
    this.#chooseSync();
    return outcome.refused;
  }

  /** Waiting for the disk on the spot is faster for a client alone, but one that hangs must not stop a member's heartbeats. */
  #chooseSync(): void {
    const { initialPeers, membership, storage } = this.member;
    storage.log.mayWaitForDisk = membership.list().length <= 1 && initialPeers.length === 0;
  }

  #adjustPeers({ id, kind, member }: ChangeOutcome): void {
    const { logger, removed } = this.#deps;
    if (kind !== "remove") {
      this.peers.add(must(member, "a change that took effect has a member"));
      return;
    }
    logger.info("removed member", { "removed-remote-peer-id": hexId(id) });
    if (id !== this.member.storage.identity.memberId) {
      this.peers.remove(id);
      // A leader that is no member any more takes no requests, and cannot hand over: who knows of its removal does not listen to it,
      // and who does not may not stand. Outside of the batch that is being applied.
      setImmediate(() => this.#leaderEnded(id));
      return;
    }
    setTimeout(removed, REMOVED_LINGER_MS);
  }

  #memberOf(id: bigint): ReturnType<Member["membership"]["get"]> {
    return this.member.membership.get(id) ?? this.member.initialPeers.find((peer) => peer.id === id);
  }

  #createFacts(): ClusterFacts {
    const { initialPeers, membership } = this.member;
    const answerLater = (refused: ErrorCode | undefined, done: (result: ErrorCode) => void): void => {
      if (refused !== undefined) setImmediate(() => done(refused));
    };
    return new ClusterFacts({
      memberId: this.context.memberId,
      ownVersion: ETCD_VERSION,
      clusterVersion: () => membership.clusterVersion,
      members: () => {
        const applied = membership.list();
        const isOpen = (id: bigint): boolean => membership.get(id) === undefined && !membership.isRemoved(id);
        return [...applied, ...initialPeers.filter(({ id }) => isOpen(id))];
      },
      getVersion: (url) => this.peerClient.getVersion(url, VERSION_TIMEOUT_MS),
      nowMs,
      propose: (kind, request, done) => answerLater(this.proposer.propose(kind, request, new OwnRequest(done)), done),
      proposeLegacy: (path, value, done) =>
        answerLater(this.proposer.proposeLegacy(path, value, new OwnRequest(done)), done),
    });
  }

  /** True when the request was taken; `done` is then called once it was applied or given up. */
  #propose(kind: number, request: Uint8Array, done: (result: ApplyResult | ErrorCode) => void): boolean {
    return this.proposer.propose(kind, request, new OwnRequest(done)) === undefined;
  }

  #raiseNoSpace(): void {
    const { alarms, storage } = this.member;
    if (this.#noSpaceRequested || alarms.isActive(ALARM_NOSPACE)) return;
    const { memberId } = storage.identity;
    this.#deps.logger.warn("alarm raised", { alarm: "NOSPACE", "member-id": hexId(memberId) });
    this.#noSpaceRequested = this.#propose(
      RequestKind.Alarm,
      encodeAlarmRequest({ action: ACTION_ACTIVATE, memberId, alarm: ALARM_NOSPACE }),
      () => {
        this.#noSpaceRequested = false;
      },
    );
  }

  #compactByItself(nowMs: number): void {
    const revision = this.#autoCompaction.visit(nowMs, this.member.store.revision);
    if (revision === undefined || !this.replica.isLeader) return;
    this.#deps.logger.info("starting auto compaction", { revision });
    this.#propose(RequestKind.Compaction, encodeCompactionRequest({ revision, physical: false }), (result) => {
      if (typeof result === "string" && result !== "compacted") {
        this.#deps.logger.warn("auto compaction failed", { revision, error: result });
      }
    });
  }
}

/** Members that start together must not draw the same. */
function newPrng(): SeededPrng {
  return new SeededPrng((Date.now() ^ (process.pid << 16)) >>> 0);
}

function nowMs(): number {
  return performance.now();
}

/** What a client's request may take: etcd's figure. */
function requestTimeoutMs(config: ServerConfig): number {
  return REQUEST_TIMEOUT_BASE_MS + 2 * config.electionTimeoutMs;
}

function replicaConfig(config: ServerConfig): ReplicaConfig {
  const ticks = (ms: number): number => Math.ceil(ms / config.heartbeatIntervalMs);
  return {
    applyBacklogMax: APPLY_BACKLOG_MAX,
    requestTimeoutTicks: ticks(requestTimeoutMs(config)),
    catchUpEntries: config.snapshotCatchupEntries,
    catchUpBytesMax: CATCH_UP_BYTES_MAX,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs),
    readRetryTicks: ticks(READ_RETRY_MS),
    heldProposalBytesMax: HELD_PROPOSAL_BYTES_MAX,
    snapshotGraceTicks: ticks(SNAPSHOT_GRACE_MS),
  };
}
