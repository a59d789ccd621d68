import type { MemberFacts } from "../facts/member-facts.ts";

/** Members whose Pods are to be replaced, first first: not ready ones, then followers, the most behind first, then the leader. */
export function rollOrder(members: readonly MemberFacts[]): readonly MemberFacts[] {
  const group = (member: MemberFacts): number => {
    if (member.isLearner) return 0;
    if (!member.isHealthy) return 1;
    return member.isLeader ? 3 : 2;
  };
  return [...members].sort((a, b) => group(a) - group(b) || (b.lag ?? 0) - (a.lag ?? 0) || a.serial - b.serial);
}
