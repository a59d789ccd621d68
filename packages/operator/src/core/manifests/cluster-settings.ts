import type { EtcdCluster, EtcdClusterSpec } from "../api/index.ts";
import { isAtLeast, parseVersion, type ServerVersion } from "./server-version.ts";

/** What of the operator's own set-up goes into manifests. */
export interface ManifestDefaults {
  /** Image of the operator, which the init container runs. */
  readonly operatorImage: string;
  /** Repository of the server's image where a cluster names none. */
  readonly serverImageRepository: string;
  /** Version where neither a cluster's spec nor its status names one. */
  readonly defaultServerVersion: string;
  readonly clusterDomain: string;
}

/** A cluster's spec with everything decided that it leaves open. Manifests are made from this alone. */
export interface ClusterSettings {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly spec: EtcdClusterSpec;
  readonly version: string;
  /** Undefined for versions that are no `major.minor.patch`; then flags are those of the newest. */
  readonly serverVersion: ServerVersion | undefined;
  readonly image: string;
  readonly operatorImage: string;
  readonly command: readonly string[];
  readonly clusterDomain: string;
  readonly clusterToken: string;
  readonly hasPeerTls: boolean;
  readonly hasClientTls: boolean;
}

/** Last part of a repository whose program is called `etcd`. */
const ETCD_REPOSITORY = /(?:^|\/)etcd$/;

export function clusterSettings(cluster: EtcdCluster, defaults: ManifestDefaults): ClusterSettings {
  const { spec, status, metadata } = cluster;
  const [namespace, uid] = [metadata.namespace ?? "default", metadata.uid ?? ""];
  const repository = spec.image.repository ?? defaults.serverImageRepository;
  // The version that a cluster runs stays when the operator's default moves on, and when a change that does not come up is taken back.
  const version = spec.version ?? status?.version?.current ?? defaults.defaultServerVersion;
  return {
    name: metadata.name,
    namespace,
    uid,
    spec,
    version,
    serverVersion: parseVersion(version),
    image: imageOf(repository, version, spec.image.digest),
    operatorImage: defaults.operatorImage,
    command: spec.image.command ?? (ETCD_REPOSITORY.test(repository) ? ["etcd"] : ["quorate"]),
    clusterDomain: spec.clusterDomain ?? defaults.clusterDomain,
    // Two clusters of one name, one after the other, must not take each other for the same.
    clusterToken: status?.clusterToken ?? `${namespace}-${metadata.name}-${uid}`,
    hasPeerTls: spec.tls.peer.mode !== "Disabled",
    hasClientTls: spec.tls.client.mode !== "Disabled",
  };
}

/** True if the server is `version` or newer; versions that cannot be read count as newest. */
export function serverHas({ serverVersion }: ClusterSettings, version: ServerVersion): boolean {
  return serverVersion === undefined || isAtLeast(serverVersion, version);
}

/** Images of etcd's own project have a `v` in front of the version. */
function imageOf(repository: string, version: string, digest: string | undefined): string {
  const tag = ETCD_REPOSITORY.test(repository) ? `v${version}` : version;
  return `${repository}:${tag}${digest === undefined ? "" : `@${digest}`}`;
}
