import type { Core } from "./core.ts";
import { hup } from "./election.ts";
import { leaveJointWhenDue } from "./membership.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { abortTransfer, becomeFollower } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";

/** One unit of time has passed. */
export function tick(core: Core): void {
  core.ticks++;
  if (core.role === "leader") tickLeader(core);
  else tickElection(core);
}

function tickElection(core: Core): void {
  core.electionElapsed++;
  if (core.electionElapsed < core.electionTimeout || !core.promotable) return;
  core.electionElapsed = 0;
  hup(core, false);
}

function tickLeader(core: Core): void {
  core.heartbeatElapsed++;
  core.electionElapsed++;
  if (isDiskStalled(core)) {
    core.trace?.({ kind: "diskStalled", term: core.term });
    becomeFollower(core, core.term, NO_MEMBER);
    return;
  }
  if (core.electionElapsed >= core.config.electionTicks) {
    core.electionElapsed = 0;
    if (core.config.checkQuorum) checkQuorum(core);
    // A transfer that has not come about by now is not going to.
    if (core.role === "leader" && core.transferee !== NO_MEMBER) {
      abortTransfer(core);
      // Nothing was accepted meanwhile, that included; and without proposals there might never be another occasion.
      leaveJointWhenDue(core);
    }
  }
  if (core.role !== "leader" || core.heartbeatElapsed < core.config.heartbeatTicks) return;
  core.heartbeatElapsed = 0;
  broadcastHeartbeat(core);
}

/** A leader whose disk hangs holds up the cluster, unless nobody else could lead. */
function isDiskStalled(core: Core): boolean {
  const limit = core.config.persistTimeoutTicks;
  const since = core.log.writes.oldestTick;
  if (limit === 0 || since === undefined || core.ticks - since < limit) return false;
  return !core.tracker.isSoleVoter(core.id);
}

/** A leader without a quorum cannot commit, and its followers may have elected another. Source: dissertation §6.2. */
function checkQuorum(core: Core): void {
  if (core.tracker.checkQuorumActive(core.id)) return;
  core.trace?.({ kind: "quorumLost", term: core.term });
  becomeFollower(core, core.term, NO_MEMBER);
}
