import { must, SeededPrng } from "@quorate/base";
import { endOfTurn } from "@quorate/grpc";
import { WatchHub } from "@quorate/mvcc";
import {
  createClusterMemberAttrSetRequest,
  createClusterVersionSetRequest,
  createMemberAttributes,
  type ErrorCode,
  encodeAlarmRequest,
  encodeClusterMemberAttrSetRequest,
  encodeClusterVersionSetRequest,
  encodeCompactionRequest,
  encodeLeaseRevokeRequest,
  HeaderBytes,
  type RaftConfChange,
  Writer,
} from "@quorate/protocol";
import { confChangeV2, NO_MEMBER } from "@quorate/raft";
import {
  ALARM_NOSPACE,
  Applier,
  type ApplyResult,
  AutoCompaction,
  Checkpoints,
  Counts,
  ETCD_CLUSTER_VERSION,
  hexId,
  LeaseExpiry,
  type Pending,
  Quota,
  Replica,
  type ReplicaConfig,
  RequestIds,
  RequestKind,
} from "../core/index.ts";
import { PhysicalCompaction, Timers, WatchCatchUp } from "./background.ts";
import type { ServerConfig } from "./config/index.ts";
import type { StructuredLogger } from "./log/index.ts";
import { type Member, openMember } from "./member.ts";
import type { ServerMetrics } from "./metrics/index.ts";
import type { NodeContext } from "./services/node-context.ts";
import { Proposer } from "./services/proposal.ts";

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
const LEASE_VISIT_MS = 500;
const HOUSEKEEPING_MS = 100;
/** When the applied state is made durable at the latest, and how far apart at least; ADR 1. */
const CHECKPOINT_BYTES_MAX = 64 * MIB;
const CHECKPOINT_SPACING_MS = 2000;
const CHECKPOINT_AGE_MAX_MS = 30_000;
/** Revisions that compaction has freed and only a checkpoint removes. */
const PENDING_DELETES_MAX = 100_000;

const ACTION_ACTIVATE = 1;

export interface NodeDeps {
  readonly logger: StructuredLogger;
  readonly metrics: ServerMetrics;
  /** The process must end: nothing more may be served. Called once at most. */
  readonly fatal: (error: Error) => void;
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
  readonly #deps: NodeDeps;
  readonly #checkpoints: Checkpoints;
  readonly #compaction: PhysicalCompaction;
  readonly #catchUp = new WatchCatchUp();
  readonly #leaseExpiry: LeaseExpiry;
  readonly #autoCompaction: AutoCompaction;
  readonly #timers = new Timers();
  #noSpaceRequested = false;
  #published: (() => void) | undefined;

  private constructor(config: ServerConfig, member: Member, deps: NodeDeps) {
    this.config = config;
    this.member = member;
    this.#deps = deps;
    const { alarms, lessor, membership, raft, raftLog, storage, store } = member;
    const { backend } = storage;
    const nowMs = (): number => performance.now();
    const quota = new Quota(backend, config.quotaBackendBytes);
    this.#compaction = new PhysicalCompaction(store, () => backend.commit());
    this.#autoCompaction = new AutoCompaction(config.autoCompaction, nowMs());
    const requestIds = new RequestIds(storage.identity.memberId, Date.now());
    const counts = new Counts();
    const applier = new Applier({
      counts,
      idHigh16: requestIds.high16,
      backend,
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
    this.replica = new Replica(
      replicaConfig(config),
      {
        counts,
        raft,
        raftLog,
        entryLog: storage.log,
        applier,
        endOfTurn,
        afterApply: (entryCount, bytes) => this.#checkpoints.applied(entryCount, bytes),
        fatal: deps.fatal,
        readIds: new RequestIds(storage.identity.memberId, Date.now()),
        sendMessages: () => {},
        sendSnapshot: () => {},
        installSnapshot: () => {},
        onLeadership: () => {},
        isConnectedSince: () => true,
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
    this.context = this.#createContext(quota, requestIds, counts);
    this.proposer = new Proposer(this.context);
    this.#leaseExpiry = new LeaseExpiry({
      counts,
      lessor,
      proposeRevoke: (id, done) => this.#propose(RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id }), done),
    });
  }

  #createCheckpoints(applier: Applier): Checkpoints {
    const { raft, storage, store } = this.member;
    return new Checkpoints(
      {
        entriesMax: this.config.snapshotCount,
        spacingMs: CHECKPOINT_SPACING_MS,
        bytesMax: CHECKPOINT_BYTES_MAX,
        ageMaxMs: CHECKPOINT_AGE_MAX_MS,
      },
      {
        nowMs: () => performance.now(),
        isUrgent: () => storage.backend.pendingDeleteCount > PENDING_DELETES_MAX,
        position: () => ({
          index: this.replica.appliedIndex,
          term: applier.appliedTerm,
          revision: store.revision,
          confState: raft.confState,
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
      nowMs: () => performance.now(),
      writer: new Writer(),
      raiseNoSpace: () => this.#raiseNoSpace(),
      whenCompacted: (done) => this.#compaction.whenDone(done),
    };
  }

  /** Opens the data directory, catches up with its log and resolves once this member serves. Rejects with why it cannot. */
  static async start(config: ServerConfig, deps: NodeDeps): Promise<Node> {
    const { disk } = deps.metrics;
    let written = 0;
    const member = await openMember(config, {
      logger: deps.logger,
      prng: new SeededPrng((Date.now() ^ (process.pid << 16)) >>> 0),
      onSync: (durationMs, bytes) => {
        disk.walFsync.observe(durationMs / 1000);
        written += bytes;
        disk.walWriteBytes.set(written);
      },
      fatal: deps.fatal,
    });
    const node = new Node(config, member, deps);
    await node.#begin();
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

  /** Lets requests in flight finish within `timeoutMs`, makes everything durable and closes. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#drained(timeoutMs);
    this.replica.stop();
    this.#timers.stop();
    this.#compaction.stop();
    await new Promise<void>((resolve) => this.#checkpoints.finish(resolve));
    await this.member.storage.close();
  }

  async #drained(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.replica.pendingCount > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #begin(): Promise<void> {
    const { config, replica, watchHub } = this;
    const nowMs = this.context.nowMs;
    this.#timers.every(config.heartbeatIntervalMs, () => replica.tick());
    this.#timers.every(HOUSEKEEPING_MS, () => {
      watchHub.tick(nowMs());
      this.#checkpoints.visit();
      this.#compactByItself(nowMs());
    });
    this.#timers.every(LEASE_VISIT_MS, () => {
      if (replica.isLeader) this.#leaseExpiry.visit(nowMs());
    });
    const published = new Promise<void>((resolve) => {
      this.#published = resolve;
    });
    replica.campaign();
    await published;
    this.#compaction.start();
  }

  /** A new leader: leases start their clocks, and what the cluster should know of this member is written. */
  #onFirstCommitInTerm(): void {
    const { lessor } = this.member;
    // Called while an entry is being applied, possibly one of an earlier life: only a leader of today has duties.
    queueMicrotask(() => {
      if (!this.replica.isLeader || lessor.isPrimary) return;
      lessor.promote(this.context.nowMs(), this.config.electionTimeoutMs);
      this.#deps.metrics.raft.leaderChanges.add(1);
      this.#deps.logger.info("elected leader", {
        "member-id": hexId(this.context.memberId),
        term: this.replica.term,
      });
      this.#publish();
    });
  }

  #publish(): void {
    const { config, context, member } = this;
    const self = must(member.membership.get(context.memberId), "this member is one of its cluster");
    const clientUrls = config.advertiseClientUrls.map((url) => url.text);
    const known = self.name === config.name && self.clientUrls.join() === clientUrls.join();
    if (!known) {
      const attributes = createMemberAttributes({ name: config.name, clientUrls });
      this.#propose(
        RequestKind.ClusterMemberAttrSet,
        encodeClusterMemberAttrSetRequest(
          createClusterMemberAttrSetRequest({ memberId: context.memberId, memberAttributes: attributes }),
        ),
        () => {},
      );
    }
    if (member.membership.clusterVersion !== ETCD_CLUSTER_VERSION) {
      this.#propose(
        RequestKind.ClusterVersionSet,
        encodeClusterVersionSetRequest(createClusterVersionSetRequest({ ver: ETCD_CLUSTER_VERSION })),
        () => {},
      );
    }
    // Behind the two: once this read may be served, both are applied.
    this.#whenCaughtUp(() => this.#published?.());
  }

  #whenCaughtUp(done: () => void): void {
    const look = (): void => {
      const { membership } = this.member;
      const ready = membership.clusterVersion !== undefined && membership.get(this.context.memberId)?.name !== "";
      if (ready && this.replica.readsAreLinearizable()) done();
      else setTimeout(look, 1);
    };
    look();
  }

  #onConfChange(change: RaftConfChange): ErrorCode | undefined {
    const { membership, raft } = this.member;
    const { refused } = membership.applyConfChange(change);
    raft.applyConfChange(confChangeV2(refused === undefined ? change : { type: change.type, nodeId: NO_MEMBER }));
    return refused;
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

function replicaConfig(config: ServerConfig): ReplicaConfig {
  const requestTimeoutMs = REQUEST_TIMEOUT_BASE_MS + 2 * config.electionTimeoutMs;
  return {
    applyBacklogMax: APPLY_BACKLOG_MAX,
    requestTimeoutTicks: Math.ceil(requestTimeoutMs / config.heartbeatIntervalMs),
    catchUpEntries: config.snapshotCatchupEntries,
    catchUpBytesMax: CATCH_UP_BYTES_MAX,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs),
    readRetryTicks: Math.ceil(READ_RETRY_MS / config.heartbeatIntervalMs),
    heldProposalBytesMax: HELD_PROPOSAL_BYTES_MAX,
    snapshotGraceTicks: Math.ceil(SNAPSHOT_GRACE_MS / config.heartbeatIntervalMs),
  };
}
