import type { MemberTlsView } from "../../world/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";

/** Files of a Secret reach a Pod within about 90 s; a server that reads them anew has by then. Source: reference of operators, section 3.12. */
const TAKEN_WITHIN_MS = 5 * 60_000;

/** A member that shows another certificate than that of its Secret. */
export function outOfDateListener({ world }: Facts): string | undefined {
  return world.members
    .map(({ metadata }) => metadata.name)
    .find((name) => world.memberTls?.get(name)?.showsCurrent === false);
}

/** A member that runs and was not seen to pass. What does not run reads its files when it starts. */
export function listenerWithout(
  { members, world }: Facts,
  passes: (view: MemberTlsView) => boolean,
): string | undefined {
  const late = members.find(({ name, pod }) => {
    if (pod === undefined) return false;
    const seen = world.memberTls?.get(name);
    return seen === undefined || !passes(seen);
  });
  return late?.name;
}

/** Its files are new for long enough, and it goes on with the old ones: some releases read authorities only when they start. */
export function ignoresItsFiles({ nowMs, world }: Facts, { name, pod }: MemberFacts): boolean {
  const seen = world.memberTls?.get(name);
  if (seen === undefined || pod === undefined) return false;
  const sinceMs: number[] = [];
  if (!seen.showsCurrent) {
    const own = world.certificates.find((certificate) => certificate.kind === "Member" && certificate.member === name);
    if (own?.issuedMs !== undefined) sinceMs.push(own.issuedMs);
  }
  const isBehind = seen.trustsNext === false || seen.trustsDropped === true;
  if (isBehind && world.rotation !== undefined) sinceMs.push(world.rotation.sinceMs);
  return sinceMs.some((since) => nowMs - Math.max(since, pod.createdMs) > TAKEN_WITHIN_MS);
}
