import type { ConfigMap, Secret, ServiceAccount } from "../kinds/index.ts";
import type { KeyPair } from "../ports/index.ts";
import { base64FromText } from "./base64-text.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { type MemberIdentity, memberLabels, memberOwner, ownedByCluster } from "./object-metadata.ts";
import { authorityConfigMapName, authoritySecretName, memberSecretName } from "./object-names.ts";

/** The two authorities of a cluster: were they one, every client could act as a member. */
export interface ClusterAuthorities {
  readonly client: KeyPair;
  readonly peer: KeyPair;
}

export interface MemberCertificates {
  readonly server: KeyPair;
  readonly peer: KeyPair;
}

/** PEM; one certificate after the other where several authorities are trusted. */
export interface TrustedCertificates {
  readonly client: string;
  readonly peer: string;
}

/** The authorities as their Secret has them. Which of them are there says how far a change of them has come. */
export interface Authorities {
  /** They issue. */
  readonly current: ClusterAuthorities;
  /** They are trusted, and are to issue next. */
  readonly next: ClusterAuthorities | undefined;
  /** They have issued before, and are trusted still. */
  readonly former: ClusterAuthorities | undefined;
  /** Nobody is to trust them any more; kept to see that nobody does. */
  readonly dropped: ClusterAuthorities | undefined;
}

/** Keys of the authorities' Secret. */
export const AUTHORITY_KEYS = {
  client: { cert: "ca.crt", key: "ca.key" },
  peer: { cert: "peer-ca.crt", key: "peer-ca.key" },
} as const;

export type AuthorityStage = "current" | "next" | "former" | "dropped";

/** Keys of the authorities' Secret. All but the first are there only while the authorities change. */
export const AUTHORITY_STAGES: Readonly<Record<AuthorityStage, AuthorityKeys>> = {
  current: AUTHORITY_KEYS,
  next: keysWith("next-"),
  former: keysWith("former-"),
  dropped: keysWith("dropped-"),
};

interface AuthorityKeys {
  readonly client: { readonly cert: string; readonly key: string };
  readonly peer: { readonly cert: string; readonly key: string };
}

function keysWith(prefix: string): AuthorityKeys {
  const { client, peer } = AUTHORITY_KEYS;
  return {
    client: { cert: `${prefix}${client.cert}`, key: `${prefix}${client.key}` },
    peer: { cert: `${prefix}${peer.cert}`, key: `${prefix}${peer.key}` },
  };
}

/** Whose certificates are believed: of those that issue, are to issue, and have issued. */
export function trustedBy({ current, next, former }: Authorities): TrustedCertificates {
  const all = (purpose: "client" | "peer"): string =>
    [current[purpose].certPem, next?.[purpose].certPem ?? "", former?.[purpose].certPem ?? ""].join("");
  return { client: all("client"), peer: all("peer") };
}

export function authoritySecret(settings: ClusterSettings, { client, peer }: ClusterAuthorities): Secret {
  return secret(settings, authoritySecretName(settings.name), {
    [AUTHORITY_KEYS.client.cert]: client.certPem,
    [AUTHORITY_KEYS.client.key]: client.keyPem,
    [AUTHORITY_KEYS.peer.cert]: peer.certPem,
    [AUTHORITY_KEYS.peer.key]: peer.keyPem,
  });
}

/** Credentials of a client: the operator's own, or those published for users. */
export function clientSecret(settings: ClusterSettings, name: string, pair: KeyPair, authorityPem: string): Secret {
  return {
    ...secret(settings, name, { "ca.crt": authorityPem, "tls.crt": pair.certPem, "tls.key": pair.keyPem }),
    type: "kubernetes.io/tls",
  };
}

export function memberSecret(
  settings: ClusterSettings,
  member: MemberIdentity,
  { server, peer }: MemberCertificates,
  trusted: TrustedCertificates,
): Secret {
  const made = secret(settings, memberSecretName(member.name), {
    "ca.crt": trusted.client,
    "tls.crt": server.certPem,
    "tls.key": server.keyPem,
    "peer-ca.crt": trusted.peer,
    "peer.crt": peer.certPem,
    "peer.key": peer.keyPem,
  });
  const metadata = {
    ...made.metadata,
    labels: memberLabels(settings.name, member.name),
    ownerReferences: [memberOwner(member)],
  };
  return { ...made, metadata };
}

/** Name and password of etcd's root user. */
export function rootSecret(settings: ClusterSettings, name: string, password: string): Secret {
  return {
    ...secret(settings, name, { username: "root", password }),
    type: "kubernetes.io/basic-auth",
  };
}

/** What clients check members by; no secret. */
export function authorityConfigMap(settings: ClusterSettings, authorityPem: string): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: ownedByCluster(settings, authorityConfigMapName(settings.name)),
    data: { "ca.crt": authorityPem },
  };
}

/** Members ask nothing of the API server: an account without rights, whose token is not mounted. */
export function serviceAccount(settings: ClusterSettings): ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: ownedByCluster(settings, settings.name),
    automountServiceAccountToken: false,
  };
}

function secret(settings: ClusterSettings, name: string, data: Readonly<Record<string, string>>): Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: ownedByCluster(settings, name),
    type: "Opaque",
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64FromText(text)])),
  };
}
