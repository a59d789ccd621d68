// The parts of the operator's objects that the plugin reads. Everything may be absent: the operator may not have seen the object yet.

export const API_VERSION = "etcd.quorate.dev/v1alpha1";
/** Resources by their full names: other operators have an EtcdCluster too. */
export const CLUSTERS = "etcdclusters.etcd.quorate.dev";
export const MEMBERS = "etcdmembers.etcd.quorate.dev";
export const BACKUPS = "etcdbackups.etcd.quorate.dev";
export const SCHEDULES = "etcdbackupschedules.etcd.quorate.dev";
export const RESTORES = "etcdrestores.etcd.quorate.dev";

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly creationTimestamp?: string;
  readonly generation?: number;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

export interface List<T> {
  readonly items: readonly T[];
}

export interface ClusterMember {
  readonly name: string;
  readonly id?: string;
  readonly phase?: string;
  readonly role?: string;
  readonly ready?: boolean;
  readonly node?: string;
  readonly version?: string;
  readonly dbSize?: number;
  readonly lag?: number;
  readonly alarms?: readonly string[];
  readonly message?: string;
}

export interface Survivor {
  readonly member: string;
  readonly pod?: string;
  readonly node?: string;
  readonly volume?: string;
  readonly dataValid?: string;
  readonly raftTerm?: number;
  readonly raftIndex?: number;
  readonly lastSeen?: string;
}

export interface Cluster {
  readonly metadata: Metadata;
  readonly spec: { readonly replicas?: number; readonly tls?: { readonly client?: { readonly mode?: string } } };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly ready?: string;
    readonly clusterID?: string;
    readonly revision?: string;
    readonly lastObservedTime?: string;
    readonly quorum?: { readonly required?: number; readonly healthy?: number; readonly tolerates?: number };
    readonly leader?: { readonly member?: string };
    readonly version?: { readonly current?: string; readonly target?: string };
    readonly database?: { readonly size?: string; readonly quotaPercent?: number };
    readonly members?: readonly ClusterMember[];
    readonly survivors?: readonly Survivor[];
    readonly operation?: { readonly type?: string; readonly member?: string; readonly startedAt?: string };
    readonly backup?: {
      readonly lastSuccessfulTime?: string;
      readonly lastVerifiedTime?: string;
      readonly nextTime?: string;
    };
    readonly endpoints?: { readonly service?: string };
    readonly credentials?: { readonly clientSecretName?: string; readonly rootSecretName?: string };
    readonly conditions?: readonly Condition[];
  };
}

export interface Backup {
  readonly metadata: Metadata;
  readonly spec: { readonly clusterRef: { readonly name: string } };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly revision?: string;
    readonly size?: string;
    readonly location?: string;
    readonly completedAt?: string;
    readonly conditions?: readonly Condition[];
  };
}

export interface Schedule {
  readonly metadata: Metadata;
  readonly spec: { readonly template: Readonly<Record<string, unknown>> };
}

export interface Restore {
  readonly metadata: Metadata;
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly restoredRevision?: string;
    readonly bumpedTo?: string;
    readonly newClusterID?: string;
  };
}

export interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/** Value of a Secret, decoded; undefined if it has none of this name. */
export function secretText(secret: Secret, name: string): string | undefined {
  const value = secret.data?.[name];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
}
