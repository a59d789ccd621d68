import type { Facts } from "../facts/facts.ts";
import { act, type Verdict } from "./verdict.ts";

/** The certificate that is due first. Servers read the new one by themselves: nothing is restarted. */
export function certificates(facts: Facts): Verdict | undefined {
  const due = facts.world.certificates.filter(
    (certificate) => certificate.renewAtMs <= facts.nowMs && certificate.kind !== "CA",
  );
  const [first] = [...due].sort((a, b) => a.notAfterMs - b.notAfterMs || (a.name < b.name ? -1 : 1));
  if (first === undefined) return undefined;
  const message = `the certificate in ${first.name} is renewed`;
  return act(
    "certificates",
    { kind: "RenewCertificate", secret: first.name },
    { progress: "RotatingCertificates", message },
  );
}
