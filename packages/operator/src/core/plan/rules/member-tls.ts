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

/**
 * Its files have been new for long enough, and it goes on with the old ones: some releases read authorities only when they start. Who was
 * started after the change has read it, and is not helped by one more start. Data in memory would go with it.
 */
export function ignoresItsFiles({ nowMs, spec, world }: Facts, { name, pod }: MemberFacts): boolean {
  const seen = world.memberTls?.get(name);
  if (seen?.filesSinceMs === undefined || pod === undefined || spec.storage.medium === "Memory") return false;
  const isBehind = !seen.showsCurrent || seen.trustsNext === false || seen.trustsDropped === true;
  return isBehind && pod.createdMs < seen.filesSinceMs && nowMs - seen.filesSinceMs > TAKEN_WITHIN_MS;
}
