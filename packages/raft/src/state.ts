/** The absence of a member: nobody voted for, no leader known, nobody addressed. The wire knows no other word for it. */
export const NO_MEMBER = 0n;

/**
 * What must be durable before an answer that depends on it leaves: the current term, the member voted for in it
 * ({@link NO_MEMBER} if none), and the highest index known to be committed (a hint that may lag). Source: paper figure 2.
 */
export interface HardState {
  readonly term: number;
  readonly vote: bigint;
  readonly commit: number;
}

/** The hard state of a member that has never done anything. */
export const EMPTY_HARD_STATE: HardState = { term: 0, vote: NO_MEMBER, commit: 0 };

/**
 * A configuration of the cluster. Outside a joint change `votersOutgoing` and `learnersNext` are empty. `learnersNext` are
 * voters of the outgoing half that turn into learners when the joint change ends. Lists are in ascending order.
 */
export interface ConfState {
  readonly voters: readonly bigint[];
  readonly learners: readonly bigint[];
  readonly votersOutgoing: readonly bigint[];
  readonly learnersNext: readonly bigint[];
  readonly autoLeave: boolean;
}

/** The configuration with nobody in it. */
export const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** The state machine at `index`, with the configuration in force there. `data` is opaque to raft, and shared. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

/** The four roles of a member; being a learner is a property of the configuration instead. */
export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** What is worth knowing about a member but need not be stored. `leader` is {@link NO_MEMBER} when unknown. */
export interface SoftState {
  readonly leader: bigint;
  readonly role: Role;
}

/** A confirmed read request: it may be served once the state machine has applied `index`. `context` is the caller's. */
export interface ReadState {
  readonly index: number;
  readonly context: Uint8Array;
}
