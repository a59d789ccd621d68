import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Gate G5: the list came through a quorum of the cluster that the latch names, and nothing shows another identity. */
export function sameIdentity(facts: Facts): Refusal | undefined {
  if (facts.identity.clusterId === undefined) return refuse("G5", "the cluster's identity is not recorded yet");
  if (facts.identity.others.length > 0) return refuse("G5", `another cluster ID was seen: ${facts.identity.others[0]}`);
  if (!facts.isQuorate) return refuse("G5", "there is no member list from a quorum");
  return undefined;
}

/** Gate G5 for a member that must be in the list: exactly one entry is at its peer URL, and it answers, if at all, as that one. */
export function exactTarget(facts: Facts, member: MemberFacts): Refusal | undefined {
  const refusal = sameIdentity(facts);
  if (refusal !== undefined) return refusal;
  const { entry } = member;
  if (entry === undefined) return refuse("G5", `${member.name} is not in the member list`);
  const same = facts.membership.entries.filter((other) => other.peerUrls.some((url) => entry.peerUrls.includes(url)));
  if (same.length !== 1) return refuse("G5", `more than one member is at the peer URL of ${member.name}`);
  return undefined;
}
