import {
  ANNOTATIONS,
  AUTHORITY_STAGES,
  type Authorities,
  type AuthorityStage,
  authoritySecretName,
  type CertificateMaker,
  type CertificateView,
  type ClusterAuthorities,
  type ClusterSettings,
  clientSecretName,
  type EtcdCluster,
  type RotationView,
  type Secret,
  textFromBase64,
  trustedBy,
} from "../../../core/index.ts";

/** "" if it is not there. */
export function secretText(secret: Secret | undefined, key: string): string {
  return textFromBase64(secret?.data?.[key] ?? "") ?? "";
}

/** The cluster's authorities, if the keys of those that issue are there. */
export function authoritiesOf(
  settings: ClusterSettings,
  secrets: ReadonlyMap<string, Secret>,
): Authorities | undefined {
  const secret = secrets.get(authoritySecretName(settings.name));
  const current = withKeys(authoritiesAt(secret, "current"));
  if (current === undefined) return undefined;
  return {
    current,
    next: withKeys(authoritiesAt(secret, "next")),
    // Their keys may have been taken away, as after a leak: what is trusted must not depend on it.
    former: authoritiesAt(secret, "former"),
    dropped: authoritiesAt(secret, "dropped"),
  };
}

/** Undefined without certificates. Keys that are not there are "". */
function authoritiesAt(secret: Secret | undefined, stage: AuthorityStage): ClusterAuthorities | undefined {
  const pair = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({
    certPem: secretText(secret, cert),
    keyPem: secretText(secret, key),
  });
  const [client, peer] = [pair(AUTHORITY_STAGES[stage].client), pair(AUTHORITY_STAGES[stage].peer)];
  return client.certPem && peer.certPem ? { client, peer } : undefined;
}

function withKeys(authorities: ClusterAuthorities | undefined): ClusterAuthorities | undefined {
  return authorities?.client.keyPem && authorities.peer.keyPem ? authorities : undefined;
}

export interface RotationSight {
  readonly cluster: EtcdCluster;
  readonly settings: ClusterSettings;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly certificates: readonly CertificateView[];
  readonly maker: CertificateMaker;
  readonly nowMs: number;
}

/** How far a change of the authorities has come, by what their Secret holds; or whether one is due, or asked for by annotation. */
export function rotationView(sight: RotationSight): RotationView | undefined {
  const { cluster, settings, secrets, certificates, nowMs } = sight;
  const authorities = authoritiesOf(settings, secrets);
  // Without their keys nothing can be issued, which is told elsewhere; without TLS nobody is shown anything.
  if (authorities === undefined || (!settings.hasClientTls && !settings.hasPeerTls)) return undefined;
  if (authorities.next !== undefined) return { phase: "TrustNew", sinceMs: publishedMs(sight, authorities) };
  if (authorities.former !== undefined) return { phase: "Reissue", sinceMs: publishedMs(sight, authorities) };
  if (authorities.dropped !== undefined) return { phase: "DropOld", sinceMs: publishedMs(sight, authorities) };
  const annotations = secrets.get(authoritySecretName(settings.name))?.metadata.annotations;
  const asked = cluster.metadata.annotations?.[ANNOTATIONS.rotateAuthorities] ?? "";
  const isAsked = asked !== "" && asked !== annotations?.[ANNOTATIONS.authoritiesRotatedFor];
  const isDue = certificates.some(({ kind, renewAtMs }) => kind === "CA" && renewAtMs <= nowMs);
  return isAsked || isDue ? { phase: "Asked", sinceMs: 0 } : undefined;
}

/** When the phase was there for clients to fetch; `nowMs` while it is not: an operator may die between the phase and its publication. */
function publishedMs({ settings, secrets, nowMs, maker }: RotationSight, authorities: Authorities): number {
  const { annotations } = secrets.get(authoritySecretName(settings.name))?.metadata ?? {};
  const begunMs = timeOf(annotations?.[ANNOTATIONS.authoritiesChangedAt]) ?? nowMs;
  if (!settings.hasClientTls) return begunMs;
  const published = secrets.get(clientSecretName(settings.name));
  if (published === undefined || !trustsAll(maker, secretText(published, "ca.crt"), trustedBy(authorities).client))
    return nowMs;
  return Math.max(begunMs, changedMs(published));
}

/** Since when a member's Secret has held all that it is to show and to believe, milliseconds since the epoch; undefined: it does not. */
export function filesSinceMs(
  secret: Secret,
  authorities: Authorities,
  maker: Pick<CertificateMaker, "split">,
): number | undefined {
  const { client, peer } = trustedBy(authorities);
  const [trusted, peerTrusted] = [secretText(secret, "ca.crt"), secretText(secret, "peer-ca.crt")];
  if (!trustsAll(maker, trusted, client) || !trustsAll(maker, peerTrusted, peer)) return undefined;
  const { dropped } = authorities;
  const isDropped = (pem: string, bundle: string): boolean => maker.split(bundle).includes(pem);
  if (dropped !== undefined && isDropped(dropped.client.certPem, trusted)) return undefined;
  if (dropped !== undefined && isDropped(dropped.peer.certPem, peerTrusted)) return undefined;
  return changedMs(secret);
}

function trustsAll(maker: Pick<CertificateMaker, "split">, bundle: string, wanted: string): boolean {
  const there = new Set(maker.split(bundle));
  return maker.split(wanted).every((pem) => there.has(pem));
}

/** When what is in a Secret was changed, milliseconds since the epoch. */
function changedMs({ metadata }: Secret): number {
  return timeOf(metadata.annotations?.[ANNOTATIONS.credentialsChangedAt]) ?? timeOf(metadata.creationTimestamp) ?? 0;
}

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
