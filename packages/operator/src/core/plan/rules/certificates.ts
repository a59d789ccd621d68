import type { Facts } from "../facts/facts.ts";
import { outOfDateListener } from "./member-tls.ts";
import { act, BLOCKED_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "certificates";

/**
 * The certificate that is due first. Servers read the new one by themselves: nothing is restarted. Good ones of former authorities are replaced
 * one by one, each once the one before is in use.
 */
export function certificates(facts: Facts): Verdict | undefined {
  const due = facts.world.certificates.filter(
    (certificate) => certificate.renewAtMs <= facts.nowMs && certificate.kind !== "CA",
  );
  const [first] = [...due].sort((a, b) => a.notAfterMs - b.notAfterMs || (a.name < b.name ? -1 : 1));
  if (first === undefined) return undefined;
  const late = first.isOfFormerAuthority === true ? outOfDateListener(facts) : undefined;
  if (late !== undefined) {
    const message = `waiting for ${late} to show its new certificate`;
    const said = { progress: "RotatingCertificates", message, member: late, holdsBack: "nothing" } as const;
    return wait(RULE, { ...said, requeueAfterMs: BLOCKED_MS });
  }
  const message = `the certificate in ${first.name} is renewed`;
  return act(RULE, { kind: "RenewCertificate", secret: first.name }, { progress: "RotatingCertificates", message });
}
