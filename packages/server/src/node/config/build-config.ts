import { must } from "@quorate/base";
import { parseInitialCluster } from "@quorate/protocol";
import { authConfig } from "./auth-settings.ts";
import { parseFeatureGates } from "./feature-gates.ts";
import { type Parsed, parseDuration, parseInteger } from "./go-values.ts";
import { type LogRotation, parseLogRotation } from "./log-rotation.ts";
import type { AutoCompaction, InitialMember, LogLevel, ServerConfig, SrvDiscovery } from "./server-config.ts";
import type { Settings } from "./settings.ts";
import { clientTlsConfig, peerTlsConfig } from "./tls-settings.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const QUOTA_DEFAULT_BYTES = 2 * GIB;
const WATCH_PROGRESS_MIN_MS = 100;
const SNAPSHOT_COUNT_DEFAULT = 10_000;
const HOUR_MS = 3_600_000;

/** The record the server runs on, from settings that passed their checks. The error is a configuration error. */
export function buildConfig(settings: Settings, configFile: string | undefined): Parsed<ServerConfig> {
  const compaction = autoCompaction(settings);
  if ("error" in compaction) return compaction;
  const cluster = initialCluster(settings);
  if ("error" in cluster) return cluster;
  const config: ServerConfig = {
    configFile,
    ...storageFields(settings),
    ...networkFields(settings),
    ...limitFields(settings),
    ...observabilityFields(settings),
    auth: authConfig(settings),
    initialCluster: cluster.value,
    discoverySrv: discoverySrv(settings),
    autoCompaction: compaction.value,
  };
  return { value: deepFreeze(config) };
}

function storageFields(
  settings: Settings,
): Pick<
  ServerConfig,
  | "name"
  | "dataDir"
  | "walDir"
  | "snapshotCount"
  | "snapshotCatchupEntries"
  | "maxSnapshots"
  | "maxWals"
  | "heartbeatIntervalMs"
  | "electionTimeoutMs"
  | "initialElectionTickAdvance"
  | "preVote"
  | "unsafeNoFsync"
> {
  const name = settings.text("name");
  const dataDir = dataDirOf(settings);
  return {
    name,
    dataDir,
    walDir: settings.text("wal-dir") || `${dataDir}/member/wal`,
    snapshotCount: settings.number("snapshot-count") || SNAPSHOT_COUNT_DEFAULT,
    snapshotCatchupEntries: settings.number("snapshot-catchup-entries"),
    maxSnapshots: settings.number("max-snapshots"),
    maxWals: settings.number("max-wals"),
    heartbeatIntervalMs: settings.number("heartbeat-interval"),
    electionTimeoutMs: settings.number("election-timeout"),
    initialElectionTickAdvance: settings.bool("initial-election-tick-advance"),
    preVote: settings.bool("pre-vote"),
    unsafeNoFsync: settings.bool("unsafe-no-fsync"),
  };
}

function dataDirOf(settings: Settings): string {
  return settings.text("data-dir") || `${settings.text("name")}.etcd`;
}

function networkFields(
  settings: Settings,
): Pick<
  ServerConfig,
  | "listenPeerUrls"
  | "listenClientUrls"
  | "listenClientHttpUrls"
  | "listenMetricsUrls"
  | "initialAdvertisePeerUrls"
  | "advertiseClientUrls"
  | "socketReusePort"
  | "clientTls"
  | "clientCertAuth"
  | "peerTls"
  | "initialClusterState"
  | "initialClusterToken"
  | "strictReconfigCheck"
  | "forceNewCluster"
  | "maxLearners"
  | "grpcKeepaliveMinTimeMs"
  | "grpcKeepaliveIntervalMs"
  | "grpcKeepaliveTimeoutMs"
> {
  return {
    listenPeerUrls: settings.urls("listen-peer-urls"),
    listenClientUrls: settings.urls("listen-client-urls"),
    listenClientHttpUrls: settings.urls("listen-client-http-urls"),
    listenMetricsUrls: settings.urls("listen-metrics-urls"),
    initialAdvertisePeerUrls: settings.urls("initial-advertise-peer-urls"),
    advertiseClientUrls: settings.urls("advertise-client-urls"),
    socketReusePort: settings.bool("socket-reuse-port"),
    clientTls: clientTlsConfig(settings, dataDirOf(settings)),
    clientCertAuth: settings.bool("client-cert-auth"),
    peerTls: peerTlsConfig(settings, dataDirOf(settings)),
    initialClusterState: settings.text("initial-cluster-state") === "existing" ? "existing" : "new",
    initialClusterToken: settings.text("initial-cluster-token"),
    strictReconfigCheck: settings.bool("strict-reconfig-check"),
    forceNewCluster: settings.bool("force-new-cluster"),
    maxLearners: settings.number("max-learners"),
    grpcKeepaliveMinTimeMs: settings.number("grpc-keepalive-min-time"),
    grpcKeepaliveIntervalMs: settings.number("grpc-keepalive-interval"),
    grpcKeepaliveTimeoutMs: settings.number("grpc-keepalive-timeout"),
  };
}

function limitFields(
  settings: Settings,
): Pick<
  ServerConfig,
  | "quotaBackendBytes"
  | "quotaToldBytes"
  | "backendBatchIntervalMs"
  | "backendBatchLimit"
  | "maxTxnOps"
  | "maxRequestBytes"
  | "maxConcurrentStreams"
  | "compactionBatchLimit"
  | "compactionSleepIntervalMs"
  | "watchProgressNotifyIntervalMs"
  | "corruptCheckTimeMs"
  | "compactHashCheckTimeMs"
  | "downgradeCheckTimeMs"
  | "warningApplyDurationMs"
  | "warningUnaryRequestDurationMs"
  | "bootstrapDefragThresholdBytes"
> {
  const quota = settings.number("quota-backend-bytes");
  return {
    quotaBackendBytes: quota < 0 ? undefined : quota || QUOTA_DEFAULT_BYTES,
    quotaToldBytes: quota || QUOTA_DEFAULT_BYTES,
    backendBatchIntervalMs: positive(settings.number("backend-batch-interval"), 100),
    backendBatchLimit: positive(settings.number("backend-batch-limit"), 10_000),
    maxTxnOps: settings.number("max-txn-ops"),
    maxRequestBytes: settings.number("max-request-bytes"),
    maxConcurrentStreams: settings.number("max-concurrent-streams"),
    compactionBatchLimit: positive(settings.number("compaction-batch-limit"), 1000),
    compactionSleepIntervalMs: settings.number("compaction-sleep-interval") || undefined,
    watchProgressNotifyIntervalMs: watchProgressInterval(settings),
    corruptCheckTimeMs: settings.number("corrupt-check-time"),
    downgradeCheckTimeMs: settings.number("downgrade-check-time"),
    compactHashCheckTimeMs: settings.number("compact-hash-check-time"),
    warningApplyDurationMs: settings.number("warning-apply-duration"),
    warningUnaryRequestDurationMs: settings.number("warning-unary-request-duration") || 300,
    bootstrapDefragThresholdBytes: settings.number("bootstrap-defrag-threshold-megabytes") * MIB,
  };
}

function observabilityFields(
  settings: Settings,
): Pick<
  ServerConfig,
  "featureGates" | "log" | "enablePprof" | "enableGrpcGateway" | "metrics" | "cors" | "hostWhitelist"
> {
  const gates = parseFeatureGates(settings.text("feature-gates"));
  const level = settings.text("log-level") as LogLevel;
  const outputs = settings.list("log-outputs").filter((name) => name !== "");
  return {
    featureGates: must("value" in gates ? gates.value : undefined, "feature gates were parsed before"),
    log: {
      level,
      format: settings.text("log-format") === "console" ? "console" : "json",
      outputs: outputs.length === 0 ? ["default"] : outputs,
      rotation: settings.bool("enable-log-rotation") ? logRotation(settings) : undefined,
    },
    enablePprof: settings.bool("enable-pprof") || level === "debug",
    enableGrpcGateway: settings.bool("enable-grpc-gateway"),
    metrics: settings.text("metrics") === "extensive" ? "extensive" : "basic",
    cors: settings.list("cors").filter((origin) => origin !== ""),
    hostWhitelist: settings.list("host-whitelist").filter((host) => host !== ""),
  };
}

function logRotation(settings: Settings): LogRotation {
  const rotation = parseLogRotation(settings.text("log-rotation-config-json"));
  return must("value" in rotation ? rotation.value : undefined, "the rotation of the log was parsed before");
}

function discoverySrv(settings: Settings): SrvDiscovery | undefined {
  const domain = settings.text("discovery-srv");
  const name = settings.text("discovery-srv-name");
  return domain === "" ? undefined : { domain, serviceSuffix: name === "" ? "" : `-${name}` };
}

/** The default members: this one alone, at the URLs it advertises. */
function initialCluster(settings: Settings): Parsed<readonly InitialMember[]> {
  const text = settings.text("initial-cluster");
  if (settings.text("discovery-srv") !== "") return { value: [] };
  if (text !== "") return parseInitialCluster(text);
  // Emptied on purpose, or by a template: etcd founds no cluster from that.
  if (settings.isSet("initial-cluster")) return { value: [] };
  return { value: [{ name: settings.text("name"), peerUrls: settings.urls("initial-advertise-peer-urls") }] };
}

function autoCompaction(settings: Settings): Parsed<AutoCompaction> {
  const text = settings.text("auto-compaction-retention");
  const integer = parseInteger(text, true);
  if ("value" in integer && integer.value >= 0) {
    if (integer.value === 0) return { value: { mode: "off" } };
    return settings.text("auto-compaction-mode") === "revision"
      ? { value: { mode: "revision", revisions: integer.value } }
      : { value: { mode: "periodic", periodMs: integer.value * HOUR_MS } };
  }
  const period = parseDuration(text);
  if ("error" in period || period.value < 0 || settings.text("auto-compaction-mode") === "revision") {
    return { error: `error parsing CompactionRetention: time: invalid duration ${JSON.stringify(text)}` };
  }
  return { value: period.value === 0 ? { mode: "off" } : { mode: "periodic", periodMs: period.value } };
}

function watchProgressInterval(settings: Settings): number {
  const asked = settings.number("watch-progress-notify-interval");
  return asked === 0 ? 600_000 : Math.max(asked, WATCH_PROGRESS_MIN_MS);
}

function positive(value: number, fallback: number): number {
  return value > 0 ? value : fallback;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null && !Object.isFrozen(inner)) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}
