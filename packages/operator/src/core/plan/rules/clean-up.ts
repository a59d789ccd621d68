import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { deletePod, isNodeGone } from "./pods.ts";
import { act, type Verdict } from "./verdict.ts";

/**
 * What is left of a member that is not in the cluster: first its Pod, then its volume, at last its object. Undefined while something that
 * was asked for is still under way.
 */
export function cleanUp(facts: Facts, member: MemberFacts, mustKeepVolume = false): Verdict | undefined {
  const said = {
    progress: "RemovingMember",
    message: `what is left of ${member.name} is removed`,
    member: member.name,
  } as const;
  const { pod, claim } = member;
  if (pod !== undefined) {
    if (!pod.isTerminating)
      return act("clean-up", deletePod(pod, "Delete", `${member.name} is no member any more`), said);
    if (isNodeGone(facts, member)) {
      return act("clean-up", deletePod(pod, "Force", `the node of ${member.name} is gone`), said);
    }
    return undefined;
  }
  if (claim !== undefined) {
    if (claim.isTerminating) return undefined;
    // What never held the cluster's data is not worth keeping, and would only be found again later.
    const isKept = (mustKeepVolume || facts.spec.storage.whenScaled === "Retain") && claim.clusterId !== undefined;
    const step = isKept
      ? ({ kind: "RetireClaim", claim: claim.name, uid: claim.uid, reason: `${member.name} left the cluster` } as const)
      : ({ kind: "DeleteClaim", claim: claim.name, uid: claim.uid, clusterId: claim.clusterId } as const);
    return act("clean-up", step, said);
  }
  return act("clean-up", { kind: "ForgetMember", member: member.name }, said);
}
