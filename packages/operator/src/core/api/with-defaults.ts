import type { KubeObject } from "../ports/index.ts";
import { clusterSpec } from "./cluster-spec.ts";
import { memberSpec } from "./member.ts";
import { restoreSpec } from "./restore.ts";
import { backupSpec, scheduleSpec } from "./schedule-spec.ts";
import { fillDefaults } from "./schema/defaults.ts";
import type { Schema } from "./schema/schema.ts";
import type {
  Custom,
  EtcdBackup,
  EtcdBackupSchedule,
  EtcdCluster,
  EtcdClusterInput,
  EtcdMember,
  EtcdRestore,
} from "./types.ts";

interface Sketch extends KubeObject {
  readonly spec?: object;
  readonly status?: object;
}

// Objects that the API server gives have their defaults already. Those that were stored before a field existed get its default there
// when they are read; these functions are for objects from elsewhere: tests, simulations, specs inside of other objects.

export function withDefaults(cluster: EtcdClusterInput): EtcdCluster {
  return filled<EtcdCluster>(clusterSpec, cluster);
}

export function memberWithDefaults(member: Sketch): EtcdMember {
  return filled<EtcdMember>(memberSpec, member);
}

export function backupWithDefaults(backup: Sketch): EtcdBackup {
  return filled<EtcdBackup>(backupSpec, backup);
}

export function scheduleWithDefaults(schedule: Sketch): EtcdBackupSchedule {
  return filled<EtcdBackupSchedule>(scheduleSpec, schedule);
}

export function restoreWithDefaults(restore: Sketch): EtcdRestore {
  return filled<EtcdRestore>(restoreSpec, restore);
}

function filled<T extends Custom<unknown, unknown>>(schema: Schema, object: Sketch): T {
  return { ...object, spec: fillDefaults(schema, object.spec ?? {}) } as unknown as T;
}
