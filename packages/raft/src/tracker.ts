import { isVoter, membersOf, votersOf } from "./configuration.ts";
import { Progress } from "./progress.ts";
import { quorumPosition, quorumVote, type VoteOutcome } from "./quorum.ts";
import { type ConfState, EMPTY_CONF_STATE } from "./state.ts";

/** Limits of what may be on its way to one peer. */
export interface PeerLimits {
  readonly inflightMsgs: number;
  readonly inflightBytes: number;
}

/** The configuration in force with the progress of each member and the votes of the current campaign. */
export class Tracker {
  readonly #limits: PeerLimits;
  #conf: ConfState = EMPTY_CONF_STATE;
  #all: readonly Progress[] = [];
  #voterIds: readonly bigint[] = [];
  readonly #byId = new Map<bigint, Progress>();
  readonly #votes = new Map<bigint, boolean>();
  readonly #matchOf = (id: bigint): number | undefined => this.#byId.get(id)?.match;

  constructor(limits: PeerLimits) {
    this.#limits = limits;
  }

  get conf(): ConfState {
    return this.#conf;
  }

  /** Everybody who receives the log, in ascending order: what is sent to all is sent in this order. */
  get all(): readonly Progress[] {
    return this.#all;
  }

  /** All who have a vote, in ascending order. */
  get voterIds(): readonly bigint[] {
    return this.#voterIds;
  }

  get(id: bigint): Progress | undefined {
    return this.#byId.get(id);
  }

  isVoter(id: bigint): boolean {
    return isVoter(this.#conf, id);
  }

  isLearner(id: bigint): boolean {
    return this.#conf.learners.includes(id);
  }

  /** Whether this member decides everything alone. */
  isSoleVoter(id: bigint): boolean {
    return this.#conf.voters.length === 1 && this.#conf.voters[0] === id && this.#conf.votersOutgoing.length === 0;
  }

  /**
   * Puts a configuration into force. Members that stay keep their progress; new ones are probed from `lastIndex` on, and
   * count as active so that a leader does not lose its quorum to them before they could answer.
   */
  configure(conf: ConfState, lastIndex: number): void {
    const ids = membersOf(conf);
    const staying = new Set(ids);
    for (const id of this.#byId.keys()) if (!staying.has(id)) this.#byId.delete(id);
    this.#all = ids.map((id) => {
      const known = this.#byId.get(id);
      if (known !== undefined) return known;
      const progress = new Progress(id, Math.max(lastIndex, 1), this.#limits);
      progress.recentActive = true;
      this.#byId.set(id, progress);
      return progress;
    });
    this.#conf = conf;
    this.#voterIds = votersOf(conf);
  }

  /** A new term begins: nothing is known of anybody. */
  reset(next: number): void {
    for (const progress of this.#all) progress.reset(next);
    this.#votes.clear();
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** Notes an answer; the first one of each member counts. */
  recordVote(id: bigint, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  tally(): VoteOutcome {
    return quorumVote(this.#conf, this.#votes);
  }

  /** The highest index that a quorum holds durably. */
  quorumIndex(): number {
    return quorumPosition(this.#conf, this.#matchOf);
  }

  /** The newest tick at or since which a quorum was heard of; `self` is heard of at `now`. */
  quorumHeardAt(self: bigint, now: number): number {
    return quorumPosition(this.#conf, (id) => (id === self ? now : this.#byId.get(id)?.heardAtTick));
  }

  /** Whether a quorum was heard of since the last call; `self` always was. Starts the next period. */
  checkQuorumActive(self: bigint): boolean {
    const active = new Map<bigint, boolean>();
    for (const progress of this.#all) {
      active.set(progress.id, progress.recentActive || progress.id === self);
      progress.recentActive = progress.id === self;
    }
    return quorumVote(this.#conf, active) === "won";
  }
}
