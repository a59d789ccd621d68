import type { Resource } from "../ports/index.ts";
import { API_VERSION } from "./names.ts";
import type { EtcdBackup, EtcdBackupSchedule, EtcdCluster, EtcdMember, EtcdRestore } from "./types.ts";

export const ETCD_CLUSTERS: Resource<EtcdCluster> = {
  apiVersion: API_VERSION,
  kind: "EtcdCluster",
  plural: "etcdclusters",
  namespaced: true,
};

export const ETCD_MEMBERS: Resource<EtcdMember> = {
  apiVersion: API_VERSION,
  kind: "EtcdMember",
  plural: "etcdmembers",
  namespaced: true,
};

export const ETCD_BACKUPS: Resource<EtcdBackup> = {
  apiVersion: API_VERSION,
  kind: "EtcdBackup",
  plural: "etcdbackups",
  namespaced: true,
};

export const ETCD_BACKUP_SCHEDULES: Resource<EtcdBackupSchedule> = {
  apiVersion: API_VERSION,
  kind: "EtcdBackupSchedule",
  plural: "etcdbackupschedules",
  namespaced: true,
};

export const ETCD_RESTORES: Resource<EtcdRestore> = {
  apiVersion: API_VERSION,
  kind: "EtcdRestore",
  plural: "etcdrestores",
  namespaced: true,
};
