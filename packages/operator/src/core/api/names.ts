/** Names that other people's tools see: they stay as they are once objects carry them. */
export const GROUP = "etcd.quorate.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** Value of `app.kubernetes.io/managed-by`, and the field manager of what the operator applies. */
export const MANAGED_BY = "quorate-operator";

export const LABELS = {
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  managedBy: "app.kubernetes.io/managed-by",
  /** Name of the EtcdCluster; on everything that belongs to one. */
  cluster: `${GROUP}/cluster`,
  /** Name of the EtcdMember; on its Pod, its claim and its Secret. */
  member: `${GROUP}/member`,
  /** "true" on the Pods of voters: the disruption budget selects by it. */
  voter: `${GROUP}/voter`,
  /** "true" on Pods that clients may reach: the client Service selects by it. */
  serving: `${GROUP}/serving`,
  /** Which wish a Pod was made from. */
  templateHash: `${GROUP}/template-hash`,
  /** "true" on claims that were taken out of their cluster and kept. */
  retired: `${GROUP}/retired`,
  /** Name of the EtcdBackupSchedule that made a backup. */
  schedule: `${GROUP}/schedule`,
  /** Name of the EtcdBackup that a Job works for. */
  backup: `${GROUP}/backup`,
  /** Name of the EtcdRestore that a Job works for, or a claim was retired by. */
  restore: `${GROUP}/restore`,
  /** On an EtcdBackup: retention never deletes it. */
  keep: `${GROUP}/keep`,
} as const;

export const ANNOTATIONS = {
  /** "true" pauses an EtcdCluster, as `spec.paused` does. */
  pause: `${GROUP}/pause`,
  /** The identity latch: cluster ID, in hexadecimal, on claims and on the CA's Secret. */
  clusterId: `${GROUP}/cluster-id`,
  /** "true" on a Pod whose member has joined: it must find its data from then on. */
  joined: `${GROUP}/joined`,
  /** On an EtcdBackup that a schedule made: the time that it was due at. */
  scheduledAt: `${GROUP}/scheduled-at`,
  /** On an EtcdBackup that a schedule made: not begun by then, it fails. */
  startDeadline: `${GROUP}/start-deadline`,
  /** "true" on an EtcdBackup whose artifact was deleted: nothing has to be done before the object goes. */
  artifactDeleted: `${GROUP}/artifact-deleted`,
  /** Template hash that the user lets the leader be moved for (`updateStrategy.leader: Supervised`). */
  approveLeaderUpdate: `${GROUP}/approve-leader-update`,
  /** On an EtcdCluster, by the user: each new value asks once for new authorities. */
  rotateAuthorities: `${GROUP}/rotate-authorities`,
  /** On the CA's Secret: the last value of that kind that was served. */
  authoritiesRotatedFor: `${GROUP}/authorities-rotated-for`,
  /** On the CA's Secret: when the change of the authorities took its last step. */
  authoritiesChangedAt: `${GROUP}/authorities-changed-at`,
  /** On Secrets with certificates: when these, or what they tell to trust, were changed. */
  credentialsChangedAt: `${GROUP}/credentials-changed-at`,
} as const;

/** On every EtcdMember, so that deleting one makes its member leave etcd first. */
export const LEAVE_FINALIZER = `${GROUP}/leave-before-delete`;

/** On an EtcdBackup whose artifact is to be deleted with it. */
export const ARTIFACT_FINALIZER = `${GROUP}/delete-artifact`;
