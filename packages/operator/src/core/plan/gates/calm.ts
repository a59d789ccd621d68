import type { Facts } from "../facts/facts.ts";
import { millisecondsOf } from "../timestamps.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Entries that a voter may be behind the leader. */
export const LAG_MAX = 1000;
/** Milliseconds that a leader must have been seen for. */
const LEADER_STABLE_MS = 3000;
/** Milliseconds after a change of leader that nobody planned. */
const AFTER_ELECTION_MS = 30_000;

/**
 * Gate G3: one leader, seen at the same term for a while, no election in the last half minute but by our own doing, and every voter except
 * the target healthy and close behind.
 */
export function calm(facts: Facts, except: string | undefined): Refusal | undefined {
  return steadyLeader(facts) ?? votersWell(facts, except);
}

function steadyLeader(facts: Facts): Refusal | undefined {
  if (facts.leaderId === undefined) return refuse("G3", "there is no leader");
  // Nobody else could be elected.
  if (facts.voterCount === 1) return undefined;
  const { leader } = facts.previous;
  const term = termOfLeader(facts);
  const since = millisecondsOf(leader?.since);
  if (leader?.id !== facts.leaderId || leader.term !== term || since === undefined) {
    return refuse("G3", "the leader has only just been seen");
  }
  if (facts.nowMs - since < LEADER_STABLE_MS) return refuse("G3", "the leader is new");
  const unplanned = millisecondsOf(leader.lastUnplannedChange);
  if (unplanned !== undefined && facts.nowMs - unplanned < AFTER_ELECTION_MS) {
    return refuse("G3", "there was an election in the last 30 s");
  }
  return undefined;
}

function votersWell(facts: Facts, except: string | undefined): Refusal | undefined {
  for (const member of facts.members) {
    if (!member.isVoter || member.name === except) continue;
    if (!member.isHealthy) return refuse("G3", `${member.name} is not healthy`);
    if (member.lag === undefined || member.lag > LAG_MAX) return refuse("G3", `${member.name} is behind the leader`);
  }
  return undefined;
}

/** Term in which the members that answered see their leader; undefined if none does. */
export function termOfLeader(facts: Facts): number | undefined {
  const terms = facts.members
    .map((member) => member.status)
    .filter((status) => status !== undefined && status.leaderId === facts.leaderId)
    .map((status) => status?.raftTerm ?? 0);
  return terms.length === 0 ? undefined : Math.max(...terms);
}
