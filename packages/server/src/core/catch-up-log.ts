import { EMPTY_BYTES } from "@quorate/base";
import type { MemoryLogStorage, RawNode } from "@quorate/raft";

/** How much of the applied log stays in memory for members that are behind. */
export interface CatchUpConfig {
  /** Applied entries kept in any case, */
  readonly catchUpEntries: number;
  /** as long as they are no more bytes than this. A leader keeps what its followers lack, within the same bound. */
  readonly catchUpBytesMax: number;
  /** For so many ticks after a snapshot was delivered the log behind it is kept: its receiver needs it next (etcd: 30 s). */
  readonly snapshotGraceTicks: number;
}

/** While a snapshot is on its way this much more is kept, or the receiver would need the next one at once. */
const IN_FLIGHT_FACTOR = 4;

interface Batch {
  readonly lastIndex: number;
  readonly bytes: number;
}

interface SnapshotHold {
  readonly index: number;
  /** Undefined while it is on its way. */
  endTick: number | undefined;
}

/** Cuts the log in memory: members get what it no longer holds as a snapshot, and a restart reads the files. */
export class CatchUpLog {
  readonly #config: CatchUpConfig;
  readonly #raftLog: MemoryLogStorage;
  /** Batches applied and still held, oldest first. */
  #batches: Batch[] = [];
  #bytes = 0;
  #holds = new Map<bigint, SnapshotHold>();
  #nextVisitIndex = 0;

  constructor(config: CatchUpConfig, raftLog: MemoryLogStorage) {
    this.#config = config;
    this.#raftLog = raftLog;
  }

  /** Entries up to `index`, of `bytes` together, were applied. PERF: looks further only now and then. */
  applied(index: number, bytes: number, raft: RawNode): void {
    this.#batches.push({ lastIndex: index, bytes });
    this.#bytes += bytes;
    const isLarge = this.#bytes > this.#bytesMax();
    if (!isLarge && index < this.#nextVisitIndex) return;
    this.#nextVisitIndex = index + Math.max(1, Math.floor(this.#config.catchUpEntries / 4));
    const recent = index - this.#config.catchUpEntries;
    if (isLarge) this.#cut(this.#indexWithin(this.#bytesMax() / 2), raft);
    else if (this.#isLong(index)) this.#cut(Math.min(recent, this.#needed(raft)), raft);
    // Somebody lags, and what is kept for them had better be small.
    if (this.#isLong(index)) this.#raftLog.pack(recent);
  }

  #isLong(index: number): boolean {
    return index - this.#raftLog.firstIndex() > 2 * this.#config.catchUpEntries;
  }

  /** The log begins anew behind a snapshot that was installed. */
  restored(): void {
    this.#batches = [];
    this.#bytes = 0;
    this.#nextVisitIndex = 0;
  }

  /** A snapshot of the state at `index` is on its way to `id`. */
  snapshotBegan(id: bigint, index: number): void {
    this.#holds.set(id, { index, endTick: undefined });
  }

  /** How it ended; returns the index of what was sent, if something was. */
  snapshotEnded(id: bigint, outcome: "delivered" | "failed", tick: number): number | undefined {
    const hold = this.#holds.get(id);
    if (hold === undefined) return undefined;
    if (outcome === "failed") this.#holds.delete(id);
    else hold.endTick = tick + this.#config.snapshotGraceTicks;
    return hold.index;
  }

  tick(tick: number): void {
    if (this.#holds.size === 0) return;
    for (const [id, { endTick }] of this.#holds) if (endTick !== undefined && endTick < tick) this.#holds.delete(id);
  }

  #bytesMax(): number {
    return this.#config.catchUpBytesMax * (this.#holds.size === 0 ? 1 : IN_FLIGHT_FACTOR);
  }

  /** The lowest index from which on somebody still needs entries, as far as this member knows. */
  #needed(raft: RawNode): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const { index } of this.#holds.values()) lowest = Math.min(lowest, index);
    if (raft.role !== "leader") return lowest;
    for (const peer of raft.status().peers) {
      if (peer.id !== raft.id && peer.recentActive && peer.state !== "snapshot") lowest = Math.min(lowest, peer.match);
    }
    return lowest;
  }

  /** The index up to which to cut, so that what stays is no more than `bytesMax`. */
  #indexWithin(bytesMax: number): number {
    let bytes = this.#bytes;
    for (const batch of this.#batches) {
      bytes -= batch.bytes;
      if (bytes <= bytesMax) return batch.lastIndex;
    }
    return 0;
  }

  #cut(index: number, raft: RawNode): void {
    if (index < this.#raftLog.firstIndex()) return;
    this.#raftLog.createSnapshot(index, raft.confState, EMPTY_BYTES);
    this.#raftLog.compact(index);
    const kept = this.#batches.filter(({ lastIndex }) => lastIndex > index);
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#batches = kept;
  }
}
