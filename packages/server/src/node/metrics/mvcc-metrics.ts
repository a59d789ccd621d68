import type { Counter, Gauge, Histogram, Metrics } from "@quorate/base";
import { exponentialBuckets } from "@quorate/base";

/** Store, watches and leases. */
export interface MvccMetrics {
  readonly range: Counter;
  readonly put: Counter;
  readonly deleteRange: Counter;
  readonly txn: Counter;
  readonly keys: Gauge;
  readonly currentRevision: Gauge;
  readonly compactRevision: Gauge;
  /** Sum of the bytes of keys and values put. */
  readonly totalPutBytes: Gauge;
  readonly openReadTransactions: Gauge;
  /** Seconds. */
  readonly hash: Histogram;
  /** Seconds. */
  readonly hashRev: Histogram;

  readonly watchStreams: Gauge;
  readonly watchers: Gauge;
  /** Watchers that lag. */
  readonly slowWatchers: Gauge;
  readonly events: Counter;
  readonly pendingEvents: Gauge;

  /** Milliseconds of one pause by the index. */
  readonly indexCompactionPause: Histogram;
  /** Milliseconds of one slice. */
  readonly dbCompactionPause: Histogram;
  /** Milliseconds of a whole revision compaction. */
  readonly dbCompactionTotal: Histogram;
  /** Unix seconds of the last one; 0 before the first. */
  readonly dbCompactionLast: Gauge;
  readonly dbCompactionKeys: Counter;

  readonly leaseGranted: Counter;
  readonly leaseRevoked: Counter;
  readonly leaseRenewed: Counter;
  readonly leaseExpired: Counter;
  /** Seconds of granted TTLs. */
  readonly leaseTtl: Histogram;
}

/** Names and buckets are etcd's. */
export function mvccMetrics(metrics: Metrics): MvccMetrics {
  const hashSeconds = exponentialBuckets(0.01, 2, 15);
  return {
    range: metrics.counter("etcd_mvcc_range_total", "Ranges read from the store."),
    put: metrics.counter("etcd_mvcc_put_total", "Puts applied."),
    deleteRange: metrics.counter("etcd_mvcc_delete_total", "Range deletions applied."),
    txn: metrics.counter("etcd_mvcc_txn_total", "Transactions of more than one operation."),
    keys: metrics.gauge("etcd_debugging_mvcc_keys_total", "Live keys."),
    currentRevision: metrics.gauge("etcd_debugging_mvcc_current_revision", "Current revision of the store."),
    compactRevision: metrics.gauge("etcd_debugging_mvcc_compact_revision", "Last compacted revision of the store."),
    totalPutBytes: metrics.gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes of all keys and values put."),
    openReadTransactions: metrics.gauge("etcd_mvcc_db_open_read_transactions", "Open read transactions."),
    hash: metrics.histogram("etcd_mvcc_hash_duration_seconds", "Seconds hashing the backend took.", hashSeconds),
    hashRev: metrics.histogram(
      "etcd_mvcc_hash_rev_duration_seconds",
      "Seconds hashing the keys at a revision took.",
      hashSeconds,
    ),
    ...watchMetrics(metrics),
    ...compactionMetrics(metrics),
    ...leaseMetrics(metrics),
  };
}

type WatchNames = "watchStreams" | "watchers" | "slowWatchers" | "events" | "pendingEvents";

function watchMetrics(metrics: Metrics): Pick<MvccMetrics, WatchNames> {
  return {
    watchStreams: metrics.gauge("etcd_debugging_mvcc_watch_stream_total", "Open watch streams."),
    watchers: metrics.gauge("etcd_debugging_mvcc_watcher_total", "Watchers."),
    slowWatchers: metrics.gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that lag behind."),
    events: metrics.counter("etcd_debugging_mvcc_events_total", "Events sent to watchers."),
    pendingEvents: metrics.gauge("etcd_debugging_mvcc_pending_events_total", "Events waiting to be sent."),
  };
}

type CompactionNames =
  | "indexCompactionPause"
  | "dbCompactionPause"
  | "dbCompactionTotal"
  | "dbCompactionLast"
  | "dbCompactionKeys";

function compactionMetrics(metrics: Metrics): Pick<MvccMetrics, CompactionNames> {
  return {
    indexCompactionPause: metrics.histogram(
      "etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
      "Milliseconds compacting the index held up requests.",
      exponentialBuckets(0.5, 2, 14),
    ),
    dbCompactionPause: metrics.histogram(
      "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
      "Milliseconds a slice of compaction held up requests.",
      exponentialBuckets(1, 2, 13),
    ),
    dbCompactionTotal: metrics.histogram(
      "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
      "Milliseconds a compaction took.",
      exponentialBuckets(100, 2, 14),
    ),
    dbCompactionLast: metrics.gauge(
      "etcd_debugging_mvcc_db_compaction_last",
      "Unix time of the last compaction; 0 before the first.",
    ),
    dbCompactionKeys: metrics.counter(
      "etcd_debugging_mvcc_db_compaction_keys_total",
      "Revisions removed by compaction.",
    ),
  };
}

type LeaseNames = "leaseGranted" | "leaseRevoked" | "leaseRenewed" | "leaseExpired" | "leaseTtl";

function leaseMetrics(metrics: Metrics): Pick<MvccMetrics, LeaseNames> {
  return {
    leaseGranted: metrics.counter("etcd_debugging_lease_granted_total", "Leases granted."),
    leaseRevoked: metrics.counter("etcd_debugging_lease_revoked_total", "Leases revoked."),
    leaseRenewed: metrics.counter("etcd_debugging_lease_renewed_total", "Leases renewed, as seen by the leader."),
    leaseExpired: metrics.counter("etcd_debugging_server_lease_expired_total", "Leases that expired."),
    leaseTtl: metrics.histogram(
      "etcd_debugging_lease_ttl_total",
      "Seconds of the TTLs of granted leases.",
      exponentialBuckets(1, 2, 24),
    ),
  };
}
