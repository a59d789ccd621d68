import { API_VERSION, LABELS, MANAGED_BY } from "../api/index.ts";
import type { ObjectMeta, OwnerReference } from "../ports/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";

/** Owner of a member's own objects. */
export interface MemberIdentity {
  readonly name: string;
  readonly uid: string;
}

/** Labels of everything that belongs to a cluster. */
export function clusterLabels(cluster: string): Readonly<Record<string, string>> {
  return {
    [LABELS.name]: "etcd",
    [LABELS.instance]: cluster,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.cluster]: cluster,
  };
}

export function memberLabels(cluster: string, member: string): Readonly<Record<string, string>> {
  return { ...clusterLabels(cluster), [LABELS.member]: member };
}

/** Labels by which all Pods of a cluster's members are found; Jobs of its snapshots lack the second. */
export function memberSelector(cluster: string): { matchLabels: object; matchExpressions: readonly object[] } {
  return {
    matchLabels: { [LABELS.cluster]: cluster },
    matchExpressions: [{ key: LABELS.member, operator: "Exists" }],
  };
}

export function clusterOwner({ name, uid }: Pick<ClusterSettings, "name" | "uid">): OwnerReference {
  return { apiVersion: API_VERSION, kind: "EtcdCluster", name, uid, controller: true, blockOwnerDeletion: true };
}

export function memberOwner({ name, uid }: MemberIdentity): OwnerReference {
  return { apiVersion: API_VERSION, kind: "EtcdMember", name, uid, controller: true, blockOwnerDeletion: true };
}

/** Metadata of an object that lives and dies with the cluster. */
export function ownedByCluster(settings: ClusterSettings, name: string): ObjectMeta {
  const { namespace } = settings;
  return { name, namespace, labels: clusterLabels(settings.name), ownerReferences: [clusterOwner(settings)] };
}
