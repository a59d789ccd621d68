import type { Claim } from "../kinds/index.ts";
import type { OwnerReference } from "../ports/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { clusterOwner, memberLabels } from "./object-metadata.ts";
import { memberClaimName } from "./object-names.ts";

/** The claim of a member's volume. */
export function memberClaim(settings: ClusterSettings, member: string): Claim {
  const { storage } = settings.spec;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: memberClaimName(member),
      namespace: settings.namespace,
      labels: { ...storage.labels, ...memberLabels(settings.name, member) },
      annotations: storage.annotations,
      ownerReferences: claimOwners(settings),
    },
    spec: {
      accessModes: [storage.accessMode],
      ...(storage.storageClassName === undefined ? {} : { storageClassName: storage.storageClassName }),
      resources: { requests: { storage: storage.size } },
    },
  };
}

/** Claims that are to outlive the cluster belong to nobody: the garbage collector leaves them alone. */
export function claimOwners(settings: ClusterSettings): readonly OwnerReference[] {
  return settings.spec.storage.whenDeleted === "Delete" ? [clusterOwner(settings)] : [];
}
