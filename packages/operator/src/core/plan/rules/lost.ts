import { parseDuration } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";

/** Reasons of a container that a new member would share: replacing helps nobody and costs data. */
const SHARED_FAULTS: ReadonlySet<string> = new Set([
  "ImagePullBackOff",
  "ErrImagePull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "OOMKilled",
]);

/** Why this voter is given up, or undefined if it may come back. */
export function whyLost(facts: Facts, member: MemberFacts): string | undefined {
  if (member.isHealthy) return undefined;
  if (member.hasLostData) return "its data is lost";
  if (SHARED_FAULTS.has(member.pod?.waitingReason ?? "")) return undefined;
  const { crashLoopThreshold, replaceMemberAfter } = facts.spec.recovery;
  if (isCrashLooping(member, crashLoopThreshold)) {
    // What the others run well cannot be the fault: its data is.
    return runsElsewhere(facts, member)
      ? `it crashed ${member.pod?.restarts} times in a row with what the others run well`
      : undefined;
  }
  const limit = parseDuration(replaceMemberAfter) ?? 0;
  const since = member.unhealthySinceMs;
  if (limit <= 0 || since === undefined || facts.nowMs - since < limit) return undefined;
  return `it has not been healthy for ${replaceMemberAfter}`;
}

function isCrashLooping(member: MemberFacts, threshold: number): boolean {
  return member.pod?.waitingReason === "CrashLoopBackOff" && member.pod.restarts >= threshold;
}

function runsElsewhere(facts: Facts, member: MemberFacts): boolean {
  return facts.members.some((other) => other.isHealthy && other.pod?.templateHash === member.pod?.templateHash);
}
