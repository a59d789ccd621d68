import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";

/**
 * Who leaves when there are too many, first first: who has not started, whose data is lost, who is not healthy, who shares a node or a zone
 * with more others, who does not lead, who is most behind, who came last. Never by the order of names.
 */
export function victims(facts: Facts, candidates: readonly MemberFacts[]): readonly MemberFacts[] {
  const rank = (member: MemberFacts): readonly number[] => [
    member.isDoomed ? 0 : 1,
    member.entry?.name === "" ? 0 : 1,
    member.hasLostData ? 0 : 1,
    member.isHealthy ? 1 : 0,
    -neighbours(facts, member, (other) => other.pod?.node),
    -neighbours(facts, member, (other) => other.node?.zone),
    member.isLeader ? 1 : 0,
    -lagClass(member),
    -member.serial,
  ];
  return [...candidates].sort((a, b) => compareRanks(rank(a), rank(b)));
}

/** Small differences of lag mean nothing. */
function lagClass(member: MemberFacts): number {
  return Math.floor((member.lag ?? 1_000_000) / 1000);
}

function neighbours(facts: Facts, member: MemberFacts, place: (member: MemberFacts) => string | undefined): number {
  const where = place(member);
  if (where === undefined) return 0;
  return facts.members.filter((other) => other.name !== member.name && other.isVoter && place(other) === where).length;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
