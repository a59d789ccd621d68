import {
  ANNOTATIONS,
  AUTHORITY_STAGES,
  type Authorities,
  type AuthorityStage,
  authoritySecretName,
  type CertificateView,
  type ClusterAuthorities,
  type ClusterSettings,
  type EtcdCluster,
  type RotationView,
  type Secret,
  textFromBase64,
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
  const current = authoritiesAt(secret, "current");
  if (current === undefined) return undefined;
  return {
    current,
    next: authoritiesAt(secret, "next"),
    former: authoritiesAt(secret, "former"),
    dropped: authoritiesAt(secret, "dropped"),
  };
}

function authoritiesAt(secret: Secret | undefined, stage: AuthorityStage): ClusterAuthorities | undefined {
  const pair = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({
    certPem: secretText(secret, cert),
    keyPem: secretText(secret, key),
  });
  const [client, peer] = [pair(AUTHORITY_STAGES[stage].client), pair(AUTHORITY_STAGES[stage].peer)];
  return client.certPem && client.keyPem && peer.certPem && peer.keyPem ? { client, peer } : undefined;
}

export interface RotationSight {
  readonly cluster: EtcdCluster;
  readonly settings: ClusterSettings;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly certificates: readonly CertificateView[];
  readonly nowMs: number;
}

/** How far a change of the authorities has come, by what their Secret holds; or whether one is due, or asked for by annotation. */
export function rotationView(sight: RotationSight): RotationView | undefined {
  const { cluster, settings, secrets, certificates, nowMs } = sight;
  const authorities = authoritiesOf(settings, secrets);
  // Without their keys nothing can be issued: that is told elsewhere.
  if (authorities === undefined) return undefined;
  const { annotations, creationTimestamp } = secrets.get(authoritySecretName(settings.name))?.metadata ?? {};
  const sinceMs = Date.parse(annotations?.[ANNOTATIONS.authoritiesChangedAt] ?? creationTimestamp ?? "") || 0;
  if (authorities.next !== undefined) return { phase: "TrustNew", sinceMs };
  if (authorities.former !== undefined) return { phase: "Reissue", sinceMs };
  if (authorities.dropped !== undefined) return { phase: "DropOld", sinceMs };
  const asked = cluster.metadata.annotations?.[ANNOTATIONS.rotateAuthorities] ?? "";
  const isAsked = asked !== "" && asked !== annotations?.[ANNOTATIONS.authoritiesRotatedFor];
  const isDue = certificates.some(({ kind, renewAtMs }) => kind === "CA" && renewAtMs <= nowMs);
  return isAsked || isDue ? { phase: "Asked", sinceMs: 0 } : undefined;
}
