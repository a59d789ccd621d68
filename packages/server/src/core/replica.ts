import { assert } from "@quorate/base";
import type { ErrorCode } from "@quorate/protocol";
import type { Entry, HardState, MemoryLogStorage, RawNode, Ready } from "@quorate/raft";
import type { Applier } from "./applier.ts";
import type { Counts } from "./counts.ts";
import { type Pending, PendingRequests } from "./pending.ts";

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
  /** Runs a callback once, at the end of this turn of the event loop, behind everything that arrived in it. */
  readonly endOfTurn: (run: () => void) => void;
  /** Called after a batch of entries was applied, once per batch. `bytes`: their payload. */
  readonly afterApply: (entryCount: number, bytes: number) => void;
  /** The process cannot go on: a failed sync, a broken invariant. Must not return control to clients. */
  readonly fatal: (error: Error) => void;
}

/** Bounds and timeouts, in entries, bytes and ticks. */
export interface ReplicaConfig {
  /** Writes are refused while more entries than this are committed but not applied (etcd: 5000). */
  readonly applyBacklogMax: number;
  /** A request that was not applied for this many ticks fails with "request timed out". */
  readonly requestTimeoutTicks: number;
  /** Applied entries kept in memory for followers that are behind, */
  readonly catchUpEntries: number;
  /** as long as they are no more bytes than this. */
  readonly catchUpBytesMax: number;
}

/** Reads that wait for an index to be applied: `ready` runs once it is. */
interface WaitingRead {
  readonly ready: () => void;
  readonly failed: (code: ErrorCode) => void;
  readonly sinceTick: number;
}

/**
 * The loop that turns requests into log entries and applied entries into answers. Everything proposed in one turn of
 * the event loop is one raft append, one write and one sync; while that sync is in flight the next batch collects.
 * Sans-IO: it is called, and calls its ports.
 */
export class Replica {
  readonly #config: ReplicaConfig;
  readonly #deps: ReplicaDeps;
  readonly #pending = new PendingRequests();
  #proposals: Uint8Array[] = [];
  #proposalIds: number[] = [];
  #flushScheduled = false;
  #processing = false;
  #campaignDue = false;
  #tick = 0;
  #stopped = false;
  #appliedIndex: number;
  /** Payload bytes of entries applied since the log in memory was last cut. */
  #keptBytes = 0;
  #reads: WaitingRead[] = [];

  constructor(config: ReplicaConfig, deps: ReplicaDeps, appliedIndex: number) {
    this.#config = config;
    this.#deps = deps;
    this.#appliedIndex = appliedIndex;
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

  /**
   * Proposes an entry whose header carries `low48` (see `RequestIds`). Returns an error code when it is refused at once,
   * in which case nothing was proposed and `pending` is not called. `data` is shared from now on.
   */
  propose(data: Uint8Array, low48: number, pending: Pending): ErrorCode | undefined {
    if (this.#stopped) return "stopped";
    if (this.#deps.raft.committed - this.#appliedIndex > this.#config.applyBacklogMax) return "tooManyRequests";
    this.#pending.add(low48, pending, this.#tick);
    this.#proposals.push(data);
    this.#proposalIds.push(low48);
    this.#schedule();
    return undefined;
  }

  /**
   * Calls `ready` when a read may be served linearizably from the applied state: at once (and before returning) when this
   * member is the only voter and leads, else after a read-index round.
   */
  linearizableRead(ready: () => void, failed: (code: ErrorCode) => void): void {
    if (this.#stopped) failed("stopped");
    else if (this.readsAreLinearizable()) ready();
    else this.#reads.push({ ready, failed, sinceTick: this.#tick });
  }

  /** Whether the applied state is the newest one anybody could have been told of. Single-member clusters only. */
  readsAreLinearizable(): boolean {
    return this.#deps.raft.isSoleLeader() && this.#appliedIndex >= this.#deps.raft.committed;
  }

  /** One tick of the heartbeat interval: elections, timeouts. */
  tick(): void {
    if (this.#stopped) return;
    this.#tick++;
    this.#deps.raft.tick();
    const overdue = this.#tick - this.#config.requestTimeoutTicks;
    this.#deps.counts.proposalsFailed += this.#pending.expire(overdue, "timeout");
    while (this.#reads[0] !== undefined && this.#reads[0].sinceTick < overdue) this.#reads.shift()?.failed("timeout");
    this.#process();
  }

  /**
   * Starts an election as soon as everything known to be committed is applied, because raft lets nobody stand while a change
   * of the configuration is pending. A member that is alone need not wait for its timeout.
   */
  campaign(): void {
    this.#campaignDue = true;
    this.#process();
  }

  /** Refuses everything from now on and fails what waits. */
  stop(): void {
    this.#stopped = true;
    this.#proposals = [];
    this.#proposalIds = [];
    this.#pending.failAll("stopped");
    const reads = this.#reads;
    this.#reads = [];
    for (const read of reads) read.failed("stopped");
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#deps.endOfTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#stopped) return;
    if (this.#proposals.length > 0) {
      const proposals = this.#proposals;
      const ids = this.#proposalIds;
      this.#proposals = [];
      this.#proposalIds = [];
      const outcome = this.#deps.raft.propose(proposals);
      // Without a leader the requests stay pending and time out, as they do in etcd; other refusals are told at once.
      if (outcome === "limit") this.#refuse(ids, "tooManyRequests");
      else if (outcome === "transferring") this.#refuse(ids, "proposalDropped");
    }
    this.#process();
  };

  #refuse(ids: readonly number[], code: ErrorCode): void {
    this.#deps.counts.proposalsFailed += ids.length;
    for (const low48 of ids) this.#pending.take(low48)?.failed(code);
  }

  /** Takes everything raft has for us. Re-entrant calls (from an answer's callback) are left to the outer one. */
  #process(): void {
    if (this.#processing || this.#stopped) return;
    this.#processing = true;
    try {
      while (!this.#stopped) {
        if (this.#campaignDue) this.#campaignWhenApplied();
        if (!this.#deps.raft.hasReady()) break;
        this.#handle(this.#deps.raft.ready());
      }
    } finally {
      this.#processing = false;
    }
  }

  #campaignWhenApplied(): void {
    const { raft } = this.#deps;
    if (this.#appliedIndex < raft.committed) return;
    this.#campaignDue = false;
    raft.campaign();
  }

  #handle(ready: Ready): void {
    if (ready.entries.length > 0 || ready.hardState !== undefined) this.#persist(ready);
    else this.#deps.raft.onPersisted(ready);
    if (ready.committedEntries.length > 0) this.#apply(ready.committedEntries);
  }

  #persist(ready: Ready): void {
    const { entryLog, fatal, raft, raftLog } = this.#deps;
    raftLog.append(ready.entries);
    if (ready.hardState !== undefined) raftLog.setHardState(ready.hardState);
    entryLog.append(ready.entries, ready.hardState, ready.mustSync, (error) => {
      if (error !== undefined) {
        this.stop();
        fatal(error);
        return;
      }
      if (this.#stopped) return;
      raft.onPersisted(ready);
      this.#process();
    });
  }

  #apply(entries: readonly Entry[]): void {
    const { applier, raft, afterApply } = this.#deps;
    let bytes = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      assert(entry.index === this.#appliedIndex + 1, "entries are applied in order, each once");
      applier.apply(entry, this.#pending);
      this.#appliedIndex = entry.index;
      bytes += entry.data.length;
    }
    applier.commit(this.#appliedIndex);
    raft.appliedTo(this.#appliedIndex);
    this.#trim(bytes);
    afterApply(entries.length, bytes);
    if (this.#reads.length > 0) this.#releaseReads();
  }

  /** Cuts the log in memory: followers get what it no longer holds as a snapshot, and a restart reads the files. */
  #trim(bytes: number): void {
    const { catchUpBytesMax, catchUpEntries } = this.#config;
    const { raftLog } = this.#deps;
    this.#keptBytes += bytes;
    if (this.#keptBytes > catchUpBytesMax) {
      raftLog.compact(this.#appliedIndex);
      this.#keptBytes = 0;
    } else if (this.#appliedIndex - raftLog.firstIndex() > 2 * catchUpEntries) {
      raftLog.compact(this.#appliedIndex - catchUpEntries);
    }
  }

  #releaseReads(): void {
    if (!this.readsAreLinearizable()) return;
    const reads = this.#reads;
    this.#reads = [];
    for (const read of reads) read.ready();
  }
}
