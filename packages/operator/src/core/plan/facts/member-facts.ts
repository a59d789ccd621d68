import type { EtcdMember } from "../../api/index.ts";
import type { ClaimView, EtcdMemberEntry, EtcdStatus, MemberAnswer, NodeView, PodView } from "./seen.ts";

/** One EtcdMember with everything that the pass saw of it. */
export interface MemberFacts {
  readonly name: string;
  readonly serial: number;
  readonly object: EtcdMember;
  readonly pod: PodView | undefined;
  /** The claim that its data is on; retired ones do not count. */
  readonly claim: ClaimView | undefined;
  readonly node: NodeView | undefined;
  /** Its entry in the member list, found by peer URL. */
  readonly entry: EtcdMemberEntry | undefined;
  readonly answer: MemberAnswer | undefined;
  /** What it says of itself, if it answered as the member that is meant. */
  readonly status: EtcdStatus | undefined;
  readonly isVoter: boolean;
  readonly isLearner: boolean;
  readonly isLeader: boolean;
  /** Answers, knows a leader, and its Pod stays. */
  readonly isHealthy: boolean;
  /** Entries that it is behind the leader; undefined while either is unknown. */
  readonly lag: number | undefined;
  /** It has been seen with its data as a member: from then on it must never start without. */
  readonly hasJoined: boolean;
  /** Marked by us: it leaves. */
  readonly isLeaving: boolean;
  /** It cannot stay: its object is being deleted, or its volume goes when its Pod does. */
  readonly isDoomed: boolean;
  /** Its data is gone for certain. */
  readonly hasLostData: boolean;
  /** Milliseconds since the epoch; undefined while it is healthy, or has never been looked at before. */
  readonly unhealthySinceMs: number | undefined;
}
