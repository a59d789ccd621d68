import type { Counter, Gauge, Histogram, Metrics } from "@quorate/base";
import { exponentialBuckets } from "@quorate/base";
import { type DiskMetrics, diskMetrics } from "./disk-metrics.ts";
import { type MvccMetrics, mvccMetrics } from "./mvcc-metrics.ts";
import { type WatchSendMetrics, watchSendMetrics } from "./watch-send-metrics.ts";

/** Raft and the apply loop. Gauges named `…_total` are gauges in etcd too. */
export interface RaftMetrics {
  readonly hasLeader: Gauge;
  readonly isLeader: Gauge;
  readonly isLearner: Gauge;
  readonly leaderChanges: Counter;
  readonly heartbeatSendFailures: Counter;
  readonly proposalsCommitted: Gauge;
  readonly proposalsApplied: Gauge;
  readonly proposalsPending: Gauge;
  readonly proposalsFailed: Counter;
  readonly slowApply: Counter;
  readonly slowReadIndexes: Counter;
  readonly readIndexesFailed: Counter;
  readonly snapshotApplyInProgress: Gauge;
  readonly learnerPromoteSuccesses: Counter;
  /** `reason`: what the client is told. */
  learnerPromoteFailures(reason: string): Counter;
}

/** Requests by outcome; times in seconds. */
export interface RequestMetrics {
  /** By `op` (e.g. `Put`), when it succeeded and when not. */
  readonly applyDuration: (op: string, success: boolean) => Histogram;
  readonly rangeDuration: (success: boolean) => Histogram;
  /** By `type` (e.g. `Range`, `ReadonlyTxn`, `Put`). */
  readonly requestDuration: (type: string, success: boolean) => Histogram;
}

/** The endpoints `/health`, `/livez`, `/readyz` and `/metrics`. */
export interface HealthMetrics {
  readonly healthSuccess: Counter;
  readonly healthFailures: Counter;
  /** Records one probe check. */
  checked(probe: "livez" | "readyz", name: string, ok: boolean): void;
  /** Answers of `/metrics` under way. */
  readonly scrapesInFlight: Gauge;
  /** Records one answer of `/metrics`. */
  scraped(status: ScrapeStatus): void;
}

/** HTTP status of an answer of `/metrics`; each has its counter from the beginning, as in promhttp. */
export type ScrapeStatus = (typeof SCRAPE_STATUSES)[number];
const SCRAPE_STATUSES = [200, 500, 503] as const;

/** Every instrument of the server but those of gRPC (see `grpcMetrics`). */
export interface ServerMetrics {
  readonly raft: RaftMetrics;
  readonly requests: RequestMetrics;
  readonly disk: DiskMetrics;
  readonly mvcc: MvccMetrics;
  readonly watchSends: WatchSendMetrics;
  readonly health: HealthMetrics;
  readonly quotaBackendBytes: Gauge;
  /** Of users and roles. */
  readonly authRevision: Gauge;
  /** Whether an alarm is active: `set(1)` or `set(0)`. Ids as lowercase hex. */
  alarm(serverId: string, alarmType: string): Gauge;
  /** What is known once at start. */
  identify(facts: ServerFacts): void;
  /** Whether a member is one of the cluster, as another sees it. Ids as lowercase hex. */
  knownPeer(localId: string, remoteId: string): Gauge;
  /** The cluster's version changed, e.g. from undefined to `3.7`. */
  clusterVersion(previous: string | undefined, current: string): void;
}

export interface ServerFacts {
  /** The etcd version served, e.g. `3.7.1`. */
  readonly serverVersion: string;
  /** The runtime's version; etcd says its Go version here. */
  readonly runtimeVersion: string;
  /** Member ID in lowercase hex. */
  readonly serverId: string;
  /** Feature gates and whether they are on, with their stage as etcd prints it. */
  readonly features: ReadonlyArray<{ readonly name: string; readonly stage: string; readonly enabled: boolean }>;
}

const SECONDS_FROM_100_US: readonly number[] = exponentialBuckets(0.0001, 2, 20);
const SECONDS_FROM_1_MS: readonly number[] = exponentialBuckets(0.001, 2, 14);

/** Makes every instrument, so that a scrape shows each from the first moment. */
export function serverMetrics(metrics: Metrics): ServerMetrics {
  return {
    raft: raftMetrics(metrics),
    requests: requestMetrics(metrics),
    disk: diskMetrics(metrics),
    mvcc: mvccMetrics(metrics),
    watchSends: watchSendMetrics(metrics),
    health: healthMetrics(metrics),
    quotaBackendBytes: metrics.gauge("etcd_server_quota_backend_bytes", "Storage quota in bytes."),
    authRevision: metrics.gauge("etcd_debugging_auth_revision", "Revision of users and roles."),
    alarm: (serverId, alarmType) =>
      metrics.gauge("etcd_debugging_server_alarms", "1 while the alarm is active on the member.", {
        server_id: serverId,
        alarm_type: alarmType,
      }),
    knownPeer: (localId, remoteId) =>
      metrics.gauge("etcd_network_known_peers", "1 for each member of the cluster.", {
        Local: localId,
        Remote: remoteId,
      }),
    identify: (facts) => identify(metrics, facts),
    clusterVersion(previous, current) {
      if (previous !== undefined) clusterVersionGauge(metrics, previous).set(0);
      clusterVersionGauge(metrics, current).set(1);
    },
  };
}

function raftMetrics(metrics: Metrics): RaftMetrics {
  return {
    hasLeader: metrics.gauge("etcd_server_has_leader", "1 when the member knows a leader, 0 otherwise."),
    isLeader: metrics.gauge("etcd_server_is_leader", "1 when the member is the leader, 0 otherwise."),
    isLearner: metrics.gauge("etcd_server_is_learner", "1 when the member is a learner, 0 otherwise."),
    leaderChanges: metrics.counter("etcd_server_leader_changes_seen_total", "Leader changes seen."),
    heartbeatSendFailures: metrics.counter(
      "etcd_server_heartbeat_send_failures_total",
      "Heartbeats the leader sent late, probably because its disk is slow.",
    ),
    proposalsCommitted: metrics.gauge("etcd_server_proposals_committed_total", "Consensus proposals committed."),
    proposalsApplied: metrics.gauge("etcd_server_proposals_applied_total", "Consensus proposals applied."),
    proposalsPending: metrics.gauge("etcd_server_proposals_pending", "Proposals waiting to be committed."),
    proposalsFailed: metrics.counter("etcd_server_proposals_failed_total", "Proposals that failed or timed out."),
    slowApply: metrics.counter("etcd_server_slow_apply_total", "Applies slower than the warning threshold."),
    slowReadIndexes: metrics.counter(
      "etcd_server_slow_read_indexes_total",
      "Read indexes that came late or not in time.",
    ),
    readIndexesFailed: metrics.counter("etcd_server_read_indexes_failed_total", "Read indexes that failed."),
    snapshotApplyInProgress: metrics.gauge(
      "etcd_server_snapshot_apply_in_progress_total",
      "1 while a received snapshot is being applied.",
    ),
    learnerPromoteSuccesses: metrics.counter(
      "etcd_server_learner_promote_successes",
      "Learners that this member, leading, has promoted.",
    ),
    learnerPromoteFailures: (reason) =>
      metrics.counter("etcd_server_learner_promote_failures", "Promotions that this member, leading, has refused.", {
        Reason: reason,
      }),
  };
}

function requestMetrics(metrics: Metrics): RequestMetrics {
  const rangeDuration = (success: boolean): Histogram =>
    metrics.histogram("etcd_server_range_duration_seconds", "Seconds a range took.", SECONDS_FROM_100_US, {
      success: String(success),
    });
  return {
    applyDuration: (op, success) =>
      metrics.histogram("etcd_server_apply_duration_seconds", "Seconds an apply took.", SECONDS_FROM_100_US, {
        version: "v3",
        op,
        success: String(success),
      }),
    rangeDuration,
    requestDuration: (type, success) =>
      metrics.histogram("etcd_server_request_duration_seconds", "Seconds a request took.", SECONDS_FROM_1_MS, {
        type,
        success: String(success),
      }),
  };
}

function healthMetrics(metrics: Metrics): HealthMetrics {
  const scrapes = new Map(
    SCRAPE_STATUSES.map((status) => [
      status,
      metrics.counter("promhttp_metric_handler_requests_total", "Answers of /metrics by HTTP status.", {
        code: String(status),
      }),
    ]),
  );
  return {
    scrapesInFlight: metrics.gauge("promhttp_metric_handler_requests_in_flight", "Answers of /metrics under way."),
    scraped: (status) => scrapes.get(status)?.add(1),
    healthSuccess: metrics.counter("etcd_server_health_success", "Successful answers of /health."),
    healthFailures: metrics.counter("etcd_server_health_failures", "Failed answers of /health."),
    checked(probe, name, ok) {
      metrics
        .gauge("etcd_server_healthcheck", "Latest result of each probe check.", { type: probe, name })
        .set(ok ? 1 : 0);
      metrics
        .counter("etcd_server_healthchecks_total", "Probe checks by result.", {
          type: probe,
          name,
          status: ok ? "success" : "error",
        })
        .add(1);
    },
  };
}

function identify(metrics: Metrics, facts: ServerFacts): void {
  const constant = (name: string, help: string, labels: Readonly<Record<string, string>>): void =>
    metrics.gauge(name, help, labels).set(1);
  constant("etcd_server_version", "The version served; always 1.", { server_version: facts.serverVersion });
  constant("etcd_server_go_version", "The runtime's version; always 1.", { server_go_version: facts.runtimeVersion });
  constant("etcd_server_id", "The member's ID in hexadecimal; always 1.", { server_id: facts.serverId });
  for (const { name, stage, enabled } of facts.features) {
    metrics.gauge("etcd_server_feature_enabled", "Whether a feature gate is on.", { name, stage }).set(enabled ? 1 : 0);
  }
}

function clusterVersionGauge(metrics: Metrics, version: string): Gauge {
  return metrics.gauge("etcd_cluster_version", "The cluster's version; 1 for the one in force.", {
    cluster_version: version,
  });
}
