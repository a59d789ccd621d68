import { assert } from "@quorate/base";

import type { Core } from "./core.ts";
import { NO_MEMBER } from "./state.ts";
import type { DropReason } from "./trace.ts";

/** Forgets what belonged to the role or term before. Source: paper figure 2, etcd-io/raft `reset`. */
function reset(core: Core, term: number): void {
  assert(term >= core.term, "the term never goes back");
  if (term !== core.term) {
    core.term = term;
    core.vote = NO_MEMBER;
  }
  core.leader = NO_MEMBER;
  core.electionElapsed = 0;
  core.heartbeatElapsed = 0;
  // Members that time out together split the vote; so each draws anew every time.
  core.electionTimeout = core.config.electionTicks + core.prng.below(core.config.electionTicks);
  core.transferee = NO_MEMBER;
  core.leadershipOffered = false;
  core.tracker.reset(core.log.lastIndex + 1);
  const self = core.tracker.get(core.id);
  if (self !== undefined) self.match = core.log.stableIndex;
  core.pendingConfIndex = 0;
  core.uncommittedBytes = 0;
  core.reads.reset();
  core.earlyReads = [];
}

/** Follows `leader`, which is {@link NO_MEMBER} if unknown, in `term`. */
export function becomeFollower(core: Core, term: number, leader: bigint): void {
  reset(core, term);
  core.leader = leader;
  core.role = "follower";
  traceRole(core);
}

/** Asks whether it could win. Term and vote stay as they are, so that a failed attempt disturbs nobody. */
export function becomePreCandidate(core: Core): void {
  assert(core.role !== "leader", "a leader does not campaign");
  core.tracker.resetVotes();
  core.leader = NO_MEMBER;
  core.role = "preCandidate";
  traceRole(core);
}

/** Stands for election in the next term, with its own vote. */
export function becomeCandidate(core: Core): void {
  assert(core.role !== "leader", "a leader does not campaign");
  reset(core, core.term + 1);
  core.vote = core.id;
  core.role = "candidate";
  traceRole(core);
}

/** Leads the current term. The caller appends the empty entry that lets the term commit what came before it. */
export function becomeLeader(core: Core): void {
  assert(core.role === "candidate", "only a candidate becomes leader");
  reset(core, core.term);
  core.leader = core.id;
  core.role = "leader";
  const self = core.tracker.get(core.id);
  assert(self !== undefined, "a leader is a member of its configuration");
  self.becomeReplicate();
  self.recentActive = true;
  // There may be an unapplied configuration change anywhere in the log that was inherited.
  core.pendingConfIndex = core.log.lastIndex;
  traceRole(core);
}

/** Takes note of who leads the current term. */
export function followLeader(core: Core, leader: bigint): void {
  core.electionElapsed = 0;
  if (core.leader === leader) return;
  core.leader = leader;
  core.trace?.({ kind: "leader", term: core.term, leader });
}

/** Gives up the attempt to hand leadership to somebody. */
export function abortTransfer(core: Core): void {
  if (core.transferee === NO_MEMBER) return;
  core.trace?.({ kind: "transfer", to: core.transferee, what: "aborted" });
  core.transferee = NO_MEMBER;
}

/** Tells the trace that something had no effect. */
export function traceDrop(core: Core, what: string, reason: DropReason): void {
  core.trace?.({ kind: "dropped", what, reason });
}

function traceRole(core: Core): void {
  core.trace?.({ kind: "role", role: core.role, term: core.term, leader: core.leader });
}
