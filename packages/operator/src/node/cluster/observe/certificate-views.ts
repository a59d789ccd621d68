import {
  AUTHORITY_KEYS,
  authoritySecretName,
  type CertificateFacts,
  type CertificateMaker,
  type CertificateView,
  type ClusterSettings,
  clientSecretName,
  type EtcdMember,
  memberHosts,
  memberSecretName,
  operatorSecretName,
  renewAtMs,
  type Secret,
  textFromBase64,
} from "../../../core/index.ts";
import { plainHost } from "../../pki/index.ts";

/** What is replaced at once: what cannot be read, is of another authority, or not as the spec asks. */
const AT_ONCE_MS = 0;

export interface CertificateSight {
  readonly settings: ClusterSettings;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly members: readonly EtcdMember[];
  readonly maker: CertificateMaker;
}

/** The certificates in the Secrets that are there. */
export function certificateViews(sight: CertificateSight): readonly CertificateView[] {
  const { settings, secrets, members, maker } = sight;
  const authority = secrets.get(authoritySecretName(settings.name));
  const client = maker.inspect(secretText(authority, AUTHORITY_KEYS.client.cert));
  if (client === undefined) return [];
  const views: CertificateView[] = [
    {
      name: authoritySecretName(settings.name),
      kind: "CA",
      notAfterMs: client.notAfterMs,
      renewAtMs: client.notAfterMs,
      issuer: client.fingerprint,
    },
  ];
  if (settings.hasClientTls) {
    views.push(...clientView(sight, operatorSecretName(settings.name), "Operator", client));
    views.push(...clientView(sight, clientSecretName(settings.name), "Client", client));
  }
  if (settings.hasClientTls || settings.hasPeerTls) {
    for (const { metadata } of members) views.push(...memberView(sight, metadata.name, client));
  }
  return views;
}

function clientView(
  { settings, secrets, maker }: CertificateSight,
  name: string,
  kind: "Operator" | "Client",
  authority: CertificateFacts,
): readonly CertificateView[] {
  const secret = secrets.get(name);
  if (secret === undefined) return [];
  const facts = maker.inspect(secretText(secret, "tls.crt"));
  const isGood = facts !== undefined && isAsWanted(settings, facts) && isOf(maker, secret, secrets, settings, "client");
  return [view(settings, { name, kind, issuer: authority.fingerprint }, isGood ? [facts] : undefined)];
}

function memberView(sight: CertificateSight, member: string, authority: CertificateFacts): readonly CertificateView[] {
  const { settings, secrets, maker } = sight;
  const name = memberSecretName(member);
  const secret = secrets.get(name);
  if (secret === undefined) return [];
  const wanted = [...new Set(memberHosts(settings, member).map(plainHost))].sort().join();
  const leafs = ["tls.crt", "peer.crt"].map((key) => maker.inspect(secretText(secret, key)));
  const isGood =
    leafs.every((facts) => facts !== undefined && isAsWanted(settings, facts) && facts.hosts.join() === wanted) &&
    isOf(maker, secret, secrets, settings, "client") &&
    isOf(maker, secret, secrets, settings, "peer");
  const good = isGood ? leafs.filter((facts) => facts !== undefined) : undefined;
  return [view(settings, { name, kind: "Member", issuer: authority.fingerprint }, good)];
}

function isAsWanted({ spec }: ClusterSettings, facts: CertificateFacts): boolean {
  return facts.algorithm === spec.tls.certificates.keyAlgorithm;
}

/** Whether a leaf is of the authority there is now, and its key its own. */
function isOf(
  maker: CertificateMaker,
  secret: Secret,
  secrets: ReadonlyMap<string, Secret>,
  settings: ClusterSettings,
  purpose: "client" | "peer",
): boolean {
  const leaf = purpose === "client" ? "tls" : "peer";
  const authority = secrets.get(authoritySecretName(settings.name));
  const pair = { certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) };
  const authorityPem = secretText(authority, AUTHORITY_KEYS[purpose].cert);
  return maker.isIssuedBy(pair, authorityPem) && secretText(secret, AUTHORITY_KEYS[purpose].cert) === authorityPem;
}

function view(
  settings: ClusterSettings,
  base: Pick<CertificateView, "name" | "kind" | "issuer">,
  leafs: readonly CertificateFacts[] | undefined,
): CertificateView {
  if (leafs === undefined || leafs.length === 0) return { ...base, notAfterMs: AT_ONCE_MS, renewAtMs: AT_ONCE_MS };
  const notAfterMs = Math.min(...leafs.map((facts) => facts.notAfterMs));
  return { ...base, notAfterMs, renewAtMs: renewAtMs(settings, notAfterMs) };
}

/** "" if it is not there. */
export function secretText(secret: Secret | undefined, key: string): string {
  return textFromBase64(secret?.data?.[key] ?? "") ?? "";
}
