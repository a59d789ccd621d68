import type { CertificateView } from "../../world/index.ts";
import type { Facts } from "../facts/facts.ts";
import { outOfDateListener } from "./member-tls.ts";
import { act, BLOCKED_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "certificates";

/**
 * The certificate that ends first, in time before it does. Comes before everything that waits for members to answer, since with certificates
 * that have ended they never would. Servers read the new one by themselves: nothing is restarted.
 */
export function endingCertificates(facts: Facts): Verdict | undefined {
  if (!canRenew(facts) || facts.identity.others.length > 0) return undefined;
  const due = facts.world.certificates.filter(({ kind, renewAtMs }) => kind !== "CA" && renewAtMs <= facts.nowMs);
  const [first] = [...due].sort((a, b) => a.notAfterMs - b.notAfterMs || byName(a, b));
  return first === undefined ? undefined : renew(first);
}

/** Good ones of former authorities are replaced one by one, clients' first, each member's once the one before is in use. */
export function formerCertificates(facts: Facts): Verdict | undefined {
  if (!canRenew(facts)) return undefined;
  const former = facts.world.certificates.filter(({ isOfFormerAuthority }) => isOfFormerAuthority === true);
  const isMember = ({ kind }: CertificateView): number => Number(kind === "Member");
  const [first] = [...former].sort((a, b) => isMember(a) - isMember(b) || byName(a, b));
  if (first === undefined) return undefined;
  const late = first.kind === "Member" ? outOfDateListener(facts) : undefined;
  if (late === undefined) return renew(first);
  const message = `waiting for ${late} to show its new certificate`;
  const said = { progress: "RotatingCertificates", message, member: late, holdsBack: "nothing" } as const;
  return wait(RULE, { ...said, requeueAfterMs: BLOCKED_MS });
}

/** Nobody can issue without the authority's key, or for longer than the authority lasts. */
function canRenew({ nowMs, world }: Facts): boolean {
  const authority = world.certificates.find(({ kind }) => kind === "CA");
  return world.canIssue !== false && (authority === undefined || nowMs < authority.notAfterMs);
}

function renew({ name }: CertificateView): Verdict {
  const message = `the certificate in ${name} is renewed`;
  return act(RULE, { kind: "RenewCertificate", secret: name }, { progress: "RotatingCertificates", message });
}

function byName(a: CertificateView, b: CertificateView): number {
  return a.name < b.name ? -1 : 1;
}
