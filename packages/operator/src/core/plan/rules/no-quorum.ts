import { parseDuration } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { quorumOf } from "../quorum.ts";
import { millisecondsOf } from "../timestamps.ts";
import { canHavePod, deletePod, startExisting, whyRemake } from "./pods.ts";
import { whyStuck } from "./stuck.ts";
import { act, BLOCKED_MS, OPEN_CHANGE_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "no-quorum";

/**
 * No list comes through a quorum. Only what cannot change the membership is done: missing Pods are made on the volumes that are there, one a
 * pass and without waiting for one another, since each may be the one that the majority lacks.
 */
export function noQuorum(facts: Facts): Verdict | undefined {
  if (facts.isQuorate) return undefined;
  const said = { progress: "WaitingForQuorum" } as const;
  for (const member of facts.members) {
    if (!mayBeVoter(member)) continue;
    if (canHavePod(facts, member)) {
      const step = { kind: "CreatePod", member: member.name, start: startExisting(facts, member) } as const;
      return act(RULE, step, {
        ...said,
        message: `${member.name} is started again`,
        member: member.name,
        requeueAfterMs: 50,
      });
    }
    const remake = whyRemake(facts, member) ?? (facts.leaderId === undefined ? whyStuck(facts, member) : undefined);
    if (remake !== undefined && member.pod !== undefined) {
      const step = deletePod(member.pod, "Delete", remake);
      return act(RULE, step, {
        ...said,
        message: `${member.name} is started again: ${remake}`,
        member: member.name,
        requeueAfterMs: 50,
      });
    }
  }
  return recoverByPolicy(facts) ?? waiting(facts);
}

/** Members that have data of the cluster; who has none cannot help. */
function mayBeVoter(member: MemberFacts): boolean {
  if (member.hasLostData) return false;
  return member.hasJoined || member.isVoter || member.claim?.clusterId !== undefined || isFounder(member);
}

/** The seed between the record of the identity and the mark that it joined. */
function isFounder(member: MemberFacts): boolean {
  return member.object.spec.join === "New" || member.object.spec.join === "Restore";
}

/** Voters whose data is still there, of those last known: a majority of them may bring the quorum back. */
function withData(facts: Facts): readonly MemberFacts[] {
  return facts.members.filter((member) => member.isVoter && !member.hasLostData);
}

/** Those that the cluster can be rebuilt from; a volume that is being deleted goes as soon as its Pod is stopped. */
export function survivors(facts: Facts): readonly MemberFacts[] {
  return withData(facts).filter((member) => member.claim?.isTerminating !== true);
}

export function isLostForGood(facts: Facts): boolean {
  return !facts.isQuorate && facts.voterCount > 0 && withData(facts).length < quorumOf(facts.voterCount);
}

function recoverByPolicy(facts: Facts): Verdict | undefined {
  const { quorumLoss, quorumLossAfter } = facts.spec.recovery;
  const { clusterId } = facts.identity;
  if (quorumLoss !== "FromSurvivor" || clusterId === undefined || !isLostForGood(facts)) return undefined;
  if (facts.world.restore !== undefined || survivors(facts).length === 0) return undefined;
  const since = millisecondsOf(facts.previous.quorumLostSince);
  if (since === undefined || facts.nowMs - since < (parseDuration(quorumLossAfter) ?? Number.POSITIVE_INFINITY))
    return undefined;
  const step = { kind: "RequestRecovery", survivor: "auto", confirm: clusterId } as const;
  return act(RULE, step, {
    progress: "RecoveringQuorum",
    message: "the quorum is lost for good: recovery from the best survivor is asked for",
  });
}

function waiting(facts: Facts): Verdict {
  const left = survivors(facts).map((member) => member.name);
  const message = isLostForGood(facts)
    ? `the data of ${facts.voterCount - left.length} of ${facts.voterCount} voters is gone, so the quorum cannot come back by itself; ${left.length === 0 ? "restore in place from a backup" : `recover with an EtcdRestore from survivor ${left.join(" or ")}, or from a backup`}`
    : `waiting for a majority of ${facts.voterCount} voters to answer`;
  return wait(RULE, {
    progress: "WaitingForQuorum",
    message,
    holdsBack: "everything",
    requeueAfterMs: isLostForGood(facts) ? BLOCKED_MS : OPEN_CHANGE_MS,
  });
}
