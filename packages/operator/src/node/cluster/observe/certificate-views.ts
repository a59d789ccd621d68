import {
  AUTHORITY_KEYS,
  AUTHORITY_STAGES,
  authoritySecretName,
  type CertificateFacts,
  type CertificateMaker,
  type CertificateView,
  type ClusterSettings,
  changeAtMs,
  clientSecretName,
  type EtcdMember,
  issuedAtMs,
  memberHosts,
  memberSecretName,
  operatorSecretName,
  renewAtMs,
  type Secret,
} from "../../../core/index.ts";
import { plainHost } from "../../pki/index.ts";
import { secretText } from "./authorities.ts";

/** What is replaced at once: what cannot be read, is of another authority, or not as the spec asks. */
const AT_ONCE_MS = 0;

/** Of which of the cluster's authorities a leaf is; undefined: of none, or its key is not its own. */
type Issuer = "Current" | "Former" | undefined;

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
      renewAtMs: changeAtMs(settings, client.notAfterMs),
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
  const isGood = facts !== undefined && isAsWanted(settings, facts);
  const issuers = [issuerOf(maker, secret, secrets, settings, "client")];
  return [view(settings, { name, kind, issuer: authority.fingerprint }, isGood ? [facts] : undefined, issuers)];
}

function memberView(sight: CertificateSight, member: string, authority: CertificateFacts): readonly CertificateView[] {
  const { settings, secrets, maker } = sight;
  const name = memberSecretName(member);
  const secret = secrets.get(name);
  if (secret === undefined) return [];
  const wanted = [...new Set(memberHosts(settings, member).map(plainHost))].sort().join();
  const leafs = ["tls.crt", "peer.crt"].map((key) => maker.inspect(secretText(secret, key)));
  const isGood = leafs.every(
    (facts) => facts !== undefined && isAsWanted(settings, facts) && facts.hosts.join() === wanted,
  );
  const good = isGood ? leafs.filter((facts) => facts !== undefined) : undefined;
  const issuers = (["client", "peer"] as const).map((purpose) => issuerOf(maker, secret, secrets, settings, purpose));
  return [view(settings, { name, kind: "Member", issuer: authority.fingerprint, member }, good, issuers)];
}

function isAsWanted({ spec }: ClusterSettings, facts: CertificateFacts): boolean {
  return facts.algorithm === spec.tls.certificates.keyAlgorithm;
}

function issuerOf(
  maker: CertificateMaker,
  secret: Secret,
  secrets: ReadonlyMap<string, Secret>,
  settings: ClusterSettings,
  purpose: "client" | "peer",
): Issuer {
  const leaf = purpose === "client" ? "tls" : "peer";
  const authority = secrets.get(authoritySecretName(settings.name));
  const pair = { certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) };
  if (maker.isIssuedBy(pair, secretText(authority, AUTHORITY_KEYS[purpose].cert))) return "Current";
  return maker.isIssuedBy(pair, secretText(authority, AUTHORITY_STAGES.former[purpose].cert)) ? "Former" : undefined;
}

function view(
  settings: ClusterSettings,
  base: Pick<CertificateView, "name" | "kind" | "issuer" | "member">,
  leafs: readonly CertificateFacts[] | undefined,
  issuers: readonly Issuer[],
): CertificateView {
  if (leafs === undefined || leafs.length === 0 || issuers.includes(undefined))
    return { ...base, notAfterMs: AT_ONCE_MS, renewAtMs: AT_ONCE_MS };
  const notAfterMs = Math.min(...leafs.map((facts) => facts.notAfterMs));
  const issuedMs = issuedAtMs(Math.max(...leafs.map((facts) => facts.notBeforeMs)));
  if (issuers.includes("Former"))
    return { ...base, notAfterMs, issuedMs, renewAtMs: AT_ONCE_MS, isOfFormerAuthority: true };
  return { ...base, notAfterMs, issuedMs, renewAtMs: renewAtMs(settings, notAfterMs) };
}
