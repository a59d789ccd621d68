import { type Metrics, SeededPrng } from "@quorate/base";
import { endOfTurn } from "@quorate/grpc";
import { WatchHub } from "@quorate/mvcc";
import { ERRORS, type ErrorCode, HeaderBytes, Writer } from "@quorate/protocol";
import type { Role } from "@quorate/raft";
import type { SnapshotPosition } from "@quorate/storage";
import {
  ALARM_CORRUPT,
  ALARM_NOSPACE,
  Applier,
  type ApplyResult,
  Checkpoints,
  Counts,
  ETCD_VERSION,
  hexId,
  MemberChanges,
  Quota,
  Replica,
  RequestIds,
  RequestKind,
} from "../core/index.ts";
import { AlarmRaiser } from "./alarm-raiser.ts";
import { ApplyWatch } from "./apply-watch.ts";
import { Authenticator } from "./auth/authenticator.ts";
import { type Credentials, openCredentials, storedHash } from "./auth/credentials.ts";
import { AutoCompactor } from "./auto-compactor.ts";
import { type CompactionPace, PhysicalCompaction, Timers, WatchCatchUp } from "./background.ts";
import { ClusterFacts } from "./cluster-facts.ts";
import { compactionMeter } from "./compaction-meter.ts";
import type { ServerConfig } from "./config/index.ts";
import { Configuration } from "./configuration.ts";
import { CorruptionChecks, corruptionChecksDeps } from "./corruption-checks.ts";
import { Defragmentation } from "./defragmentation.ts";
import { Elections } from "./elections.ts";
import { Hashes } from "./hashes.ts";
import { HeartbeatLateness } from "./heartbeat-lateness.ts";
import { LeaderDuties } from "./leader-duties.ts";
import { LeaderLink } from "./leader-link.ts";
import { LeaseRequests } from "./lease-requests.ts";
import type { StructuredLogger } from "./log/index.ts";
import { type Member, openMember, sha1 } from "./member.ts";
import { prepareMember } from "./member-preparation.ts";
import { SampledDurations, type ServerMetrics, WatchSendTimes } from "./metrics/index.ts";
import { OwnRequest } from "./own-request.ts";
import { PeerClient, type PeerTls } from "./peer/index.ts";
import { peerHttpSource } from "./peer-source.ts";
import { Peers } from "./peers.ts";
import { promoteForPeer, promoteViaLeader } from "./promotion.ts";
import { Publisher } from "./publisher.ts";
import { replicaConfig } from "./replica-config.ts";
import { requestTimeoutMs } from "./request-timeout.ts";
import { SavedSnapshots } from "./saved-snapshots.ts";
import { Scrub, startQuietTimer } from "./scrub.ts";
import { Access } from "./services/access.ts";
import { Gate } from "./services/gate.ts";
import type { NodeContext } from "./services/node-context.ts";
import { Proposer } from "./services/proposal.ts";
import { TokenGate } from "./services/token-gate.ts";
import { installSnapshot } from "./snapshot-install.ts";

const MIB = 1024 * 1024;
const HOUSEKEEPING_MS = 100;
/** A commit index that no write has taken along is kept within this time. */
const COMMIT_SAVE_MS = 1000;
/** How often tokens are looked at whose time may be over; etcd's figure. */
const TOKEN_VISIT_MS = 1000;
/** When the applied state is made durable at the latest, and how far apart at least; ADR 1. */
const CHECKPOINT_BYTES_MAX = 64 * MIB;
const CHECKPOINT_SPACING_MS = 2000;
const CHECKPOINT_AGE_MAX_MS = 30_000;
/** Revisions that compaction has freed and only a checkpoint removes. */
const PENDING_DELETES_MAX = 100_000;
/** Another member's version must be told within this time. */
const VERSION_TIMEOUT_MS = 1000;
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

/** A running member: the replica with everything that drives it, without listeners. */
export class Node {
  readonly config: ServerConfig;
  readonly member: Member;
  readonly replica: Replica;
  readonly context: NodeContext;
  readonly proposer: Proposer;
  readonly watchHub: WatchHub;
  readonly gate: Gate;
  readonly tokenGate: TokenGate;
  readonly peers: Peers;
  readonly memberChanges: MemberChanges;
  readonly leaderLink: LeaderLink;
  readonly peerClient: PeerClient;
  readonly defragmentation: Defragmentation;
  readonly scrub: Scrub;
  readonly #deps: NodeDeps;
  readonly #credentials: Credentials;
  readonly #authenticator: Authenticator;
  readonly #checkpoints: Checkpoints;
  readonly #compaction: PhysicalCompaction;
  readonly #catchUp = new WatchCatchUp();
  readonly #facts: ClusterFacts;
  readonly #duties: LeaderDuties;
  readonly #corruption: CorruptionChecks;
  readonly elections: Elections;
  readonly savedSnapshots: SavedSnapshots;
  readonly #applier: Applier;
  readonly #configuration: Configuration;
  #publisher: Publisher | undefined;
  #waitingForServing: (() => void)[] = [];
  readonly #autoCompactor: AutoCompactor;
  readonly #applyWatch: ApplyWatch;
  readonly #timers = new Timers();
  readonly #alarms: AlarmRaiser;

  private constructor(
    config: ServerConfig,
    { credentials, member, peerClient }: { member: Member; peerClient: PeerClient; credentials: Credentials },
    deps: NodeDeps,
  ) {
    this.config = config;
    this.member = member;
    this.#credentials = credentials;
    this.#deps = deps;
    const { raft, raftLog, storage, store } = member;
    this.#configuration = new Configuration({
      member,
      peers: () => this.peers,
      logger: deps.logger,
      leaderEnded: (id) => this.elections.leaderEnded(id),
      removed: deps.removed,
    });
    const { backend } = storage;
    const { memberId } = storage.identity;
    const quota = new Quota(backend, config.quotaBackendBytes);
    const counts = new Counts();
    const requestIds = new RequestIds(memberId, Date.now());
    this.#compaction = new PhysicalCompaction(
      store,
      () => backend.commit(),
      compactionPace(config),
      compactionMeter(deps.metrics.mvcc, Date.now),
    );
    this.defragmentation = new Defragmentation({
      compaction: this.#compaction,
      checkpoints: () => this.#checkpoints,
      compactFiles: (done) => backend.compactFiles(done),
      metrics: deps.metrics.disk,
    });
    this.scrub = new Scrub({ backend, logger: deps.logger, fatal: deps.fatal, startTimer: startQuietTimer });
    this.#applyWatch = new ApplyWatch(config.warningApplyDurationMs, {
      nowMs,
      logger: deps.logger,
      slow: deps.metrics.raft.slowApply,
      applied: counts.applied,
      duration: deps.metrics.requests.applyDuration,
    });
    this.#autoCompactor = new AutoCompactor(config.autoCompaction, {
      isLeader: () => this.replica.isLeader,
      revision: () => store.revision,
      propose: (kind, request, done) => this.#propose(kind, request, done),
      logger: deps.logger,
      nowMs,
    });
    this.peerClient = peerClient;
    this.peers = this.#createPeers();
    this.#applier = this.#createApplier(quota, requestIds, counts);
    this.replica = new Replica(
      replicaConfig(config),
      {
        counts,
        raft,
        raftLog,
        entryLog: storage.log,
        applier: this.#applier,
        endOfTurn,
        readIds: new RequestIds(memberId, Date.now()),
        beforeApply: () => this.#applyWatch.begin(),
        afterApply: (entryCount, bytes) => {
          this.#checkpoints.applied(entryCount, bytes, this.#applyWatch.end(entryCount, bytes));
          this.#authenticator.applied();
        },
        fatal: deps.fatal,
        sendMessages: (messages) => this.peers.send(messages),
        sendSnapshot: (message, snapshot) => this.peers.sendSnapshot(message, snapshot),
        installSnapshot: (snapshot, done) => {
          deps.metrics.raft.snapshotApplyInProgress.set(1);
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
              this.#configuration.restored(snapshot.confState);
              deps.metrics.raft.snapshotApplyInProgress.set(0);
              done(error);
              this.#serveWaiting();
            },
          );
        },
        onLeadership: (leader, role, isNewLeader) => this.#onLeadership(leader, role, isNewLeader),
        isConnectedSince: (peer, ticks) => {
          const since = this.peers.activeSince(peer);
          return since !== undefined && since <= nowMs() - ticks * config.heartbeatIntervalMs;
        },
      },
      member.appliedIndex,
    );
    this.#checkpoints = this.#createCheckpoints();
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
    this.#authenticator = this.#createAuthenticator();
    this.context = this.#createContext(quota, requestIds, counts);
    this.proposer = new Proposer(this.context);
    this.gate = new Gate({
      hasLeader: () => this.replica.leader !== 0n,
      isLearner: this.context.isLearner,
      isServing: () => !this.replica.isInstalling,
      whenServing: this.context.whenServing,
    });
    this.tokenGate = new TokenGate(this.context.access, this.#authenticator);
    this.memberChanges = this.#createMemberChanges();
    this.#facts = this.#createFacts();
    this.#duties = this.#createDuties(counts);
    this.#alarms = new AlarmRaiser({
      alarms: member.alarms,
      logger: deps.logger,
      propose: (kind, request, done) => this.#propose(kind, request, done),
    });
    this.#corruption = this.#createCorruptionChecks();
    this.elections = this.#createElections();
    this.savedSnapshots = this.#createSavedSnapshots();
  }

  #createElections(): Elections {
    return new Elections({
      config: this.config,
      replica: this.replica,
      memberId: this.context.memberId,
      activeSince: (id) => this.peers.activeSince(id),
      leaderless: () => this.gate.leaderLost(),
      prng: newPrng(),
      logger: this.#deps.logger,
      nowMs,
    });
  }

  #createPeers(): Peers {
    const { config, member } = this;
    const { logger, metrics, peerMetrics, peerTls, removed } = this.#deps;
    return new Peers({
      storage: member.storage,
      membership: member.membership,
      logger,
      metrics: peerMetrics,
      snapshotSaved: metrics.disk.snapDbSaveTotal,
      tls: peerTls,
      dialTimeoutMs: config.electionTimeoutMs + 1000,
      ownPeerUrls: () =>
        this.#memberOf(member.storage.identity.memberId)?.peerUrls ??
        config.initialAdvertisePeerUrls.map(({ text }) => text),
      http: peerHttpSource({
        membership: member.membership,
        hashes: () => this.context.hashes,
        replica: () => this.replica,
        leases: () => this.context.leaseRequests,
        promote: (id, token) => promoteForPeer({ access: this.context.access, changes: this.memberChanges }, id, token),
      }),
      step: (message) => this.replica.step(message),
      isRestoredAt: (index) => member.raft.committed === index && member.raft.lastIndex === index,
      fatal: this.#deps.fatal,
      reportUnreachable: (id) => this.replica.reportUnreachable(id),
      onRefused: (id) => this.elections.leaderEnded(id),
      reportSnapshot: (id, outcome) => this.replica.reportSnapshot(id, outcome),
      onRemoved: removed,
    });
  }

  #createApplier(quota: Quota, requestIds: RequestIds, counts: Counts): Applier {
    const { alarms, auth, lessor, membership, storage, store } = this.member;
    return new Applier({
      counts,
      idHigh16: requestIds.high16,
      backend: storage.backend,
      store,
      lessor,
      membership,
      alarms,
      auth,
      quota,
      nowMs,
      onOverQuota: () => this.#raise(ALARM_NOSPACE),
      onLeaseGranted: (ttlSeconds) => this.#deps.metrics.mvcc.leaseTtl.observe(ttlSeconds),
      onFirstCommitInTerm: () => this.#onFirstCommitInTerm(),
      onConfChange: (change) => this.#configuration.apply(change),
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
        promoted: (refused) => {
          const { raft } = this.#deps.metrics;
          if (refused === undefined) raft.learnerPromoteSuccesses.add();
          else raft.learnerPromoteFailures(ERRORS[refused].message).add();
        },
        promoteViaLeader: (id, done, token) => {
          void promoteViaLeader(this.leaderLink, peerClient, { changes: this.memberChanges, id, token }).then(done);
        },
        nowMs,
        wallMs: Date.now,
      },
    );
  }

  #createAuthenticator(): Authenticator {
    return new Authenticator({
      provider: this.#credentials.tokens,
      state: this.member.auth.state,
      byCertificate: this.config.clientCertAuth,
      appliedIndex: () => this.replica.appliedIndex,
      nowMs,
      waitMs: requestTimeoutMs(this.config),
    });
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
      downgradeCheckTimeMs: this.config.downgradeCheckTimeMs,
      propose: (kind, request, done) => this.#proposeAsLeader(kind, request, done),
      confirmLeadership: (confirmed, failed) => this.replica.linearizableRead(confirmed, failed),
      facts: this.#facts,
    });
  }

  #createCorruptionChecks(): CorruptionChecks {
    return new CorruptionChecks({
      ...corruptionChecksDeps(this.config, this.member, this.peerClient, this.#deps.logger),
      isLeader: () => this.replica.isLeader,
      linearizableRead: (ready, failed) => this.replica.linearizableRead(ready, failed),
      raiseCorrupt: (memberId) => this.#raise(ALARM_CORRUPT, memberId),
    });
  }

  #createCheckpoints(): Checkpoints {
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
        position: () => ({ ...this.#position(), revision: store.revision }),
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

  /** Up to where the log is applied. */
  #position(): SnapshotPosition {
    return { index: this.replica.appliedIndex, term: this.#applier.appliedTerm, confState: this.#configuration.state };
  }

  #createSavedSnapshots(): SavedSnapshots {
    const { storage } = this.member;
    return new SavedSnapshots({
      make: () => storage.openSnapshot(storage.backend.freeze(), this.#position()),
      took: this.#deps.metrics.disk.backendSnapshot,
      nowMs,
    });
  }

  #createContext(quota: Quota, requestIds: RequestIds, counts: Counts): NodeContext {
    const { alarms, auth, lessor, membership, storage, store } = this.member;
    const { memberId, clusterId } = storage.identity;
    const { maxRequestBytes, maxTxnOps } = this.config;
    const { requests, watchSends } = this.#deps.metrics;
    return {
      replica: this.replica,
      store,
      lessor,
      watchHub: this.watchHub,
      membership,
      alarms,
      auth,
      access: new Access(auth, this.#authenticator),
      ...this.#credentials,
      quota,
      counts,
      rangeTimes: new SampledDurations(requests.rangeDuration(true), requests.rangeDuration(false), nowMs),
      watchTimes: new WatchSendTimes(watchSends, nowMs),
      backend: storage.backend,
      hashes: new Hashes({ store, backend: storage.backend, metrics: this.#deps.metrics.mvcc, nowMs }),
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
      raiseNoSpace: () => this.#raise(ALARM_NOSPACE),
      whenCompacted: (done) => this.#compaction.whenDone(done),
    };
  }

  /** The process must end. */
  get fatal(): (error: Error) => void {
    return this.#deps.fatal;
  }

  /** Opens the data directory, catches up with its log and resolves once this member serves. Rejects with why it cannot. */
  static async start(config: ServerConfig, deps: NodeDeps): Promise<Node> {
    const { disk } = deps.metrics;
    let written = 0;
    const peerClient = new PeerClient(deps.peerTls?.client);
    const credentials = openCredentials(config.auth, deps.logger);
    const member = await openMember(config, {
      peerClient,
      tokens: credentials.tokens.keeper,
      hashPassword: (password) => storedHash(credentials, password),
      logger: deps.logger,
      prng: newPrng(),
      onSync: (durationMs, bytes, writeMs) => {
        disk.walWrite.observe(writeMs / 1000);
        disk.walFsync.observe((durationMs - writeMs) / 1000);
        written += bytes;
        disk.walWriteBytes.set(written);
      },
      fatal: deps.fatal,
    });
    await prepareMember(config, member, { client: peerClient, logger: deps.logger });
    const node = new Node(config, { member, peerClient, credentials }, deps);
    try {
      await node.#begin();
    } catch (error) {
      await node.stop(0);
      throw error;
    }
    return node;
  }

  /** Lets requests in flight finish within `timeoutMs`, makes everything durable and closes. */
  async stop(timeoutMs: number): Promise<void> {
    this.#publisher?.stop();
    await this.#drained(timeoutMs);
    this.replica.stop();
    this.elections.stop();
    this.#timers.stop();
    this.#compaction.stop();
    this.scrub.stop();
    await this.#credentials.passwords.close();
    await this.peers.close();
    await new Promise<void>((resolve) => this.#checkpoints.finish(resolve));
    this.member.slabs.close();
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
    this.#configuration.chooseSync();
    for (const peer of [...member.initialPeers, ...member.membership.list()]) this.peers.add(peer);
    const lateness = new HeartbeatLateness(config.heartbeatIntervalMs, this.#deps.metrics.raft.heartbeatSendFailures);
    this.#timers.every(config.heartbeatIntervalMs, () => {
      lateness.ticked(nowMs(), replica.isLeader ? member.membership.list().length - 1 : 0);
      replica.tick();
      this.elections.visit();
    });
    this.#timers.every(HOUSEKEEPING_MS, () => {
      watchHub.tick(nowMs());
      this.#checkpoints.visit();
      this.#autoCompactor.visit();
      this.#duties.visit();
    });
    this.#corruption.schedule(this.#timers, config);
    this.#timers.every(COMMIT_SAVE_MS, () => member.storage.log.saveCommit());
    this.#timers.every(TOKEN_VISIT_MS, () => this.#authenticator.visit());
    this.elections.begin();
    await this.#publish();
    this.#compaction.start();
    this.scrub.start();
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
    if (this.elections.onLeader(leader)) logger.warn("lost leader", fields);
  }

  #serveWaiting(): void {
    const waiting = this.#waitingForServing;
    this.#waitingForServing = [];
    for (const run of waiting) run();
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

  /**
   * The same for what follows from this leader's clock. Held until there is another leader, a revocation would end a lease that its
   * holder has renewed there meanwhile.
   */
  #proposeAsLeader(kind: number, request: Uint8Array, done: (result: ApplyResult | ErrorCode) => void): boolean {
    // Leases end whoever has keys attached to them.
    const caller = kind === RequestKind.LeaseRevoke ? this.context.access.root() : undefined;
    return this.proposer.proposeAsLeader(kind, request, new OwnRequest(done), caller) === undefined;
  }

  #raise(type: number, memberId: bigint = this.context.memberId): void {
    this.#alarms.raise({ memberId, type });
  }
}

/** Members that start together must not draw the same. */
function newPrng(): SeededPrng {
  return new SeededPrng((Date.now() ^ (process.pid << 16)) >>> 0);
}

function nowMs(): number {
  return performance.now();
}

function compactionPace({ compactionBatchLimit, compactionSleepIntervalMs }: ServerConfig): CompactionPace {
  return { sliceItems: compactionBatchLimit, pauseMs: compactionSleepIntervalMs };
}
