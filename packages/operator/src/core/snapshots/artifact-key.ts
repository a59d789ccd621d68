import { utcStamp } from "./utc-time.ts";

/** What an artifact's key is made of. */
export interface ArtifactIdentity {
  readonly namespace: string;
  readonly cluster: string;
  /** UID of the EtcdCluster: a cluster made anew under the same name has other keys. */
  readonly clusterUid: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  /** Decimal. */
  readonly revision: string;
  /** SHA-256 of the plain snapshot, in hexadecimal. */
  readonly sha256: string;
}

const SUFFIXES = { Gzip: ".db.gz", None: ".db" } as const;

/** Behind an artifact's key: its manifest, written last, the mark that it is whole. */
export const MANIFEST_SUFFIX = ".manifest.json";

/** Folder of all artifacts of one cluster, with a slash at its end. */
export function clusterFolder({
  namespace,
  cluster,
  clusterUid,
}: Pick<ArtifactIdentity, "namespace" | "cluster" | "clusterUid">): string {
  return `${namespace}/${cluster}/${clusterUid.slice(0, 8)}/`;
}

/**
 * Key of an artifact, relative to its destination: `namespace/cluster/uid/20260131T040500Z-1234-89abcdef.db.gz`. Never written twice: the
 * digest is part of it, so an equal key means equal bytes taken in the same second.
 */
export function artifactKey(identity: ArtifactIdentity, compression: "Gzip" | "None"): string {
  const stamp = utcStamp(identity.startedMs);
  return `${clusterFolder(identity)}${stamp}-${identity.revision}-${identity.sha256.slice(0, 8)}${SUFFIXES[compression]}`;
}

/** Key of an artifact's manifest. */
export function manifestKey(artifact: string): string {
  return `${artifact}${MANIFEST_SUFFIX}`;
}

/** The artifact that a manifest's key belongs to; undefined if it is no such key. */
export function artifactOfManifest(key: string): string | undefined {
  return key.endsWith(MANIFEST_SUFFIX) ? key.slice(0, -MANIFEST_SUFFIX.length) : undefined;
}

/** Whether a key has the form of an artifact's: nothing else in a store is ever touched. */
export function isArtifactKey(key: string): boolean {
  return /(^|\/)[0-9]{8}T[0-9]{6}Z-[0-9]+-[0-9a-f]{8}\.db(\.gz)?$/.test(key);
}
