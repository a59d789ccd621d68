import { parseQuantity } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { ClaimView } from "../facts/seen.ts";
import { act, type Verdict } from "./verdict.ts";

/** Bytes that the spec asks for. */
export function wantedBytes(facts: Facts): number {
  return parseQuantity(facts.spec.storage.size) ?? 0;
}

/** Members' claims that ask for less than the spec. */
export function smallClaims(facts: Facts): readonly ClaimView[] {
  const bytes = wantedBytes(facts);
  const names = new Set(facts.members.filter((member) => !member.isLeaving).map((member) => member.name));
  return facts.world.claims.filter(
    (claim) =>
      claim.member !== undefined &&
      names.has(claim.member) &&
      !claim.isRetired &&
      !claim.isTerminating &&
      claim.requested < bytes,
  );
}

/** Volumes grow all at once, since no Pod is disturbed by it; where the storage class cannot, that is told and nothing is done. */
export function volumes(facts: Facts): Verdict | undefined {
  const growing = smallClaims(facts).filter((claim) => claim.canExpand !== false && claim.phase === "Bound");
  if (growing.length === 0) return undefined;
  const claims = growing.map((claim) => claim.name);
  const message = `${claims.length} volumes grow to ${String(facts.spec.storage.size)}`;
  return act(
    "volumes",
    { kind: "ExpandClaims", claims, bytes: wantedBytes(facts) },
    { progress: "ExpandingVolume", message },
  );
}
