import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { LEARNER_SLOW_MS, stuckSince } from "../rules/joining.ts";
import type { Trouble, Verdict } from "../rules/verdict.ts";
import { messageOf } from "./member-status.ts";

/** Milliseconds that a member may be unwell, as it is at every restart, before the cluster counts as degraded. */
const GRACE_MS = 30_000;

/** Why the cluster bears less than it should, worst first. */
export function troubles(facts: Facts, verdict: Verdict): readonly Trouble[] {
  const found: Trouble[] = [];
  if (verdict.trouble !== undefined) found.push(verdict.trouble);
  for (const thing of facts.world.missing) {
    const reason = thing.kind === "Secret" ? "SecretMissing" : "ReconcileError";
    found.push({ reason, message: `${thing.kind} ${thing.name}: ${thing.message}` });
  }
  for (const member of facts.members) {
    const trouble = memberTrouble(facts, member);
    if (trouble !== undefined) found.push(trouble);
  }
  const placement = placementTrouble(facts);
  if (placement !== undefined) found.push(placement);
  return found;
}

function memberTrouble(facts: Facts, member: MemberFacts): Trouble | undefined {
  if (member.isLeaving || member.isHealthy) return undefined;
  const say = (reason: string): Trouble => ({
    reason,
    message: `${member.name}: ${messageOf(member) ?? "it is not healthy"}`,
  });
  if (member.hasLostData) return say("VolumeLost");
  const waiting = member.pod?.waitingReason;
  if (waiting === "ImagePullBackOff" || waiting === "ErrImagePull" || waiting === "InvalidImageName")
    return say("ImagePullFailed");
  if (waiting === "Unschedulable") return say("Unschedulable");
  if (waiting === "CrashLoopBackOff") return say("MemberCrashLooping");
  const stuck = stuckSince(member);
  if (member.isLearner && stuck !== undefined && facts.nowMs - stuck >= LEARNER_SLOW_MS) return say("LearnerStuck");
  if (!member.isVoter || member.unhealthySinceMs === undefined) return undefined;
  return facts.nowMs - member.unhealthySinceMs >= GRACE_MS ? say("MemberDown") : undefined;
}

/** Voters that share a node although there are enough nodes, or a zone although there are enough zones. */
function placementTrouble(facts: Facts): Trouble | undefined {
  const voters = facts.members.filter((member) => member.isVoter && member.pod?.node !== undefined);
  const nodes = new Set(voters.map((member) => member.pod?.node));
  if (
    facts.spec.scheduling.antiAffinity !== "None" &&
    voters.length > 1 &&
    nodes.size < voters.length &&
    nodes.size < usableNodes(facts)
  ) {
    return { reason: "MembersCoLocated", message: `${voters.length} members run on ${nodes.size} nodes` };
  }
  const zones = new Set(facts.world.nodes.map((node) => node.zone).filter((zone) => zone !== undefined));
  const used = new Set(voters.map((member) => member.node?.zone).filter((zone) => zone !== undefined));
  if (facts.spec.scheduling.zoneSpread !== "None" && voters.length > 2 && used.size === 1 && zones.size > 1) {
    return { reason: "InsufficientZones", message: "all members run in one zone" };
  }
  return undefined;
}

function usableNodes(facts: Facts): number {
  return facts.world.nodes.filter((node) => node.ready).length;
}
