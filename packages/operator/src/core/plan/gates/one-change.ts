import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/**
 * Gate G2: no other change of the membership is under way: no learner, no entry that has not started, no member that is leaving and still
 * listed, no intent to join. `except` is the member that the step is about. What is only left to be cleaned up outside of etcd does not
 * count: a Pod that a dead node keeps must not hold up the cluster.
 */
export function oneChange(facts: Facts, except: string | undefined): Refusal | undefined {
  const intent = facts.members.find(
    ({ entry, hasJoined, isLeaving, name }) => name !== except && !isLeaving && entry === undefined && !hasJoined,
  );
  return (
    oneListedChange(facts, except) ??
    (intent === undefined ? undefined : refuse("G2", `${intent.name} is still joining`))
  );
}

/** The same without those that etcd has not heard of yet: they may be waiting for what the step is to end. */
export function oneListedChange(facts: Facts, except: string | undefined): Refusal | undefined {
  for (const member of facts.members) {
    if (member.name === except) continue;
    if (member.isLearner) return refuse("G2", `${member.name} is still a learner`);
    // The last voter cannot leave before another one votes: it is waiting for the change, and not under way.
    if (member.isVoter && facts.voterCount === 1) continue;
    if (member.isLeaving && member.entry !== undefined) return refuse("G2", `${member.name} is still leaving`);
  }
  const exceptId = facts.members.find((member) => member.name === except)?.entry?.id;
  for (const entry of facts.membership.entries) {
    if (entry.id === exceptId) continue;
    if (entry.isLearner) return refuse("G2", `member ${entry.id} is a learner`);
    if (entry.name === "") return refuse("G2", `member ${entry.id} has not started yet`);
  }
  return undefined;
}
