import { API_VERSION, type EtcdBackupSchedule, scheduleWithDefaults } from "../api/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { ownedByCluster } from "./object-metadata.ts";

/** The schedule that `spec.backup` is short for; undefined if there is none. */
export function backupSchedule(settings: ClusterSettings): EtcdBackupSchedule | undefined {
  const { backup } = settings.spec;
  if (backup === undefined) return undefined;
  const { schedule, timeZone, suspend, retention, verification, staleAfter, destination, compression } = backup;
  return scheduleWithDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdBackupSchedule",
    metadata: ownedByCluster(settings, settings.name),
    spec: {
      clusterRef: { name: settings.name },
      schedule,
      timeZone,
      suspend,
      retention,
      verification: { drill: verification.drill },
      ...(staleAfter === undefined ? {} : { staleAfter }),
      template: { destination, compression, verification: { level: verification.level } },
    },
  });
}
