import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";

/** Entries that a successor may be behind: it has to send them nothing first. */
const SUCCESSOR_LAG_MAX = 1000;

/**
 * Who is to lead next: a healthy voter that is not leaving, close behind the leader; first those that stay, then those that run what the spec asks for (else the leadership
 * would move twice), then by least lag, then by greatest serial. Undefined if nobody can. `leader` is the name of who leads now.
 */
export function successor(
  facts: Facts,
  leader: string | undefined,
  mayFollow: (member: MemberFacts) => boolean = () => true,
): MemberFacts | undefined {
  const candidates = facts.members.filter(
    (member) =>
      member.name !== leader &&
      member.isVoter &&
      member.isHealthy &&
      !member.isLeaving &&
      member.entry !== undefined &&
      (member.lag ?? Number.POSITIVE_INFINITY) <= SUCCESSOR_LAG_MAX &&
      mayFollow(member),
  );
  const isCurrent = (member: MemberFacts): number => (member.pod?.templateHash === facts.world.wanted.hash ? 0 : 1);
  return candidates.sort(
    (a, b) =>
      Number(a.isDoomed) - Number(b.isDoomed) ||
      isCurrent(a) - isCurrent(b) ||
      (a.lag ?? 0) - (b.lag ?? 0) ||
      b.serial - a.serial,
  )[0];
}
