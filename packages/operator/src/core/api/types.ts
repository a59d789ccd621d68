import type { KubeObject, ObjectMeta } from "../ports/index.ts";
import type { backupStatus, scheduleStatus, verificationResult } from "./backup-status.ts";
import type { EtcdClusterSpec, EtcdClusterSpecInput, EtcdClusterStatus } from "./cluster-types.ts";
import type { memberSpec, memberStatus } from "./member.ts";
import type { restoreSpec, restoreStatus } from "./restore.ts";
import type { backupSpec, scheduleSpec } from "./schedule-spec.ts";
import type { Given, Held } from "./schema/schema.ts";

/** An object of one of the operator's kinds. */
export interface Custom<Spec, Status> extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  /** Absent until the operator has first seen the object. */
  readonly status?: Status;
}

export type { EtcdClusterSpec, EtcdClusterSpecInput, EtcdClusterStatus };

export type EtcdMemberSpec = Held<typeof memberSpec>;
export type EtcdMemberStatus = Held<typeof memberStatus>;

export type EtcdBackupSpec = Held<typeof backupSpec>;
export type EtcdBackupSpecInput = Given<typeof backupSpec>;
export type EtcdBackupStatus = Held<typeof backupStatus>;
export type VerificationResult = Held<typeof verificationResult>;

export type EtcdBackupScheduleSpec = Held<typeof scheduleSpec>;
export type EtcdBackupScheduleSpecInput = Given<typeof scheduleSpec>;
export type EtcdBackupScheduleStatus = Held<typeof scheduleStatus>;

export type EtcdRestoreSpec = Held<typeof restoreSpec>;
export type EtcdRestoreSpecInput = Given<typeof restoreSpec>;
export type EtcdRestoreStatus = Held<typeof restoreStatus>;

export type EtcdCluster = Custom<EtcdClusterSpec, EtcdClusterStatus>;
export type EtcdMember = Custom<EtcdMemberSpec, EtcdMemberStatus>;
export type EtcdBackup = Custom<EtcdBackupSpec, EtcdBackupStatus>;
export type EtcdBackupSchedule = Custom<EtcdBackupScheduleSpec, EtcdBackupScheduleStatus>;
export type EtcdRestore = Custom<EtcdRestoreSpec, EtcdRestoreStatus>;

/** An EtcdCluster as it is written, before defaults. */
export interface EtcdClusterInput extends KubeObject {
  readonly spec?: EtcdClusterSpecInput;
  readonly status?: EtcdClusterStatus;
}
