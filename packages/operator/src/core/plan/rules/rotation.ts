import { parseDuration } from "../../api/index.ts";
import type { Step } from "../../world/index.ts";
import { type Facts, hasQuorum } from "../facts/facts.ts";
import { listenerWithout } from "./member-tls.ts";
import { act, BLOCKED_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "rotation";

/**
 * New authorities in three phases, each seen at all members before the next: everybody trusts them; they issue; the former ones are dropped.
 * Clients cannot be looked at, so between two phases they have the time that the spec names to fetch what was published. Then nobody ever shows
 * what another one does not believe. Source: reference of operators, section 3.12.
 */
export function rotation(facts: Facts): Verdict | undefined {
  const { rotation: seen } = facts.world;
  if (seen === undefined || !hasQuorum(facts)) return undefined;
  switch (seen.phase) {
    case "Asked":
      return change("TrustNew", "new authorities are made, to be trusted beside the old ones");
    case "TrustNew": {
      const late = listenerWithout(facts, ({ trustsNext }) => trustsNext === true);
      if (late !== undefined) return waiting(`waiting for ${late} to trust the new authorities`, late);
      if (isOverlapping(facts)) return undefined;
      return change("Reissue", "the new authorities issue from now on");
    }
    case "Reissue": {
      // The rule of certificates replaces them; it waits, too.
      if (facts.world.certificates.some(({ isOfFormerAuthority }) => isOfFormerAuthority === true)) return undefined;
      const late = listenerWithout(facts, ({ showsCurrent }) => showsCurrent);
      if (late !== undefined) return waiting(`waiting for ${late} to show its new certificate`, late);
      if (isOverlapping(facts)) return undefined;
      return change("DropOld", "the former authorities are to be trusted no more");
    }
    case "DropOld": {
      const late = listenerWithout(facts, ({ trustsDropped }) => trustsDropped !== true);
      if (late !== undefined) return waiting(`waiting for ${late} to trust the former authorities no more`, late);
      return change("Done", "the authorities are changed");
    }
  }
}

/** Clients have their time. It may be days: nothing that a cluster is called unfinished for. */
function isOverlapping(facts: Facts): boolean {
  return facts.nowMs < overlapEndMs(facts);
}

/** When the next phase may begin as far as clients go; milliseconds since the epoch. */
export function overlapEndMs({ spec, world }: Facts): number {
  return (world.rotation?.sinceMs ?? 0) + (parseDuration(spec.tls.caRotationOverlap) ?? 0);
}

function change(to: Extract<Step, { readonly kind: "RotateAuthorities" }>["to"], message: string): Verdict {
  return act(RULE, { kind: "RotateAuthorities", to }, { progress: "RotatingCertificates", message });
}

function waiting(message: string, member: string): Verdict {
  // Files reach a Pod within minutes.
  return wait(RULE, {
    progress: "RotatingCertificates",
    message,
    member,
    holdsBack: "nothing",
    requeueAfterMs: BLOCKED_MS,
  });
}
