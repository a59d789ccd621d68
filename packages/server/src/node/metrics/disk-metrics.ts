import type { Gauge, Histogram, Metrics } from "@quorate/base";
import { exponentialBuckets } from "@quorate/base";

/** Log, backend and snapshot files. Times in seconds. */
export interface DiskMetrics {
  readonly walFsync: Histogram;
  readonly walWrite: Histogram;
  /** A gauge in etcd, though it only grows. */
  readonly walWriteBytes: Gauge;
  readonly backendCommit: Histogram;
  readonly backendDefrag: Histogram;
  readonly backendSnapshot: Histogram;
  readonly defragInflight: Gauge;
  /** Of a database file that a peer has sent. */
  readonly snapDbSaveTotal: Histogram;
  /** Bytes on disk. */
  readonly dbTotalSize: Gauge;
  /** Bytes on disk that hold data. */
  readonly dbTotalSizeInUse: Gauge;
}

/** Names and buckets are etcd's, so that its dashboards show the same quantities. */
export function diskMetrics(metrics: Metrics): DiskMetrics {
  const fromOneMs = exponentialBuckets(0.001, 2, 14);
  return {
    walFsync: metrics.histogram("etcd_disk_wal_fsync_duration_seconds", "Seconds a sync of the log took.", fromOneMs),
    walWrite: metrics.histogram("etcd_disk_wal_write_duration_seconds", "Seconds a write to the log took.", fromOneMs),
    walWriteBytes: metrics.gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the log."),
    backendCommit: metrics.histogram(
      "etcd_disk_backend_commit_duration_seconds",
      "Seconds a commit of the backend took.",
      fromOneMs,
    ),
    backendDefrag: metrics.histogram(
      "etcd_disk_backend_defrag_duration_seconds",
      "Seconds a defragmentation took.",
      exponentialBuckets(0.1, 2, 13),
    ),
    backendSnapshot: metrics.histogram(
      "etcd_disk_backend_snapshot_duration_seconds",
      "Seconds a snapshot of the backend took.",
      exponentialBuckets(0.01, 2, 17),
    ),
    defragInflight: metrics.gauge("etcd_disk_defrag_inflight", "1 while a defragmentation runs."),
    snapDbSaveTotal: metrics.histogram(
      "etcd_snap_db_save_total_duration_seconds",
      "Seconds taking in a database file from a peer took.",
      exponentialBuckets(0.1, 2, 10),
    ),
    dbTotalSize: metrics.gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes the database takes on disk."),
    dbTotalSizeInUse: metrics.gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes of the database that hold data."),
  };
}
