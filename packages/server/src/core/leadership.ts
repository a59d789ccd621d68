import type { ErrorCode } from "@quorate/protocol";

/** Ticks; peers by ID. */
export interface LeadershipDeps {
  readonly electionTicks: number;
  /** Whether this member has been in touch with `peer` ever since that tick. */
  readonly isConnectedSince: (peer: bigint, sinceTick: number) => boolean;
  /** Whether this member, leading, has been in touch with a quorum ever since that tick. */
  readonly hasQuorumSince: (sinceTick: number) => boolean;
}

/** What this member knows of leaders over time, to tell a client why its request timed out. Errors page, timeouts. */
export class Leadership {
  readonly #self: bigint;
  readonly #deps: LeadershipDeps;
  #leader = 0n;
  #electedTick = Number.NEGATIVE_INFINITY;

  constructor(self: bigint, deps: LeadershipDeps) {
    this.#self = self;
    this.#deps = deps;
  }

  /** The leader last observed; 0n if none. */
  get leader(): bigint {
    return this.#leader;
  }

  /** Notes who leads now; returns whether that is somebody new. */
  observe(leader: bigint, tick: number): boolean {
    const isNew = leader !== 0n && leader !== this.#leader;
    this.#leader = leader;
    if (isNew) this.#electedTick = tick;
    return isNew;
  }

  /** Why a request that waits since `sinceTick` was not answered in time. */
  timeoutReason(sinceTick: number): ErrorCode {
    const { electionTicks, hasQuorumSince, isConnectedSince } = this.#deps;
    const lostTick = this.#electedTick - 2 * electionTicks;
    if (sinceTick > lostTick && sinceTick < this.#electedTick) return "timeoutDueToLeaderFail";
    if (this.#leader === 0n) return "timeout";
    const isConnected =
      this.#leader === this.#self ? hasQuorumSince(sinceTick) : isConnectedSince(this.#leader, sinceTick);
    return isConnected ? "timeout" : "timeoutDueToConnectionLost";
  }
}
