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
  memberHosts,
  memberSecretName,
  operatorSecretName,
  renewAtMs,
  type Secret,
} from "../../../core/index.ts";
import { plainHost } from "../../pki/index.ts";
import { authoritiesOf, secretText } from "./authorities.ts";

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
  if (!settings.hasClientTls && !settings.hasPeerTls) return [];
  const name = authoritySecretName(settings.name);
  const authority = maker.inspect(secretText(secrets.get(name), AUTHORITY_KEYS.client.cert));
  if (authority === undefined) return [];
  const { fingerprint: issuer, notAfterMs } = authority;
  const views: CertificateView[] = [
    { name, kind: "CA", notAfterMs, renewAtMs: changeAtMs(settings, notAfterMs), issuer },
  ];
  if (settings.hasClientTls) {
    views.push(...clientView(sight, operatorSecretName(settings.name), "Operator", authority));
    views.push(...clientView(sight, clientSecretName(settings.name), "Client", authority));
  }
  for (const { metadata } of members) views.push(...memberView(sight, metadata.name, authority));
  return views;
}

function clientView(
  sight: CertificateSight,
  name: string,
  kind: "Operator" | "Client",
  authority: CertificateFacts,
): readonly CertificateView[] {
  const secret = sight.secrets.get(name);
  if (secret === undefined) return [];
  const facts = sight.maker.inspect(secretText(secret, "tls.crt"));
  const isWanted = facts !== undefined && hasWantedKey(sight, facts);
  const issuers = [issuerOf(sight, secret, "client")];
  return [view(sight, { name, kind }, { authority, leafs: [facts], issuers, isWanted })];
}

function memberView(sight: CertificateSight, member: string, authority: CertificateFacts): readonly CertificateView[] {
  const { settings, secrets, maker } = sight;
  const name = memberSecretName(member);
  const secret = secrets.get(name);
  if (secret === undefined) return [];
  const wanted = [...new Set(memberHosts(settings, member).map(plainHost))].sort().join();
  const leafs = ["tls.crt", "peer.crt"].map((key) => maker.inspect(secretText(secret, key)));
  const isWanted = leafs.every(
    (facts) => facts !== undefined && hasWantedKey(sight, facts) && facts.hosts.join() === wanted,
  );
  const issuers = (["client", "peer"] as const).map((purpose) => issuerOf(sight, secret, purpose));
  return [view(sight, { name, kind: "Member" }, { authority, leafs, issuers, isWanted })];
}

function hasWantedKey({ settings }: CertificateSight, facts: CertificateFacts): boolean {
  return facts.algorithm === settings.spec.tls.certificates.keyAlgorithm;
}

function issuerOf({ maker, secrets, settings }: CertificateSight, secret: Secret, purpose: "client" | "peer"): Issuer {
  const leaf = purpose === "client" ? "tls" : "peer";
  const authority = secrets.get(authoritySecretName(settings.name));
  const pair = { certPem: secretText(secret, `${leaf}.crt`), keyPem: secretText(secret, `${leaf}.key`) };
  if (maker.isIssuedBy(pair, secretText(authority, AUTHORITY_KEYS[purpose].cert))) return "Current";
  return maker.isIssuedBy(pair, secretText(authority, AUTHORITY_STAGES.former[purpose].cert)) ? "Former" : undefined;
}

interface Leafs {
  readonly authority: CertificateFacts;
  /** Undefined: it cannot be read. */
  readonly leafs: readonly (CertificateFacts | undefined)[];
  readonly issuers: readonly Issuer[];
  /** They are as the spec asks. */
  readonly isWanted: boolean;
}

function view(
  { settings, secrets }: CertificateSight,
  base: Pick<CertificateView, "name" | "kind">,
  { authority, leafs, issuers, isWanted }: Leafs,
): CertificateView {
  const named = { ...base, issuer: authority.fingerprint };
  const readable = leafs.filter((facts) => facts !== undefined);
  if (readable.length < leafs.length) return { ...named, notAfterMs: AT_ONCE_MS, renewAtMs: AT_ONCE_MS };
  const notAfterMs = Math.min(...readable.map((facts) => facts.notAfterMs));
  // One that lasts as long as its authority gets no better by being issued again.
  const inTimeMs = notAfterMs >= authority.notAfterMs ? notAfterMs : renewAtMs(settings, notAfterMs);
  // Without the authorities' keys whose they are is not known, and nothing can be done about it.
  const isGood = (isWanted && !issuers.includes(undefined)) || authoritiesOf(settings, secrets) === undefined;
  const renewMs = isGood ? inTimeMs : AT_ONCE_MS;
  const common = { ...named, notAfterMs, renewAtMs: renewMs };
  return issuers.includes("Former") ? { ...common, isOfFormerAuthority: true } : common;
}
