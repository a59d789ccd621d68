import { type Facts, keepers, targetVoters } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { isUnderWay } from "../facts/restore-phase.ts";
import { exactTarget, notLeader, quorumAfterRemoving, sameIdentity } from "../gates/index.ts";
import { successor } from "../order/successor.ts";
import { millisecondsOf } from "../timestamps.ts";
import { cleanUp } from "./clean-up.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "leaving";
/** Milliseconds that clients have to go elsewhere before their member leaves. */
const DRAIN_MS = 5000;
/** The same while the number of voters is even, which is to last as briefly as may be. */
const DRAIN_WHILE_EVEN_MS = 1000;
export const DRAINING = "Draining";

/** Members that are marked to leave: out of etcd first, then Pod, volume and object. */
export function leaving(facts: Facts): Verdict | undefined {
  let waiting: Verdict | undefined;
  for (const member of facts.members) {
    if (!member.isLeaving) continue;
    const verdict = leave(facts, member);
    if (verdict?.step !== undefined) return verdict;
    waiting ??= verdict;
  }
  return waiting;
}

function leave(facts: Facts, member: MemberFacts): Verdict | undefined {
  if (member.entry === undefined) {
    if (sameIdentity(facts) !== undefined) return undefined;
    return cleanUp(facts, member, isRecovering(facts)) ?? endOfPod(member);
  }
  if (mayStay(facts, member)) {
    const said = { progress: "Complete", message: `${member.name} stays after all`, member: member.name } as const;
    return act(RULE, { kind: "WithdrawLeaving", member: member.name }, said);
  }
  return member.isLearner ? remove(facts, member) : removeVoter(facts, member);
}

function isRecovering({ world }: Facts): boolean {
  return world.restore !== undefined && isUnderWay(world.restore);
}

/** It is out of the cluster, and only its Pod is still ending: nothing else waits for that. */
function endOfPod(member: MemberFacts): Verdict {
  const message = `${member.name} has left the cluster; what is left of it is being removed`;
  return wait(RULE, { progress: "RemovingMember", message, member: member.name, holdsBack: "nothing" });
}

/** The size asked for grew meanwhile, and the member is as good as any; or nobody else is left. */
function mayStay(facts: Facts, member: MemberFacts): boolean {
  if (!member.isVoter || member.isDoomed || !member.isHealthy) return false;
  if (facts.world.etcd.alarms.some((alarm) => alarm.memberId === member.entry?.id && alarm.alarm === "CORRUPT"))
    return false;
  return keepers(facts).length < targetVoters(facts);
}

function removeVoter(facts: Facts, member: MemberFacts): Verdict | undefined {
  const said = { progress: "RemovingMember", member: member.name } as const;
  const refusal = exactTarget(facts, member) ?? quorumAfterRemoving(facts, member.name);
  if (refusal !== undefined) {
    return wait(RULE, {
      ...said,
      message: `${member.name} cannot leave yet: ${refusal.message}`,
      holdsBack: facts.voterCount > 1 ? "voluntary" : "nothing",
      refusal,
    });
  }
  const leads = notLeader(member);
  if (leads !== undefined) {
    const next = successor(facts, member.name);
    if (next === undefined) {
      return wait(RULE, {
        ...said,
        message: `${member.name} leads and nobody can take over yet`,
        holdsBack: "voluntary",
        refusal: leads,
      });
    }
    return moveLeader(RULE, member, next);
  }
  if (!isDrained(facts, member)) {
    return wait(RULE, {
      ...said,
      message: `${member.name} gets no new clients before it leaves`,
      holdsBack: "voluntary",
      requeueAfterMs: 500,
    });
  }
  return remove(facts, member);
}

export function moveLeader(rule: string, from: MemberFacts, to: MemberFacts): Verdict {
  const step = {
    kind: "MoveLeader",
    from: from.name,
    fromId: from.entry?.id ?? "",
    to: to.name,
    toId: to.entry?.id ?? "",
  } as const;
  return act(rule, step, {
    progress: "TransferringLeader",
    message: `${from.name} hands leadership over to ${to.name}`,
    member: from.name,
    requeueAfterMs: 500,
  });
}

/** Nobody is served by a member that is not well; a well one has to be out of the Service for a while. */
function isDrained(facts: Facts, member: MemberFacts): boolean {
  if (!member.isHealthy) return true;
  const { step, stepStartedAt } = member.object.status ?? {};
  const since = millisecondsOf(stepStartedAt);
  if (step !== DRAINING || since === undefined) return false;
  return facts.nowMs - since >= (facts.voterCount % 2 === 0 ? DRAIN_WHILE_EVEN_MS : DRAIN_MS);
}

function remove(facts: Facts, member: MemberFacts): Verdict | undefined {
  const refusal = exactTarget(facts, member);
  const said = {
    progress: "RemovingMember",
    message: `${member.name} is removed from the cluster`,
    member: member.name,
  } as const;
  if (refusal !== undefined || member.entry === undefined) {
    return wait(RULE, {
      ...said,
      message: `${member.name} cannot leave yet: ${refusal?.message ?? "it is not listed"}`,
      holdsBack: "voluntary",
      refusal,
    });
  }
  return act(RULE, { kind: "RemoveFromCluster", member: member.name, memberId: member.entry.id }, said);
}

/** Members that cannot stay, by the user's hand: they are marked as soon as the cluster can do without them. */
export function doomed(facts: Facts): Verdict | undefined {
  let waiting: Verdict | undefined;
  for (const member of facts.members) {
    if (!member.isDoomed || member.isLeaving || mustWaitItsTurn(facts, member)) continue;
    const refusal = member.isVoter ? quorumAfterRemoving(facts, member.name) : undefined;
    const said = { progress: "ReplacingMember", member: member.name } as const;
    if (refusal !== undefined) {
      const message = `${member.name} is to be replaced, and cannot leave yet: ${refusal.message}`;
      waiting ??= wait(RULE, { ...said, message, holdsBack: "nothing", refusal });
      continue;
    }
    const isDeleted = member.object.metadata.deletionTimestamp !== undefined;
    const reason = isDeleted ? "its EtcdMember was deleted" : "its volume is being deleted";
    const step = { kind: "MarkLeaving", member: member.name, reason } as const;
    return act(RULE, step, { ...said, message: `${member.name} leaves: ${reason}` });
  }
  return waiting;
}

/** Who leaves first goes first. Where that one cannot, a dead member may be what it waits for. */
export function mustWaitItsTurn(facts: Facts, member: MemberFacts): boolean {
  const open = facts.members.find((other) => other.isLeaving && other.entry !== undefined);
  if (open === undefined || !member.isVoter) return false;
  return member.isHealthy || quorumAfterRemoving(facts, open.name) === undefined;
}
