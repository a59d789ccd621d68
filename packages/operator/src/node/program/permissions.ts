import {
  CLAIMS,
  CONFIG_MAPS,
  DISRUPTION_BUDGETS,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  NODES,
  POD_MONITORS,
  PODS,
  type Resource,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  STORAGE_CLASSES,
} from "../../core/index.ts";
import { EVENTS } from "../runtime/event-recorder.ts";
import { LEASES } from "../runtime/lease-election.ts";

export type Verb = "get" | "list" | "watch" | "create" | "patch" | "update" | "delete";

/** A right that the operator's program uses. The chart's roles give these and no others; tests hold both together. */
export interface Permission {
  readonly resource: Resource;
  readonly subresource?: string;
  readonly verbs: readonly Verb[];
  /** Where: in each namespace looked after, in the operator's own, or cluster-wide. */
  readonly scope: "watched" | "own" | "cluster";
  /** The chart's value that it may be taken away by. */
  readonly option?: "nodes" | "storageClasses" | "podMonitors";
}

export const JOBS: Resource = { apiVersion: "batch/v1", kind: "Job", plural: "jobs", namespaced: true };

const KINDS = [ETCD_BACKUPS, ETCD_BACKUP_SCHEDULES, ETCD_CLUSTERS, ETCD_MEMBERS, ETCD_RESTORES] as const;
const ALL: readonly Verb[] = ["create", "delete", "get", "list", "patch", "watch"];
/** What is made from the cluster's spec is compared with the cache, which lists and watches it. */
const DERIVED: readonly Verb[] = ["create", "delete", "list", "patch", "watch"];

export const PERMISSIONS: readonly Permission[] = [
  // Applying an object that is not there is asked for as `create` too.
  ...[CONFIG_MAPS, SERVICE_ACCOUNTS, SERVICES, DISRUPTION_BUDGETS].map(
    (resource): Permission => ({ resource, verbs: DERIVED, scope: "watched" }),
  ),
  ...[CLAIMS, PODS].map((resource): Permission => ({ resource, verbs: ALL, scope: "watched" })),
  { resource: PODS, subresource: "eviction", verbs: ["create"], scope: "watched" },
  // By name only: who may list Secrets may read them all.
  { resource: SECRETS, verbs: ["create", "delete", "get", "patch"], scope: "watched" },
  { resource: JOBS, verbs: ["create", "delete", "get", "list", "watch"], scope: "watched" },
  { resource: ETCD_BACKUPS, verbs: ALL, scope: "watched" },
  { resource: ETCD_MEMBERS, verbs: ALL, scope: "watched" },
  { resource: ETCD_BACKUP_SCHEDULES, verbs: ["create", "get", "list", "patch", "watch"], scope: "watched" },
  ...[ETCD_CLUSTERS, ETCD_RESTORES].map(
    (resource): Permission => ({ resource, verbs: ["create", "get", "list", "watch"], scope: "watched" }),
  ),
  ...KINDS.map((resource): Permission => ({ resource, subresource: "status", verbs: ["patch"], scope: "watched" })),
  // Never requested: asked of who sets an owner that blocks its own deletion, where the API server enforces that.
  ...KINDS.map(
    (resource): Permission => ({ resource, subresource: "finalizers", verbs: ["update"], scope: "watched" }),
  ),
  { resource: EVENTS, verbs: ["create", "patch"], scope: "watched" },
  {
    resource: POD_MONITORS,
    verbs: ["create", "delete", "get", "patch"],
    scope: "watched",
    option: "podMonitors",
  },
  { resource: LEASES, verbs: ["create", "get", "patch"], scope: "own" },
  { resource: NODES, verbs: ["list", "watch"], scope: "cluster", option: "nodes" },
  { resource: STORAGE_CLASSES, verbs: ["get"], scope: "cluster", option: "storageClasses" },
];
