import {
  API_VERSION,
  backupWithDefaults,
  type Destination,
  type EtcdBackup,
  type EtcdBackupSpec,
  type EtcdCluster,
  type EtcdRestore,
  LABELS,
  withDefaults,
} from "../api/index.ts";
import { fingerprint } from "../manifests/template-hash.ts";
import { snapshotLabels } from "./backup-object.ts";

/** What a restore begins with, once it is found. */
export interface ArtifactRef {
  readonly destination: Destination;
  readonly key: string;
  readonly sha256: string | undefined;
  readonly backupName: string | undefined;
}

/** How far the revision of a store that is restored in place is raised unless the spec says otherwise. */
export const REVISION_BUMP_IN_PLACE = 1_000_000_000;

/** What is wrong with a restore's spec; undefined if nothing is. The API server knows the same rules where it knows CEL. */
export function restoreProblem({ spec }: EtcdRestore): string | undefined {
  const { backupName, object, survivor } = spec.source;
  const named = [backupName, object, survivor].filter((source) => source !== undefined);
  if (named.length !== 1) return "spec.source has to name exactly one of backupName, object and survivor";
  const isInPlace = spec.mode === "InPlace";
  if (survivor !== undefined && !isInPlace) return "a survivor's data is kept in place: spec.mode has to be InPlace";
  if (object !== undefined && (object.destination.s3 === undefined) === (object.destination.pvc === undefined)) {
    return "spec.source.object.destination has to name exactly one of s3 and pvc";
  }
  if (isInPlace && spec.confirm === undefined) return "spec.confirm has to be the cluster's present ID";
  if (isInPlace && survivor === undefined && spec.revisionBump === 0) {
    return "spec.revisionBump has to be above 0 in place: clients must not see revisions run backwards";
  }
  if (!isInPlace && spec.target.template === undefined && !spec.dryRun) {
    return "spec.target.template has to hold the spec of the cluster that is made";
  }
  return undefined;
}

/** How far the revision is raised. */
export function revisionBump({ spec }: EtcdRestore): number {
  if (spec.revisionBump !== undefined) return spec.revisionBump;
  return spec.mode === "InPlace" ? REVISION_BUMP_IN_PLACE : 0;
}

/** The backup that a restore in place takes of what is there, before anything is touched. */
export function preSnapshot(restore: EtcdRestore, artifact: ArtifactRef): EtcdBackup {
  const { name, namespace = "", uid = "" } = restore.metadata;
  const spec: Pick<EtcdBackupSpec, "clusterRef" | "destination"> = {
    clusterRef: { name: restore.spec.target.clusterName },
    destination: artifact.destination,
  };
  return backupWithDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdBackup",
    metadata: {
      name: preSnapshotName(name, uid),
      namespace,
      // No owner: it outlives the restore, being what one goes back to.
      labels: { ...snapshotLabels(restore.spec.target.clusterName), [LABELS.restore]: name },
    },
    spec: { ...spec, source: "Any", artifactPolicy: "Retain" },
  });
}

/** Name of the backup before a restore: of the restore's own identity, so that it is made once. */
export function preSnapshotName(restore: string, uid: string): string {
  const end = `-before-${fingerprint(uid).slice(0, 8)}`;
  return `${restore.slice(0, 63 - end.length)}${end}`;
}

/** The cluster that a restore makes. */
export function restoredCluster(restore: EtcdRestore, artifact: ArtifactRef): EtcdCluster {
  const { name, namespace = "" } = restore.metadata;
  const { clusterName, template } = restore.spec.target;
  const { destination, key, sha256 } = artifact;
  const object = { destination, key, ...(sha256 === undefined ? {} : { sha256 }) };
  return withDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdCluster",
    // No owner either: deleting the restore's record must not delete the cluster.
    metadata: { name: clusterName, namespace, labels: { [LABELS.restore]: name } },
    spec: {
      ...template,
      bootstrap: { ...template?.bootstrap, restoreFrom: { object, revisionBump: revisionBump(restore) } },
    },
  });
}

/** Whether a cluster is the one that this restore made. */
export function isMadeBy(cluster: EtcdCluster, restore: EtcdRestore, artifact: ArtifactRef | undefined): boolean {
  const from = cluster.spec.bootstrap.restoreFrom?.object;
  if (cluster.metadata.labels?.[LABELS.restore] !== restore.metadata.name) return false;
  return artifact === undefined ? from !== undefined : from?.key === artifact.key;
}
