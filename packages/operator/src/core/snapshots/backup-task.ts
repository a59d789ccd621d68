import type { EtcdBackup, EtcdCluster, EtcdMember } from "../api/index.ts";
import { ANNOTATIONS, LABELS } from "../api/index.ts";
import { clientSecretName, memberHost } from "../manifests/object-names.ts";
import { CLIENT_PORT } from "../manifests/server-arguments.ts";
import type { SnapshotTask, TaskMember } from "./agent-task.ts";
import { backupTimeMs } from "./backup-object.ts";
import { rfc3339 } from "./utc-time.ts";

/** What the Job of a backup has to do. */
export function backupTask(backup: EtcdBackup, cluster: EtcdCluster, members: readonly EtcdMember[]): SnapshotTask {
  const { spec, metadata } = backup;
  const schedule = metadata.labels?.[LABELS.schedule];
  const hasTime = metadata.annotations?.[ANNOTATIONS.scheduledAt] !== undefined;
  const clusterId = cluster.status?.clusterID;
  return {
    kind: "snapshot",
    backup: { name: metadata.name, uid: metadata.uid ?? "" },
    ...(schedule === undefined || !hasTime
      ? {}
      : { schedule: { name: schedule, scheduledAt: rfc3339(backupTimeMs(backup)) } }),
    cluster: {
      namespace: cluster.metadata.namespace ?? "",
      name: cluster.metadata.name,
      uid: cluster.metadata.uid ?? "",
    },
    ...(clusterId === undefined ? {} : { clusterId }),
    members: membersOf(cluster, members),
    source: spec.source,
    destination: spec.destination,
    compression: spec.compression,
    level: spec.verification.level,
    timeoutSeconds: spec.timeoutSeconds,
  };
}

/** Secret with the certificate that the agent shows to members; undefined for clusters that clients reach without TLS. */
export function agentClientSecret(cluster: EtcdCluster): string | undefined {
  if (cluster.spec.tls.client.mode === "Disabled") return undefined;
  return cluster.status?.credentials?.clientSecretName ?? clientSecretName(cluster.metadata.name);
}

/** Members that may be asked, whatever state they were last seen in: the agent asks them itself. */
function membersOf(cluster: EtcdCluster, members: readonly EtcdMember[]): readonly TaskMember[] {
  const scheme = cluster.spec.tls.client.mode === "Disabled" ? "http" : "https";
  return members
    .filter(
      ({ spec, status }) => spec.desiredRole === "Voter" && status?.phase !== "Lost" && status?.phase !== "Removed",
    )
    .map(({ metadata, status }) => {
      const host = memberHost(cluster.metadata.name, metadata.namespace ?? "", metadata.name);
      return { name: metadata.name, clientUrl: status?.clientURL ?? `${scheme}://${host}:${CLIENT_PORT}` };
    });
}
