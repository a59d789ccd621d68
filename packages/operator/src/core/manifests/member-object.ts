import { API_VERSION, type EtcdMember, LEAVE_FINALIZER } from "../api/index.ts";
import type { MemberJoin } from "../world/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { clusterOwner, memberLabels } from "./object-metadata.ts";
import { memberClaimName } from "./object-names.ts";

export interface MemberObjectOptions {
  readonly name: string;
  readonly serial: number;
  readonly join: MemberJoin;
  readonly recoveryEpoch: number;
}

/** The intent of a member, written before anything of it exists. */
export function memberObject(settings: ClusterSettings, options: MemberObjectOptions): EtcdMember {
  const { name, serial, join, recoveryEpoch } = options;
  return {
    apiVersion: API_VERSION,
    kind: "EtcdMember",
    metadata: {
      name,
      namespace: settings.namespace,
      labels: memberLabels(settings.name, name),
      finalizers: [LEAVE_FINALIZER],
      ownerReferences: [clusterOwner(settings)],
    },
    spec: {
      clusterName: settings.name,
      serial,
      seed: join !== "Existing",
      join,
      recoveryEpoch,
      desiredRole: "Voter",
      ...(settings.spec.storage.medium === "Memory" ? {} : { storageRef: { data: memberClaimName(name) } }),
    },
  };
}
