import type { ErrorCode } from "@quorate/protocol";
import type { RaftStatus } from "@quorate/raft";
import type { ClusterMember } from "./member.ts";

/** For how long a member must have been connected before it counts, in milliseconds. Peer protocol page, section 4.2. */
export const HEALTHY_AFTER_MS = 5000;

/** A learner must have this share of the leader's log before it may vote. */
const READY_SHARE = 0.9;

/** What the strict checks look at: the cluster as this member sees it. */
export interface ClusterView {
  readonly members: readonly ClusterMember[];
  readonly selfId: bigint;
  /** Since when this member is connected with another one, in milliseconds of `nowMs`; undefined if it is not. */
  readonly activeSince: (id: bigint) => number | undefined;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/**
 * Whether the cluster is fit for one more member: enough members have started to be a quorum of the larger cluster, and enough are
 * connected. Only asked with `--strict-reconfig-check`. gRPC API page, section 8.2.
 */
export function additionProblem(view: ClusterView, isLearner: boolean): ErrorCode | undefined {
  const voters = votersOf(view);
  const started = voters.filter(hasStarted).length;
  const enlarged = quorum(voters.length + 1);
  // A cluster of one may always grow: it is how one is restored.
  const lone = voters.length === 1;
  if (!isLearner && started < enlarged && !(lone && started === 1)) return "memberNotEnoughStarted";
  return lone || connectedCount(view, voters) >= enlarged ? undefined : "unhealthy";
}

/** Whether the cluster can do without member `id`. Unknown members pass: the entry is refused when it is applied. */
export function removalProblem(view: ClusterView, id: bigint): ErrorCode | undefined {
  if (view.members.find((member) => member.id === id)?.isLearner === true) return undefined;
  const voters = votersOf(view);
  const rest = voters.filter((member) => member.id !== id);
  if (rest.filter(hasStarted).length < quorum(rest.length)) return "memberNotEnoughStarted";
  // A member that is down takes no part in the quorum.
  if (id !== view.selfId && view.activeSince(id) === undefined) return undefined;
  return connectedCount(view, voters) - 1 >= quorum(voters.length - 1) ? undefined : "unhealthy";
}

/** Whether learner `id` can become a voter without loss of the quorum; it counts as started. */
export function promotionProblem(view: ClusterView): ErrorCode | undefined {
  const voters = votersOf(view);
  const started = voters.filter(hasStarted).length + 1;
  return started >= quorum(voters.length + 1) ? undefined : "memberNotEnoughStarted";
}

/**
 * Whether learner `id` has caught up with the leader, whose status this is; `notLeader` from any other member. Voters pass or fail
 * by the same measure: that they are none is found out when the entry is applied.
 */
export function learnerProblem(status: RaftStatus, id: bigint): ErrorCode | undefined {
  if (status.role !== "leader") return "notLeader";
  const learner = status.peers.find((peer) => peer.id === id);
  if (learner === undefined) return "memberNotFound";
  const leaderMatch = status.peers.find((peer) => peer.id === status.id)?.match ?? status.lastIndex;
  return learner.match < READY_SHARE * leaderMatch ? "learnerNotReady" : undefined;
}

function votersOf(view: ClusterView): readonly ClusterMember[] {
  return view.members.filter((member) => !member.isLearner);
}

/** A member has started once it has published its name. */
function hasStarted(member: ClusterMember): boolean {
  return member.name !== "";
}

function quorum(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** Members of `voters` that have been connected long enough, this one included. */
function connectedCount(view: ClusterView, voters: readonly ClusterMember[]): number {
  return voters.filter((member) => {
    if (member.id === view.selfId) return true;
    const since = view.activeSince(member.id);
    return since !== undefined && view.nowMs - since >= HEALTHY_AFTER_MS;
  }).length;
}
