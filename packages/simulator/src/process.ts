import { SeededPrng, utf8Bytes } from "@quorate/base";
import { Lessor, Store } from "@quorate/mvcc";
import {
  createAlarmMember,
  createRaftConfChange,
  decodeAlarmMember,
  type ErrorCode,
  encodeAlarmMember,
  encodeLeaseRevokeRequest,
  encodeRaftConfChange,
  type RaftConfChange,
  Writer,
  writeRaftRequest,
} from "@quorate/protocol";
import {
  ConfChangeType,
  confChangeV2,
  type Entry,
  type HardState,
  MemoryLogStorage,
  type Message,
  NO_MEMBER,
  parseConfig,
  type RaftConfigInput,
  RawNode,
  type Role,
  type Snapshot,
} from "@quorate/raft";
import {
  Alarms,
  Applier,
  type ApplierDeps,
  Auth,
  Checkpoints,
  type ClusterMember,
  Counts,
  LeaseExpiry,
  Membership,
  memberJson,
  type Pending,
  type PendingRequests,
  Quota,
  Replica,
  RequestIds,
  RequestKind,
} from "@quorate/server/core";
import type { ImagePosition } from "./disk.ts";
import type { Host } from "./host.ts";
import { type Image, SimBackend } from "./sim-backend.ts";
import { Violation } from "./violation.ts";

export const ELECTION_TICKS = 10;
/** Local time between ticks. */
export const TICK_US = 10_000;
/** Two, so that a quorum that counts them could do without the voters. */
export const LEARNERS_MAX = 2;
const REQUEST_TIMEOUT_TICKS = 50;

/** The applier of production, which says what it has applied. */
class ObservedApplier extends Applier {
  readonly #onApplied: (entry: Entry) => void;

  constructor(deps: ApplierDeps, onApplied: (entry: Entry) => void) {
    super(deps);
    this.#onApplied = onApplied;
  }

  override apply(entry: Entry, pending: PendingRequests): void {
    super.apply(entry, pending);
    this.#onApplied(entry);
  }
}

/** A member from its start to its end: the production core, wired to simulated ports as the node wires it to real ones. */
export class Process {
  readonly #host: Host;
  readonly backend: SimBackend;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly auth: Auth;
  readonly raft: RawNode;
  readonly raftLog: MemoryLogStorage;
  readonly replica: Replica;
  readonly #applier: Applier;
  readonly #checkpoints: Checkpoints;
  readonly #leaseExpiry: LeaseExpiry;
  readonly #requestIds: RequestIds;
  readonly #writer = new Writer();
  /** Snapshots that have arrived and may be asked for. */
  readonly #received = new Map<number, Image>();
  /** Index of the last entry applied, also while a batch is being applied. */
  appliedIndex: number;

  constructor(host: Host) {
    this.#host = host;
    const { base, entries, hardState } = host.disk.recover();
    this.appliedIndex = base?.position.index ?? 0;
    checkContiguous(host.id, this.appliedIndex, entries);
    this.backend = new SimBackend(base?.image);
    const { backend } = this;
    this.lessor = new Lessor({ minTtlSeconds: 1 }, { backend });
    this.store = new Store(backend, { leases: this.lessor });
    this.#restoreStore();
    this.store.onWrite = (revision, changes) => host.observer.revisionMade(this, revision, changes);
    this.membership = new Membership(backend, { maxLearners: LEARNERS_MAX });
    this.alarms = new Alarms(backend, {
      encode: ({ memberId, type }) => encodeAlarmMember(createAlarmMember({ memberId, alarm: type })),
      decode: (bytes) => {
        const { memberId, alarm } = decodeAlarmMember(bytes);
        return { memberId, type: alarm };
      },
    });
    // No simulated member is older than etcd 3.5, whose passwords would have to be hashed here.
    this.auth = new Auth({ backend, lessor: this.lessor, hashPassword: utf8Bytes });
    this.#requestIds = new RequestIds(host.id, host.startMs);
    const counts = new Counts();
    this.raftLog = new MemoryLogStorage();
    if (base !== undefined) this.raftLog.applySnapshot({ ...base.position, data: new Uint8Array(0) });
    if (hardState.term > 0) {
      this.raftLog.append(entries);
      this.raftLog.setHardState(hardState);
    }
    this.raft = this.#createRaft();
    if (host.founders !== undefined && hardState.term === 0) this.raft.bootstrap(host.founders.map(founderChange));
    this.#applier = this.#createApplier(counts);
    this.replica = this.#createReplica(counts);
    this.#checkpoints = this.#createCheckpoints();
    this.#leaseExpiry = new LeaseExpiry({
      counts,
      lessor: this.lessor,
      confirmLeadership: (confirmed, failed) => this.replica.linearizableRead(confirmed, failed),
      proposeRevoke: (id, done) => {
        const pending = {
          applied: (result: unknown): void => done(typeof result !== "string"),
          failed: (): void => done(false),
        };
        return this.propose(RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id }), pending) === undefined;
      },
    });
    host.observer.started(this);
  }

  get id(): bigint {
    return this.#host.id;
  }

  /** Not the applier's, which knows nothing of a snapshot that was installed. */
  get #appliedTerm(): number {
    const term = this.raftLog.term(this.appliedIndex);
    if (typeof term !== "number") throw new Violation("no failure", `member ${this.id} lacks ${this.appliedIndex}`);
    return term;
  }

  /** Proposes a request of a kind of `RequestKind`; see `Replica.propose`. */
  propose(kind: number, request: Uint8Array, pending: Pending): ErrorCode | undefined {
    const low48 = this.#requestIds.nextLow48();
    this.#writer.reset();
    writeRaftRequest(this.#writer, kind, request, this.#requestIds.high16, low48);
    return this.replica.propose(this.#writer.finish(), low48, pending);
  }

  proposeConfChange(
    type: ConfChangeType,
    nodeId: bigint,
    context: Uint8Array,
    pending: Pending,
  ): ErrorCode | undefined {
    const low48 = this.#requestIds.nextLow48();
    const id = (BigInt(this.#requestIds.high16) << 48n) | BigInt(low48);
    return this.replica.proposeConfChange({ type, nodeId, context }, { id, low48, pending });
  }

  linearizableRead(ready: () => void, failed: (code: ErrorCode) => void): void {
    if (this.#host.planted.readsWithoutRound && this.replica.isLeader) ready();
    else this.replica.linearizableRead(ready, failed);
  }

  /** A snapshot's file has been received and is on disk. */
  receiveSnapshot(message: Message, image: Image): void {
    const snapshot = message.snapshot as Snapshot;
    this.#received.set(snapshot.index, image);
    if (this.#host.planted.installsOldSnapshots && snapshot.index < this.appliedIndex) this.#replaceState(image);
    this.replica.step(message);
  }

  /** Work of 50 local milliseconds' pace: leases, checkpoints, compaction. */
  housekeep(): void {
    if (this.replica.isInstalling) return;
    if (this.replica.isLeader) this.#leaseExpiry.visit(this.#host.nowMs());
    this.#checkpoints.visit();
    if (!this.store.compactionPending) return;
    this.store.compactionStep(20);
    this.backend.runScans();
    this.backend.commit();
  }

  #createRaft(): RawNode {
    const { id, planted, prng, tuning } = this.#host;
    const input: RaftConfigInput = {
      id,
      electionTicks: ELECTION_TICKS,
      applied: this.appliedIndex,
      maxSizePerMsg: tuning.maxSizePerMsg,
      maxInflightMsgs: tuning.maxInflightMsgs,
      checkQuorum: true,
      preVote: tuning.preVote,
      persistTimeoutTicks: 3 * ELECTION_TICKS,
      disableConfChangeValidation: planted.overlappingChanges,
    };
    const parsed = parseConfig(input);
    if (!parsed.ok) throw new Error(parsed.errors.join("; "));
    return new RawNode(parsed.config, { storage: this.raftLog, prng: new SeededPrng(prng.u32()) });
  }

  #createApplier(counts: Counts): Applier {
    const { alarms, auth, backend, lessor, membership, store } = this;
    const deps: ApplierDeps = {
      counts,
      idHigh16: this.#requestIds.high16,
      backend,
      store,
      lessor,
      membership,
      alarms,
      auth,
      quota: new Quota(backend, undefined),
      nowMs: this.#host.nowMs,
      onOverQuota: () => {},
      onFirstCommitInTerm: () => this.#host.after(0, () => this.#startLeases()),
      onConfChange: (change) => this.#onConfChange(change),
      onCompact: () => {},
    };
    return new ObservedApplier(deps, (entry) => {
      this.appliedIndex = entry.index;
      this.#host.observer.entryApplied(this, entry);
    });
  }

  #createReplica(counts: Counts): Replica {
    const host = this.#host;
    return new Replica(
      {
        applyBacklogMax: 5000,
        requestTimeoutTicks: REQUEST_TIMEOUT_TICKS,
        electionTicks: ELECTION_TICKS,
        readRetryTicks: 5,
        heldProposalBytesMax: 1024 * 1024,
        catchUpEntries: host.tuning.catchUpEntries,
        catchUpBytesMax: 16 * 1024,
        snapshotGraceTicks: 2 * ELECTION_TICKS,
      },
      {
        counts,
        raft: this.raft,
        raftLog: this.raftLog,
        entryLog: { append: (entries, hardState, mustSync, done) => this.#append(entries, hardState, mustSync, done) },
        applier: this.#applier,
        readIds: new RequestIds(host.id, host.startMs),
        endOfTurn: (run) => host.after(host.prng.below(100), run),
        beforeApply: () => {},
        afterApply: (count, bytes) => this.#checkpoints.applied(count, bytes),
        fatal: (error) => {
          throw error;
        },
        sendMessages: host.sendMessages,
        sendSnapshot: (message) => {
          host.observer.snapshotFrozen(this);
          host.sendSnapshot(message, this.backend.freeze());
        },
        installSnapshot: (snapshot, done) => this.#install(snapshot, done),
        onLeadership: (_leader: bigint, role: Role) => {
          if (role !== "leader") this.lessor.demote();
        },
        isConnectedSince: () => true,
      },
      this.appliedIndex,
    );
  }

  #createCheckpoints(): Checkpoints {
    const { disk, nowMs, planted, tuning } = this.#host;
    return new Checkpoints(
      { entriesMax: tuning.checkpointEntries, spacingMs: 20, bytesMax: 64 * 1024, ageMaxMs: 1000 },
      {
        nowMs,
        isUrgent: () => false,
        position: () => ({
          index: this.appliedIndex,
          term: this.#appliedTerm,
          revision: this.store.revision,
          confState: this.raft.confState,
        }),
        save: (position, done) => {
          const image = this.backend.freeze();
          const noted: { -readonly [Key in keyof ImagePosition]: ImagePosition[Key] } = { ...position };
          disk.saveBarrier(noted, image, this.#guarded(done));
          if (planted.barrierAhead) this.#host.after(400, () => this.#moveAhead(noted));
        },
        failed: (error) => {
          throw error;
        },
      },
    );
  }

  #moveAhead(noted: { index: number; term: number }): void {
    const { index, term } = { index: this.appliedIndex, term: this.#appliedTerm };
    if (index <= noted.index) return;
    noted.index = index;
    noted.term = term;
  }

  #append(
    entries: readonly Entry[],
    hardState: HardState | undefined,
    mustSync: boolean,
    done: (error?: Error) => void,
  ): void {
    const { disk, observer, planted } = this.#host;
    observer.logAppended(this, entries, hardState);
    const written = planted.dropsVote && hardState !== undefined ? { ...hardState, vote: 0n } : hardState;
    if (planted.reportsEarly) {
      disk.append(entries, written, mustSync, () => {});
      this.#host.after(0, () => done());
    } else disk.append(entries, written, mustSync, this.#guarded(done));
  }

  /** Completions of the disk reach a process as anything else does: not while it is paused. */
  #guarded(done: () => void): () => void {
    return () => this.#host.after(0, done);
  }

  #install(snapshot: Snapshot, done: (error?: Error) => void): void {
    const image = this.#received.get(snapshot.index);
    if (image === undefined) throw new Violation("no failure", `member ${this.id} has no snapshot ${snapshot.index}`);
    this.#host.disk.install(
      snapshot,
      image,
      this.#guarded(() => {
        for (const index of this.#received.keys()) if (index <= snapshot.index) this.#received.delete(index);
        this.appliedIndex = snapshot.index;
        this.#replaceState(image);
        this.#host.observer.stateReplaced(this);
        done();
      }),
    );
  }

  #replaceState(image: Image): void {
    this.backend.replace(image);
    this.lessor.restore();
    this.#restoreStore();
    this.alarms.reload();
    this.auth.reload();
    this.membership.reload();
  }

  #restoreStore(): void {
    let outcome: Error | "pending" | undefined = "pending";
    this.store.restore((error) => {
      outcome = error;
    });
    this.backend.runScans();
    if (outcome !== undefined) throw new Violation("no failure", `member ${this.id} cannot restore: ${outcome}`);
  }

  #startLeases(): void {
    if (!this.replica.isLeader || this.lessor.isPrimary) return;
    this.lessor.promote(this.#host.nowMs(), (ELECTION_TICKS * TICK_US) / 1000);
  }

  /** What the membership refuses is not put into force, on every member alike. */
  #onConfChange(change: RaftConfChange): ErrorCode | undefined {
    const { refused } = this.membership.applyConfChange(change);
    const nodeId = refused === undefined ? change.nodeId : NO_MEMBER;
    this.raft.applyConfChange(confChangeV2({ type: change.type, nodeId }));
    if (refused === undefined) this.#host.observer.confChanged(this);
    return refused;
  }
}

/** A member under its name in the simulation. */
export function memberNamed(id: bigint, isLearner: boolean): ClusterMember {
  return { id, name: `m${id}`, peerUrls: [`http://m${id}:1`], clientUrls: [], isLearner };
}

function founderChange(id: bigint): { id: bigint; data: Uint8Array } {
  const change = createRaftConfChange({
    type: ConfChangeType.AddNode,
    nodeId: id,
    context: memberJson(memberNamed(id, false)),
  });
  return { id, data: encodeRaftConfChange(change) };
}

function checkContiguous(id: bigint, baseIndex: number, entries: readonly Entry[]): void {
  let expected = baseIndex + 1;
  for (const { index } of entries) {
    if (index !== expected) throw new Violation("durable log", `member ${id} finds ${index} instead of ${expected}`);
    expected++;
  }
}
