import type { Step } from "../world/index.ts";
import { type Facts, keepers, targetVoters } from "./facts/facts.ts";
import { quorumOf } from "./quorum.ts";

/**
 * Number of voters that evictions must leave, for the PodDisruptionBudget: the majority of the larger of what is and what the open step makes
 * of it, so that the budget is raised before a promotion and lowered only after a removal. Undefined: a budget would only be in the way (one
 * voter), or none is wanted.
 */
export function minAvailable(facts: Facts, step: Step | undefined): number | undefined {
  if (!facts.spec.podDisruptionBudget.enabled || facts.identity.clusterId === undefined) return undefined;
  const voters = facts.voterCount + (isAboutToVote(facts, step) ? 1 : 0);
  if (voters <= 1) return undefined;
  return quorumOf(voters);
}

/** A learner in the list may be promoted by a step whose result is not known yet: it counts as soon as it is there. */
function isAboutToVote(facts: Facts, step: Step | undefined): boolean {
  if (step?.kind === "Promote") return true;
  return facts.members.some(
    (member) =>
      member.isLearner && !member.isLeaving && keepers(facts).length < targetVoters(facts) && member.hasJoined,
  );
}
