import { assert } from "@quorate/base";
import { createRaftConfChange, type ErrorCode, encodeRaftConfChange } from "@quorate/protocol";
import {
  type ConfChangeType,
  confChangeV2,
  type Entry,
  EntryType,
  type HardState,
  type MemoryLogStorage,
  type Message,
  MessageType,
  type RaftStatus,
  type RawNode,
  type Ready,
  type Role,
  type Snapshot,
} from "@quorate/raft";
import type { Applier } from "./applier.ts";
import { type CatchUpConfig, CatchUpLog } from "./catch-up-log.ts";
import type { Counts } from "./counts.ts";
import { Leadership } from "./leadership.ts";
import { type Pending, PendingRequests } from "./pending.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import { ReadRounds } from "./read-rounds.ts";
import type { RequestIds } from "./request-id.ts";

/** Where entries become durable. The consumer owns it; the write-ahead log implements it. */
export interface EntryLog {
  /**
   * Appends entries and, if given, the hard state; syncs when `mustSync`. `done` is called in the order of the calls, never
   * from inside one, with an error when the disk failed: the replica then stops for good.
   */
  append(
    entries: readonly Entry[],
    hardState: HardState | undefined,
    mustSync: boolean,
    done: (error?: Error) => void,
  ): void;
}

/** What the replica needs of the world. */
export interface ReplicaDeps {
  readonly counts: Counts;
  readonly raft: RawNode;
  readonly raftLog: MemoryLogStorage;
  readonly entryLog: EntryLog;
  readonly applier: Applier;
  /** Names read-index rounds; an instance of the replica's own. */
  readonly readIds: RequestIds;
  /** Runs a callback once, at the end of this turn of the event loop, behind everything that arrived in it. */
  readonly endOfTurn: (run: () => void) => void;
  /** Called before a batch of entries is applied, and its answers given. */
  readonly beforeApply: () => void;
  /** Called after a batch of entries was applied, once per batch. `bytes`: their payload. */
  readonly afterApply: (entryCount: number, bytes: number) => void;
  /** The process cannot go on: a failed sync, a broken invariant. Must not return control to clients. */
  readonly fatal: (error: Error) => void;
  /** Sends to peers, at once: anything but snapshots, nothing to this member. Messages may get lost. */
  readonly sendMessages: (messages: readonly Message[]) => void;
  /**
   * Sends the state machine as it is now, at `message.snapshot.index`: it is frozen before this returns, streamed later, and its
   * fate told to `reportSnapshot`, once.
   */
  readonly sendSnapshot: (message: Message, snapshot: Snapshot) => void;
  /**
   * Replaces the state machine by a snapshot that has arrived, durably, together with the log's note of it. `done` later, once;
   * everything written to the entry log from then on is behind it. Nothing is applied or written meanwhile.
   */
  readonly installSnapshot: (snapshot: Snapshot, done: (error?: Error) => void) => void;
  /** The role of this member, or the leader it knows of, has changed. `isNewLeader`: another member leads than before. */
  readonly onLeadership: (leader: bigint, role: Role, isNewLeader: boolean) => void;
  /** Whether this member has been in touch with `peer` ever since `ticks` ago. */
  readonly isConnectedSince: (peer: bigint, ticks: number) => boolean;
}

/** Bounds and timeouts, in entries, bytes and ticks. */
export interface ReplicaConfig extends CatchUpConfig {
  /** Writes are refused while more entries than this are committed but not applied (etcd: 5000). */
  readonly applyBacklogMax: number;
  /** A request that was not applied for this many ticks fails with "request timed out". */
  readonly requestTimeoutTicks: number;
  /** Of raft. */
  readonly electionTicks: number;
  /** A read-index request without an answer is repeated after so many ticks (etcd: 500 ms). */
  readonly readRetryTicks: number;
  /** Proposals that wait for a leader are refused beyond so many bytes. */
  readonly heldProposalBytesMax: number;
}

/** A hand-over of leadership that somebody waits for. */
interface Transfer {
  readonly target: bigint;
  readonly sinceTick: number;
  readonly done: (code?: ErrorCode) => void;
}

/**
 * The loop that turns requests into log entries and applied entries into answers. Everything that comes in one turn of the
 * event loop, from clients and from peers, is one raft step after the other, one append, one write, one sync, and one batch of
 * messages to each peer; while that sync is in flight the next batch collects. Sans-IO: it is called, and calls its ports.
 */
export class Replica {
  readonly #config: ReplicaConfig;
  readonly #deps: ReplicaDeps;
  readonly #pending = new PendingRequests();
  readonly #proposals: ProposalQueue;
  readonly #reads: ReadRounds;
  readonly #leadership: Leadership;
  readonly #log: CatchUpLog;
  #flushScheduled = false;
  #processing = false;
  #campaignDue = false;
  /** The newest term whose leader was given up before its time. */
  #endedTerm = 0;
  #tick = 0;
  #stopped = false;
  #appliedIndex: number;
  #transfer: Transfer | undefined;
  /** A snapshot is being installed: what is to be written meanwhile waits here. */
  #installing = false;
  #behindInstall: Ready[] = [];

  constructor(config: ReplicaConfig, deps: ReplicaDeps, appliedIndex: number) {
    const { raft } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#appliedIndex = appliedIndex;
    this.#proposals = new ProposalQueue(raft, config.heldProposalBytesMax, this.#refuse);
    this.#reads = new ReadRounds({
      ids: deps.readIds,
      requestIndex: (context) => raft.readIndex(context),
      retryTicks: config.readRetryTicks,
      timeoutTicks: config.requestTimeoutTicks,
      counts: deps.counts,
    });
    this.#leadership = new Leadership(raft.id, {
      electionTicks: config.electionTicks,
      isConnectedSince: (peer, sinceTick) => deps.isConnectedSince(peer, this.#tick - sinceTick),
      hasQuorumSince: (sinceTick) => this.#hasQuorumSince(sinceTick),
    });
    this.#log = new CatchUpLog(config, deps.raftLog);
  }

  /** Index of the last applied entry. */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Index of the last entry known to be committed. */
  get commitIndex(): number {
    return Math.max(this.#deps.raft.committed, this.#appliedIndex);
  }

  get term(): number {
    return this.#deps.raft.term;
  }

  /** The member known to lead; 0n if none. */
  get leader(): bigint {
    return this.#deps.raft.leader;
  }

  get isLeader(): boolean {
    return this.#deps.raft.role === "leader";
  }

  /** Requests proposed and not answered. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Whether the state machine is being replaced by a snapshot: it must not be looked at. */
  get isInstalling(): boolean {
    return this.#installing;
  }

  /** What raft knows of itself and, leading, of the others. Builds new objects. */
  status(): RaftStatus {
    return this.#deps.raft.status();
  }

  /**
   * Proposes an entry whose header carries `low48` (see `RequestIds`). Returns an error code when it is refused at once,
   * in which case nothing was proposed and `pending` is not called. `data` is shared from now on. `asLeader`: this member has decided
   * it as the leader; if it does not lead any more when its turn comes, the request fails with "proposalDropped".
   */
  propose(data: Uint8Array, low48: number, pending: Pending, asLeader = false): ErrorCode | undefined {
    if (this.#stopped) return "stopped";
    if (asLeader && !this.isLeader) return "proposalDropped";
    if (this.#isBehind() || this.#proposals.isFull) return "tooManyRequests";
    this.#pending.add(low48, pending, this.#tick);
    this.#proposals.add(data, low48, asLeader ? this.term : 0);
    this.#schedule();
    return undefined;
  }

  /**
   * Proposes a change of the configuration; `id`, whose lower 48 bits are `low48`, names it in the log. `pending` is answered
   * when it was applied, or refused by every member alike. Source: peer protocol page, section 14.
   */
  proposeConfChange(
    change: { readonly type: ConfChangeType; readonly nodeId: bigint; readonly context: Uint8Array },
    request: { readonly id: bigint; readonly low48: number; readonly pending: Pending },
  ): ErrorCode | undefined {
    if (this.#stopped) return "stopped";
    const { raft } = this.#deps;
    // What was asked for before it comes before it in the log.
    this.#flushProposals();
    const data = encodeRaftConfChange(createRaftConfChange({ ...change, id: request.id }));
    const outcome = raft.proposeConfChange(data, confChangeV2(change));
    if (outcome === "accepted" || outcome === "forwarded")
      this.#pending.add(request.low48, request.pending, this.#tick);
    this.#schedule();
    if (outcome === "accepted" || outcome === "forwarded") return undefined;
    return outcome === "noLeader" ? "noLeader" : "proposalDropped";
  }

  /**
   * Calls `ready` when a read may be served linearizably from the applied state: at once (and before returning) when this
   * member is the only voter and leads, else after a read-index round.
   */
  linearizableRead(ready: () => void, failed: (code: ErrorCode) => void): void {
    if (this.#stopped) failed("stopped");
    else if (this.readsAreLinearizable()) ready();
    else {
      this.#reads.add(ready, failed, this.#tick);
      this.#schedule();
    }
  }

  /** Whether the applied state is the newest one anybody could have been told of. Single-member clusters only. */
  readsAreLinearizable(): boolean {
    return this.#deps.raft.isSoleLeader() && this.#appliedIndex >= this.#deps.raft.committed;
  }

  /** Has the leader, this member, hand over to `target`. `done` is called once it has happened or cannot. */
  transferLeader(target: bigint, done: (code?: ErrorCode) => void): void {
    if (this.#stopped || !this.isLeader) {
      done(this.#stopped ? "stopped" : "notLeader");
      return;
    }
    this.#transfer?.done("timeoutLeaderTransfer");
    this.#transfer = { target, sinceTick: this.#tick, done };
    this.#deps.raft.transferLeader(target);
    this.#schedule();
  }

  /** A message has come from a peer. */
  step(message: Message): void {
    if (this.#stopped) return;
    if (message.type === MessageType.Prop && message.entries.every(({ type }) => type === EntryType.Normal)) {
      if (!this.#proposals.isFull) for (const { data } of message.entries) this.#proposals.addForeign(data);
    } else this.#deps.raft.step(message);
    this.#schedule();
  }

  /** A message to `id` was lost. */
  reportUnreachable(id: bigint): void {
    if (this.#stopped) return;
    this.#deps.raft.reportUnreachable(id);
    this.#schedule();
  }

  /** What became of a snapshot to `id`. */
  reportSnapshot(id: bigint, outcome: "delivered" | "failed"): void {
    if (this.#stopped) return;
    const sentIndex = this.#log.snapshotEnded(id, outcome, this.#tick);
    this.#deps.raft.reportSnapshot(id, outcome, sentIndex);
    this.#schedule();
  }

  /** One tick of the heartbeat interval: elections, timeouts. */
  tick(): void {
    if (this.#stopped) return;
    this.#tick++;
    this.#deps.raft.tick();
    const overdue = this.#tick - this.#config.requestTimeoutTicks;
    const expired = this.#pending.expire(overdue, (sinceTick) => this.#leadership.timeoutReason(sinceTick));
    this.#deps.counts.proposalsFailed += expired;
    if (expired > 0) this.#proposals.keep((low48) => ProposalQueue.isForeign(low48) || this.#pending.has(low48));
    this.#reads.tick(this.#tick);
    this.#log.tick(this.#tick);
    this.#watchTransfer();
    this.#flushProposals();
    this.#process();
  }

  /**
   * Starts an election as soon as everything known to be committed is applied, because raft lets nobody stand while a change
   * of the configuration is pending; unless somebody leads. A member that is alone need not wait for its timeout.
   */
  campaign(): void {
    this.#campaignDue = true;
    this.#process();
  }

  /** Brings the first election forward by `ticks`, at the start: nobody can have heard from a leader yet. */
  advanceTicks(ticks: number): void {
    for (let i = 0; i < ticks && !this.#stopped && this.leader === 0n; i++) this.#deps.raft.tick();
    this.#process();
  }

  /**
   * The member `id` has ended, as far as one can see from here, and not just fallen silent. If it leads, a vote for another need not
   * wait for an election timeout: the promise not to vote while the leader lives is void. Returns whether it did. A leader that is
   * heard of again in its term was not seen well, and is not given up a second time: it may be behind a firewall that says so.
   */
  leaderEnded(id: bigint): boolean {
    if (this.#stopped || this.isLeader || this.leader !== id || this.#endedTerm === this.term) return false;
    this.#endedTerm = this.term;
    this.#deps.raft.forgetLeader();
    this.#process();
    return true;
  }

  /** Refuses everything from now on and fails what waits. */
  stop(): void {
    this.#stopped = true;
    this.#proposals.clear();
    this.#pending.failAll("stopped");
    this.#reads.failAll("stopped");
    this.#transfer?.done("stopped");
    this.#transfer = undefined;
  }

  #isBehind(): boolean {
    return this.#deps.raft.committed - this.#appliedIndex > this.#config.applyBacklogMax;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#deps.endOfTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#stopped) return;
    this.#flushProposals();
    this.#process();
  };

  /** To a leader out of reach nothing is sent: it would be lost, and nobody would know. */
  #flushProposals(): void {
    const { leader } = this;
    if (leader !== 0n && !this.isLeader && !this.#deps.isConnectedSince(leader, 0)) this.#proposals.dropForeign();
    else this.#proposals.flush();
  }

  readonly #refuse = (low48: number, code: ErrorCode): void => {
    this.#deps.counts.proposalsFailed++;
    this.#pending.take(low48)?.failed(code);
  };

  /** Takes everything raft has for us. Re-entrant calls (from an answer's callback) are left to the outer one. */
  #process(): void {
    if (this.#processing || this.#stopped) return;
    this.#processing = true;
    try {
      while (!this.#stopped) {
        if (this.#campaignDue) this.#campaignWhenApplied();
        // Before there is somebody to ask, reads wait like writes.
        if (this.#leadership.leader !== 0n) this.#reads.begin(this.#tick);
        if (!this.#deps.raft.hasReady()) break;
        this.#handle(this.#deps.raft.ready());
      }
    } finally {
      this.#processing = false;
    }
  }

  #campaignWhenApplied(): void {
    const { raft } = this.#deps;
    // Whoever leads by now need not be disturbed.
    if (raft.leader !== 0n) this.#campaignDue = false;
    if (!this.#campaignDue || this.#appliedIndex < raft.committed) return;
    this.#campaignDue = false;
    raft.campaign();
  }

  #handle(ready: Ready): void {
    // First of all, because others wait for them, and because a snapshot is of the state before this batch.
    if (ready.messages.length > 0) this.#send(ready.messages);
    if (ready.softState !== undefined) this.#observe(ready.softState.leader, ready.softState.role);
    this.#show(ready);
    if (ready.snapshot !== undefined) this.#install(ready, ready.snapshot);
    else this.#persist(ready);
    if (ready.committedEntries.length > 0) this.#apply(ready.committedEntries);
    if (ready.readStates.length > 0) {
      this.#reads.confirmed(ready.readStates, this.#installing ? undefined : this.#appliedIndex);
    }
  }

  #send(messages: readonly Message[]): void {
    const { sendMessages } = this.#deps;
    if (!messages.some(({ type }) => type === MessageType.Snap)) {
      sendMessages(messages);
      return;
    }
    sendMessages(messages.filter(({ type }) => type !== MessageType.Snap));
    for (const message of messages) if (message.type === MessageType.Snap) this.#sendSnapshot(message);
  }

  /** Raft names the snapshot it knows of; what goes out is the state as it is, which is at least as new. */
  #sendSnapshot(message: Message): void {
    const { raft, raftLog, sendSnapshot } = this.#deps;
    if (message.term !== raft.term) {
      // From a term that is over; the state may be of the new one already.
      raft.reportSnapshot(message.to, "failed");
      return;
    }
    const index = this.#appliedIndex;
    const term = raftLog.term(index);
    assert(typeof term === "number", "the log reaches back to what is applied");
    const snapshot = { index, term, confState: raft.confState, data: new Uint8Array(0) };
    this.#log.snapshotBegan(message.to, index);
    sendSnapshot({ ...message, snapshot }, snapshot);
  }

  #observe(leader: bigint, role: Role): void {
    const isNewLeader = this.#leadership.observe(leader, this.#tick);
    if (isNewLeader) this.#reads.leaderChanged();
    this.#deps.onLeadership(leader, role, isNewLeader);
    this.#watchTransfer();
    // What waited for a leader goes to this one.
    if (leader !== 0n) this.#schedule();
  }

  #watchTransfer(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    const isOver = this.#tick - transfer.sinceTick > this.#config.electionTicks;
    if (this.leader !== transfer.target && !isOver) return;
    this.#transfer = undefined;
    transfer.done(this.leader === transfer.target ? undefined : "timeoutLeaderTransfer");
  }

  #hasQuorumSince(sinceTick: number): boolean {
    const { isConnectedSince, raft } = this.#deps;
    const ticks = this.#tick - sinceTick;
    const { voters } = raft.confState;
    const connected = voters.filter((id) => id === raft.id || isConnectedSince(id, ticks));
    return connected.length >= Math.floor(voters.length / 2) + 1;
  }

  /** Makes a batch visible to raft's own reads, whether it is durable yet or not. */
  #show({ entries, hardState, snapshot }: Ready): void {
    const { raftLog } = this.#deps;
    if (snapshot !== undefined) raftLog.applySnapshot(snapshot);
    raftLog.append(entries);
    if (hardState !== undefined) raftLog.setHardState(hardState);
  }

  #persist(ready: Ready): void {
    const { entryLog, raft } = this.#deps;
    if (ready.entries.length === 0 && ready.hardState === undefined) {
      raft.onPersisted(ready);
      return;
    }
    if (this.#installing) {
      this.#behindInstall.push(ready);
      return;
    }
    entryLog.append(ready.entries, ready.hardState, ready.mustSync, (error) => {
      if (this.#failed(error)) return;
      raft.onPersisted(ready);
      this.#process();
    });
  }

  /** Whether the disk has failed, which is the end, or the replica had stopped before. */
  #failed(error: Error | undefined): boolean {
    if (error !== undefined && !this.#stopped) {
      this.stop();
      this.#deps.fatal(error);
    }
    return this.#stopped;
  }

  #install(ready: Ready, snapshot: Snapshot): void {
    // A newer one may come before the first is in place: a leader that has given up on the first sends the next.
    if (this.#installing) {
      this.#behindInstall.push(ready);
      return;
    }
    this.#installing = true;
    this.#deps.installSnapshot(snapshot, (error) => {
      if (this.#failed(error)) return;
      this.#installing = false;
      this.#appliedIndex = snapshot.index;
      this.#deps.applier.restored(snapshot.term);
      this.#log.restored();
      const behind = this.#behindInstall;
      this.#behindInstall = [];
      this.#persist(ready);
      for (const each of behind) {
        if (each.snapshot === undefined) this.#persist(each);
        else this.#install(each, each.snapshot);
      }
      this.#reads.applied(snapshot.index);
      this.#process();
    });
  }

  /** What was proposed in earlier terms and has survived is before this term's first entry: the rest need not be waited for. */
  #termBegan(term: number): void {
    const low48 = term === this.term ? this.#proposals.sentBefore(term) : undefined;
    if (low48 === undefined) return;
    this.#deps.counts.proposalsFailed += this.#pending.failThrough(low48, "timeoutDueToLeaderFail");
  }

  #apply(entries: readonly Entry[]): void {
    const { applier, raft, afterApply, beforeApply } = this.#deps;
    beforeApply();
    let bytes = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      assert(entry.index === this.#appliedIndex + 1, "entries are applied in order, each once");
      applier.apply(entry, this.#pending);
      this.#appliedIndex = entry.index;
      if (entry.data.length === 0 && entry.type === EntryType.Normal) this.#termBegan(entry.term);
      bytes += entry.data.length;
    }
    applier.commit(this.#appliedIndex);
    raft.appliedTo(this.#appliedIndex);
    this.#log.applied(this.#appliedIndex, bytes, raft);
    afterApply(entries.length, bytes);
    this.#reads.applied(this.#appliedIndex);
    if (this.readsAreLinearizable()) this.#reads.serveAll();
  }
}
