import type { MemberFacts } from "../facts/member-facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Gate G6: the target does not lead. Who leads hands over first, and its turn comes in a later pass. */
export function notLeader(member: MemberFacts): Refusal | undefined {
  return member.isLeader ? refuse("G6", `${member.name} leads`) : undefined;
}
