import type { Logger, Prng } from "@quorate/base";
import type { ErrorCode } from "@quorate/protocol";
import { hexId, type Replica } from "../core/index.ts";
import type { ServerConfig } from "./config/index.ts";

/** Streams whose clients insist on a leader end after so many election timeouts without one; etcd's figure. */
const LEADERLESS_ELECTION_TIMEOUTS = 3;
/** How long after the start a quorum may still connect for the first election to be hurried. */
const HURRY_ELECTION_TIMEOUTS = 5;
const HURRY_POLL_MS = 20;
/** Ticks that are left of the first election timeout then. */
const HURRIED_TICKS = 2;
/** After a leader's end each follower stands within so many ms, and again after so many if nobody has won. */
const STAND_SPREAD_MS = 100;
const STAND_INTERVAL_MS = 100;
const STANDS_MAX = 5;

export interface ElectionsDeps {
  readonly config: Pick<
    ServerConfig,
    "electionTimeoutMs" | "heartbeatIntervalMs" | "initialElectionTickAdvance" | "preVote"
  >;
  readonly replica: Replica;
  readonly memberId: bigint;
  /** Monotonic milliseconds since when a member is connected; undefined if it is not. */
  readonly activeSince: (id: bigint) => number | undefined;
  /** There has been no leader for too long. Called again and again. */
  readonly leaderless: () => void;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** What this member does, besides raft's own timeouts, for the cluster to have a leader soon. */
export class Elections {
  readonly #deps: ElectionsDeps;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Monotonic milliseconds since when there is no leader; undefined while there is one. */
  #leaderlessSinceMs: number | undefined;

  constructor(deps: ElectionsDeps) {
    this.#deps = deps;
  }

  /** The member has started. One that is alone need ask nobody. */
  begin(): void {
    const { memberId, nowMs, replica } = this.#deps;
    this.#leaderlessSinceMs = nowMs();
    const { voters } = replica.status().confState;
    if (voters.length === 1 && voters[0] === memberId) replica.campaign();
    else this.#hurryFirst();
  }

  /** Call about every heartbeat interval. */
  visit(): void {
    const { config, leaderless, nowMs } = this.#deps;
    const since = this.#leaderlessSinceMs;
    if (since !== undefined && nowMs() - since > LEADERLESS_ELECTION_TIMEOUTS * config.electionTimeoutMs) leaderless();
  }

  /** Who leads as far as this member knows, 0 for nobody; true where that is news of a loss. */
  onLeader(leader: bigint): boolean {
    const hadLeader = this.#leaderlessSinceMs === undefined;
    if (leader !== 0n) this.#leaderlessSinceMs = undefined;
    else if (hadLeader) this.#leaderlessSinceMs = this.#deps.nowMs();
    return leader === 0n && hadLeader;
  }

  /**
   * A member's process has ended, or it was removed. If it was the leader, its followers need not wait for the silence to be long
   * enough; but they must not all stand at the same moment.
   */
  leaderEnded(id: bigint): void {
    const { config, logger, prng, replica } = this.#deps;
    // Without pre-vote, who stands deposes a leader that others still hear.
    if (!config.preVote || !replica.leaderEnded(id)) return;
    logger.warn("leader has ended", { leader: hexId(id) });
    const stand = (attempt: number): void => {
      if (replica.leader !== 0n || attempt === STANDS_MAX) return;
      replica.campaign();
      this.#after(STAND_INTERVAL_MS + prng.below(STAND_SPREAD_MS), () => stand(attempt + 1));
    };
    this.#after(prng.below(STAND_SPREAD_MS), () => stand(0));
  }

  /** A leader hands over to the member that has been connected longest, so that the cluster need not wait for an election. */
  async handOver(): Promise<void> {
    const { logger, replica } = this.#deps;
    const since = (id: bigint): number => this.#deps.activeSince(id) ?? Number.POSITIVE_INFINITY;
    const targets = replica.status().confState.voters.filter((id) => since(id) < Number.POSITIVE_INFINITY);
    const [target] = targets.sort((a, b) => since(a) - since(b));
    if (!replica.isLeader || target === undefined) return;
    logger.info("leadership transfer starting", { to: hexId(target) });
    const code = await new Promise<ErrorCode | undefined>((resolve) => replica.transferLeader(target, resolve));
    if (code === undefined) logger.info("leadership transfer finished", { to: hexId(target) });
    else logger.warn("leadership transfer failed", { to: hexId(target), error: code });
  }

  /** Nothing is done any more by itself. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Where a quorum is connected already, nobody need wait for a whole election timeout at the start. */
  #hurryFirst(): void {
    const { activeSince, config, memberId, nowMs, replica } = this.#deps;
    if (!config.initialElectionTickAdvance) return;
    const deadlineMs = nowMs() + HURRY_ELECTION_TIMEOUTS * config.electionTimeoutMs;
    const look = (): void => {
      if (replica.leader !== 0n || nowMs() > deadlineMs) return;
      const { voters } = replica.status().confState;
      const active = voters.filter((id) => id === memberId || activeSince(id) !== undefined);
      if (active.length < Math.floor(voters.length / 2) + 1 || voters.length === 0) this.#after(HURRY_POLL_MS, look);
      else replica.advanceTicks(Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs) - HURRIED_TICKS);
    };
    this.#after(HURRY_POLL_MS, look);
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}
