import { Gauge, type Registry } from "prom-client";
import {
  BACKUP_METRICS,
  type BackupSample,
  backupSamples,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  type KubeReader,
  LABELS,
} from "../../core/index.ts";

const PREFIX = "quorate_operator_";
const COMMON = ["namespace", "cluster", "schedule"];
/** One scrape asks for all metrics at once; they share what was read. */
const SHARED_MS = 1000;

/**
 * Adds the metrics of backups, which are computed from the custom resources in the cache whenever metrics are asked for. `isActive` says
 * whether this process has a cache; without one there is nothing to tell.
 */
export function registerBackupMetrics(
  registry: Registry,
  {
    cache,
    nowMs,
    isActive,
  }: { readonly cache: KubeReader; readonly nowMs: () => number; readonly isActive: () => boolean },
): void {
  let read: { readonly atMs: number; readonly samples: Promise<readonly BackupSample[]> } | undefined;
  const samples = (): Promise<readonly BackupSample[]> => {
    const now = nowMs();
    if (read === undefined || Math.abs(now - read.atMs) > SHARED_MS)
      read = { atMs: now, samples: readSamples(cache, now) };
    return read.samples;
  };
  for (const metric of Object.values(BACKUP_METRICS)) {
    new Gauge({
      name: `${PREFIX}${metric.name}`,
      help: metric.help,
      labelNames: [...COMMON, ...metric.labels],
      registers: [registry],
      async collect() {
        this.reset();
        if (!isActive()) return;
        for (const sample of await samples()) {
          if (sample.metric === metric) this.set({ ...sample.labels }, sample.value);
        }
      },
    });
  }
}

async function readSamples(cache: KubeReader, nowMs: number): Promise<readonly BackupSample[]> {
  try {
    const samples: BackupSample[] = [];
    for (const schedule of await cache.list(ETCD_BACKUP_SCHEDULES, "")) {
      const { name, namespace = "" } = schedule.metadata;
      const backups = await cache.list(ETCD_BACKUPS, namespace, { [LABELS.schedule]: name });
      const cluster = await cache.get(ETCD_CLUSTERS, { namespace, name: schedule.spec.clusterRef.name });
      samples.push(...backupSamples(schedule, backups, cluster, nowMs));
    }
    return samples;
  } catch {
    // Before the caches are filled there is nothing to tell; other metrics must not fail for that.
    return [];
  }
}
