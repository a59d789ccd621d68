import type { ProgressState } from "./progress.ts";
import type { ConfState, Role } from "./state.ts";

/**
 * Why a message or proposal had no effect. `lowerTerm`: it is of a term that is over. `leaderLease`: a vote was asked for while a
 * leader is heard of. `notPromotable`: no voter, or a snapshot is not durable. `unappliedConfChange`: who votes is not certain.
 * `limit`: a bound of the configuration is reached. `snapshotIgnored`: it is old, or not for us. The rest are as in
 * `ProposeOutcome`.
 */
export type DropReason =
  | "lowerTerm"
  | "leaderLease"
  | "noLeader"
  | "forwardingDisabled"
  | "notPromotable"
  | "unappliedConfChange"
  | "transferring"
  | "notMember"
  | "limit"
  | "snapshotIgnored";

/** What happened inside, for people and for golden traces. Never needed to run a member. */
export type TraceEvent =
  | { readonly kind: "role"; readonly role: Role; readonly term: number; readonly leader: bigint }
  | { readonly kind: "leader"; readonly term: number; readonly leader: bigint }
  | {
      readonly kind: "vote";
      readonly from: bigint;
      readonly term: number;
      readonly preVote: boolean;
      readonly granted: boolean;
    }
  | { readonly kind: "dropped"; readonly what: string; readonly reason: DropReason }
  | { readonly kind: "quorumLost"; readonly term: number }
  | { readonly kind: "diskStalled"; readonly term: number }
  | { readonly kind: "progress"; readonly id: bigint; readonly state: ProgressState; readonly next: number }
  | { readonly kind: "appendRejected"; readonly from: bigint; readonly index: number; readonly logTerm: number }
  | { readonly kind: "restored"; readonly index: number; readonly term: number; readonly conf: ConfState }
  | { readonly kind: "confChange"; readonly conf: ConfState; readonly error: string | undefined }
  | { readonly kind: "confChangeRefused"; readonly index: number; readonly reason: string }
  | { readonly kind: "transfer"; readonly to: bigint; readonly what: "started" | "sentTimeoutNow" | "aborted" };

/** Where trace events go. Called in the middle of a step: it must not call back. */
export type TraceSink = (event: TraceEvent) => void;
