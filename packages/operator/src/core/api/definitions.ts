import { backupStatus, scheduleStatus } from "./backup-status.ts";
import { clusterSpec } from "./cluster-spec.ts";
import { clusterStatus } from "./cluster-status.ts";
import type { EtcdClusterSpec, EtcdClusterStatus } from "./cluster-types.ts";
import { memberSpec, memberStatus } from "./member.ts";
import { ETCD_BACKUP_SCHEDULES, ETCD_BACKUPS, ETCD_CLUSTERS, ETCD_MEMBERS, ETCD_RESTORES } from "./resources.ts";
import { restoreSpec, restoreStatus } from "./restore.ts";
import { isSameJson } from "./same-json.ts";
import { backupSpec, scheduleSpec } from "./schedule-spec.ts";
import { rule, transition } from "./schema/build.ts";
import type { Rule, Schema } from "./schema/schema.ts";

/** One kind of object: all that its resource definition is made from. */
export interface KindDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Schema;
  readonly status: Schema;
  /** Over the whole object, of whose metadata they see the name alone. */
  readonly rules: readonly Rule[];
  readonly columns: readonly Column[];
  readonly isScalable: boolean;
}

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "date" | "boolean";
  readonly path: string;
  readonly description: string;
  /** Shown only by `-o wide`. */
  readonly isWide: boolean;
}

const column = (name: string, path: string, description: string, type: Column["type"] = "string"): Column => ({
  name,
  type,
  path,
  description,
  isWide: false,
});

const wide = (name: string, path: string, description: string): Column => ({
  ...column(name, path, description),
  isWide: true,
});

const age = column("Age", ".metadata.creationTimestamp", "Since when there is this object.", "date");

interface WholeCluster {
  readonly metadata: { readonly name: string };
  readonly spec: EtcdClusterSpec;
  readonly status?: EtcdClusterStatus;
}

const NAME = "^[a-z]([-a-z0-9]{0,42}[a-z0-9])?$";

const clusterRules: readonly Rule<WholeCluster>[] = [
  rule(
    `self.metadata.name.matches('${NAME}')`,
    "the name must have at most 44 small letters, digits and dashes and begin with a letter: Services and members are named after it",
    ({ metadata }) => new RegExp(NAME).test(metadata.name),
  ),
  transition(
    "!has(oldSelf.status) || !has(oldSelf.status.clusterID) || self.spec.bootstrap == oldSelf.spec.bootstrap",
    "spec.bootstrap cannot be changed once the cluster has its ID",
    (self, old) => old.status?.clusterID === undefined || isSameJson(self.spec.bootstrap, old.spec.bootstrap),
  ),
];

export const CLUSTER_DEFINITION: KindDefinition = {
  ...ETCD_CLUSTERS,
  // Not also `etcd`: that is the category, and `kubectl get etcd NAME` would then mean all kinds of it and be refused.
  shortNames: ["ec"],
  description: "A cluster of Quorate or etcd members.",
  spec: clusterSpec,
  status: clusterStatus,
  rules: clusterRules as readonly Rule<never>[] as readonly Rule[],
  columns: [
    column("Ready", ".status.ready", "Ready members of wanted ones."),
    column("Quorum", ".status.conditions[?(@.type=='QuorumHealthy')].status", "Whether a majority is healthy."),
    column("Leader", ".status.leader.member", "The leader."),
    column("Version", ".status.version.current", "Lowest version that runs."),
    column("DB", ".status.database.size", "Size of the largest store."),
    column("Backup", ".status.backup.lastSuccessfulTime", "Age of the newest backup.", "date"),
    column("Status", ".status.phase", "What is being done."),
    age,
    wide("Revision", ".status.revision", "Revision of the store."),
    wide("ClusterID", ".status.clusterID", "ID of the cluster."),
    wide("Target", ".status.version.target", "Version that members are brought to."),
    wide("Message", ".status.message", "What is being waited for."),
  ],
  isScalable: true,
};

export const MEMBER_DEFINITION: KindDefinition = {
  ...ETCD_MEMBERS,
  shortNames: ["em"],
  description: "One member of an EtcdCluster. The operator writes it; deleting one replaces that member.",
  spec: memberSpec,
  status: memberStatus,
  rules: [],
  columns: [
    column("Cluster", ".spec.clusterName", "Its cluster."),
    column("ID", ".status.memberID", "Its ID in etcd."),
    column("Role", ".status.role", "Its role in etcd."),
    column("Ready", ".status.ready", "Whether its Pod is ready.", "boolean"),
    column("Node", ".status.nodeName", "Its node."),
    column("Version", ".status.version", "Version of its server."),
    column("DB", ".status.dbSize", "Size of its store."),
    column("Phase", ".status.phase", "Where it is in its life."),
    age,
  ],
  isScalable: false,
};

export const BACKUP_DEFINITION: KindDefinition = {
  ...ETCD_BACKUPS,
  shortNames: ["eb"],
  description: "One snapshot of an EtcdCluster, and its verification.",
  spec: backupSpec,
  status: backupStatus,
  rules: [],
  columns: [
    column("Cluster", ".spec.clusterRef.name", "Its cluster."),
    column("Phase", ".status.phase", "How far it is."),
    column("Revision", ".status.revision", "Revision of the snapshot."),
    column("Size", ".status.size", "Size before compression."),
    column("Verified", ".status.conditions[?(@.type=='Verified')].status", "Whether it was checked."),
    column("Duration", ".status.durationSeconds", "Seconds from beginning to end.", "integer"),
    age,
    wide("Location", ".status.location", "Where the artifact is."),
    wide("Message", ".status.message", "What is being waited for, or what went wrong."),
  ],
  isScalable: false,
};

export const SCHEDULE_DEFINITION: KindDefinition = {
  ...ETCD_BACKUP_SCHEDULES,
  shortNames: ["ebs"],
  description: "Backups of an EtcdCluster by the clock, how long they are kept, and how they are checked.",
  spec: scheduleSpec,
  status: scheduleStatus,
  rules: [],
  columns: [
    column("Cluster", ".spec.clusterRef.name", "Its cluster."),
    column("Schedule", ".spec.schedule", "When backups are taken."),
    column("Suspend", ".spec.suspend", "Whether none is begun.", "boolean"),
    column("Last", ".status.lastSuccessfulTime", "Age of the newest backup.", "date"),
    column("Verified", ".status.lastVerifiedTime", "Age of the newest verification.", "date"),
    column("Next", ".status.nextScheduleTime", "When the next one is due."),
    column("Kept", ".status.kept.total", "Backups that are kept.", "integer"),
    age,
  ],
  isScalable: false,
};

export const RESTORE_DEFINITION: KindDefinition = {
  ...ETCD_RESTORES,
  shortNames: ["er"],
  description: "A restore into a new cluster or into the one there is, or a recovery of a quorum that is lost.",
  spec: restoreSpec,
  status: restoreStatus,
  rules: [],
  columns: [
    column("Cluster", ".spec.target.clusterName", "The cluster."),
    column("Mode", ".spec.mode", "Into a new cluster or in place."),
    column("Phase", ".status.phase", "How far it is."),
    column("Revision", ".status.restoredRevision", "Revision of the data."),
    age,
    wide("Message", ".status.message", "What is being waited for, or what went wrong."),
  ],
  isScalable: false,
};

export const DEFINITIONS: readonly KindDefinition[] = [
  CLUSTER_DEFINITION,
  MEMBER_DEFINITION,
  BACKUP_DEFINITION,
  SCHEDULE_DEFINITION,
  RESTORE_DEFINITION,
];
