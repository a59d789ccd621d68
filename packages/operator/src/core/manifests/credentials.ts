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

/** Keys of the authorities' Secret. */
export const AUTHORITY_KEYS = {
  client: { cert: "ca.crt", key: "ca.key" },
  peer: { cert: "peer-ca.crt", key: "peer-ca.key" },
} as const;

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
  authorities: { readonly client: string; readonly peer: string },
): Secret {
  const made = secret(settings, memberSecretName(member.name), {
    "ca.crt": authorities.client,
    "tls.crt": server.certPem,
    "tls.key": server.keyPem,
    "peer-ca.crt": authorities.peer,
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
