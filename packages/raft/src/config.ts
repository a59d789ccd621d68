import { NO_LIMIT } from "./entry.ts";
import { NO_MEMBER } from "./state.ts";

/** Everything about one member that does not change while it runs. Made by {@link parseConfig}; sizes are bytes. */
export interface RaftConfig {
  /** This member; never {@link NO_MEMBER}. */
  readonly id: bigint;
  /** A follower that hears nothing campaigns after a random number of ticks in [electionTicks, 2 * electionTicks). Default 10. */
  readonly electionTicks: number;
  /** A leader sends a heartbeat every so many ticks; less than `electionTicks`. Default 1. */
  readonly heartbeatTicks: number;
  /** Last index the state machine has applied, on restart; entries up to it are not handed out again. Default 0. */
  readonly applied: number;
  /** Largest sum of entries in one append; one entry always fits. Default 1 MiB. */
  readonly maxSizePerMsg: number;
  /** Largest sum of committed entries handed out and not yet reported applied. Default: `maxSizePerMsg`. */
  readonly maxCommittedSizePerReady: number;
  /** Largest payload of a leader's uncommitted entries; further proposals are refused. Default {@link NO_LIMIT}. */
  readonly maxUncommittedSize: number;
  /** Largest payload held because it is not durable yet; further proposals and appends are refused. Default 128 MiB. */
  readonly maxUnstableSize: number;
  /** Appends on their way to one peer that it has not acknowledged. Default 512. */
  readonly maxInflightMsgs: number;
  /** The same in payload bytes; at least `maxSizePerMsg`. Default {@link NO_LIMIT}. */
  readonly maxInflightBytes: number;
  /** Read requests that wait for their confirmation; further ones are dropped, as if lost. Default 65536. */
  readonly maxPendingReads: number;
  /** A leader that does not hear from a quorum for `electionTicks` steps down, and members with a live leader refuse votes. */
  readonly checkQuorum: boolean;
  /** Candidates ask whether they could win before they raise the term. */
  readonly preVote: boolean;
  /** `safe`: a read is confirmed by a round of heartbeats. `lease`: by the leader's lease, which needs `checkQuorum`. */
  readonly readOnly: "safe" | "lease";
  /** A follower refuses proposals instead of passing them to the leader. */
  readonly disableProposalForwarding: boolean;
  /** Accept configuration changes that may not be applicable yet; they must then be checked when they are applied. */
  readonly disableConfChangeValidation: boolean;
  /** A leader that is removed or made a learner becomes a follower, rather than leading without a vote of its own. */
  readonly stepDownOnRemoval: boolean;
  /** A leader whose oldest write has been in flight for so many ticks steps down; 0 means never. Default 0. */
  readonly persistTimeoutTicks: number;
}

/** What the caller writes: the identity, and whatever differs from the defaults. */
export type RaftConfigInput = Partial<RaftConfig> & { readonly id: bigint };

/** Either a complete configuration, or one sentence for each thing that is wrong with the input. */
export type ConfigResult =
  | { readonly ok: true; readonly config: RaftConfig }
  | { readonly ok: false; readonly errors: readonly string[] };

const MIB = 1024 * 1024;
/** The two highest identities name threads in etcd's asynchronous storage protocol and are never members. */
const FIRST_RESERVED_ID = 0xffff_ffff_ffff_fffen;

/** Fills in the defaults and checks all bounds. Does not throw, does not keep the argument. */
export function parseConfig(input: RaftConfigInput): ConfigResult {
  const maxSizePerMsg = input.maxSizePerMsg ?? MIB;
  const config: RaftConfig = {
    id: input.id,
    electionTicks: input.electionTicks ?? 10,
    heartbeatTicks: input.heartbeatTicks ?? 1,
    applied: input.applied ?? 0,
    maxSizePerMsg,
    maxCommittedSizePerReady: input.maxCommittedSizePerReady ?? maxSizePerMsg,
    maxUncommittedSize: input.maxUncommittedSize ?? NO_LIMIT,
    maxUnstableSize: input.maxUnstableSize ?? 128 * MIB,
    maxInflightMsgs: input.maxInflightMsgs ?? 512,
    maxInflightBytes: input.maxInflightBytes ?? NO_LIMIT,
    maxPendingReads: input.maxPendingReads ?? 65_536,
    checkQuorum: input.checkQuorum ?? false,
    preVote: input.preVote ?? false,
    readOnly: input.readOnly ?? "safe",
    disableProposalForwarding: input.disableProposalForwarding ?? false,
    disableConfChangeValidation: input.disableConfChangeValidation ?? false,
    stepDownOnRemoval: input.stepDownOnRemoval ?? false,
    persistTimeoutTicks: input.persistTimeoutTicks ?? 0,
  };
  const errors = violations(config);
  return errors.length === 0 ? { ok: true, config } : { ok: false, errors };
}

function violations(config: RaftConfig): string[] {
  const errors: string[] = [];
  const check = (holds: boolean, error: string): void => {
    if (!holds) errors.push(error);
  };
  check(config.id > NO_MEMBER && config.id < FIRST_RESERVED_ID, "id must be between 1 and 2^64-3");
  check(isCount(config.heartbeatTicks, 1), "heartbeatTicks must be a whole number above 0");
  check(isCount(config.electionTicks, 1), "electionTicks must be a whole number above 0");
  check(config.electionTicks > config.heartbeatTicks, "electionTicks must be greater than heartbeatTicks");
  check(isCount(config.applied, 0), "applied must be an index");
  check(config.maxSizePerMsg >= 0, "maxSizePerMsg must not be negative");
  check(config.maxCommittedSizePerReady >= 0, "maxCommittedSizePerReady must not be negative");
  check(config.maxUncommittedSize > 0, "maxUncommittedSize must be greater than 0");
  check(config.maxUnstableSize > 0, "maxUnstableSize must be greater than 0");
  check(isCount(config.maxInflightMsgs, 1), "maxInflightMsgs must be a whole number above 0");
  check(config.maxInflightBytes >= config.maxSizePerMsg, "maxInflightBytes must not be less than maxSizePerMsg");
  check(isCount(config.maxPendingReads, 1), "maxPendingReads must be a whole number above 0");
  check(config.readOnly === "safe" || config.checkQuorum, "readOnly lease needs checkQuorum");
  check(isCount(config.persistTimeoutTicks, 0), "persistTimeoutTicks must be a whole number");
  return errors;
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
