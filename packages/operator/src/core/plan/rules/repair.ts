import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { quorumAfterRemoving, sameIdentity } from "../gates/index.ts";
import { isInSync, markJoined } from "./joining.ts";
import { mustWaitItsTurn } from "./leaving.ts";
import { whyLost } from "./lost.ts";
import { replacementPace } from "./pace.ts";
import { canHavePod, deletePod, startExisting, whyRemake } from "./pods.ts";
import { whyStuck } from "./stuck.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "repair";

/** The record of the identity is where it belongs; somebody, or a crash, may have left a hole in it. */
export function identityRecord(facts: Facts): Verdict | undefined {
  const { clusterId, isRecordedEverywhere } = facts.identity;
  if (clusterId === undefined || isRecordedEverywhere || !facts.isQuorate) return undefined;
  const step = { kind: "RecordIdentity", clusterId, replaces: undefined } as const;
  return act("identity", step, { progress: "Complete", message: "the cluster's ID is recorded", requeueAfterMs: 100 });
}

/** Voters whose Pod is not there or is of no use, their data being where it was: at once. */
export function podRepair(facts: Facts): Verdict | undefined {
  for (const member of facts.members) {
    if (member.entry === undefined) continue;
    // Who is leaving is kept alive as long as it votes: the others may need it.
    if (member.isLeaving && !member.isVoter) continue;
    const verdict = repairPod(facts, member);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function repairPod(facts: Facts, member: MemberFacts): Verdict | undefined {
  const said = { progress: "RepairingMember", member: member.name } as const;
  if (!member.hasJoined && member.isVoter && isInSync(member)) return markJoined(member);
  if (member.hasLostData) return undefined;
  if (canHavePod(facts, member)) {
    const step = { kind: "CreatePod", member: member.name, start: startExisting(facts, member) } as const;
    return act(RULE, step, { ...said, message: `the Pod of ${member.name} is made again` });
  }
  const remake = whyRemake(facts, member) ?? whyStuck(facts, member);
  if (remake === undefined || member.pod === undefined) return undefined;
  return act(RULE, deletePod(member.pod, "Delete", remake), {
    ...said,
    message: `the Pod of ${member.name} is made again: ${remake}`,
  });
}

/** Voters that will not come back: they leave, and scaling up brings another one. */
export function replacement(facts: Facts): Verdict | undefined {
  for (const member of facts.members) {
    if (!member.isVoter || member.isLeaving || member.isHealthy) continue;
    const lost = whyLost(facts, member);
    if (lost === undefined) continue;
    const said = { progress: "ReplacingMember", member: member.name } as const;
    const trouble = { reason: "MemberDown", message: `${member.name}: ${lost}` };
    if (mustWaitItsTurn(facts, member)) continue;
    const refusal = sameIdentity(facts) ?? quorumAfterRemoving(facts, member.name) ?? replacementPace(facts);
    if (refusal !== undefined) {
      return wait(RULE, {
        ...said,
        message: `${member.name} is to be replaced (${lost}), and not yet: ${refusal.message}`,
        holdsBack: "voluntary",
        refusal,
        trouble,
      });
    }
    const step = { kind: "MarkLeaving", member: member.name, reason: lost } as const;
    return act(RULE, step, { ...said, message: `${member.name} is replaced: ${lost}`, trouble });
  }
  return undefined;
}
