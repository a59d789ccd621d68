import { must } from "@quorate/base";
import { parseDuration, parseQuantity } from "../api/index.ts";
import type { PodStart } from "../world/index.ts";
import { type ClusterSettings, serverHas } from "./cluster-settings.ts";
import { memberHost } from "./object-names.ts";

/** Where the volume is in a member's Pod, and what on it is the server's. */
export const VOLUME_PATH = "/var/lib/etcd";
export const DATA_DIRECTORY: string = `${VOLUME_PATH}/data`;
export const TLS_DIRECTORY = "/etc/etcd/tls";

export const CLIENT_PORT = 2379;
export const PEER_PORT = 2380;

/** Flags of a member's server: those that the spec asks for, then those of this start, which no Pod is replaced for. */
export function serverArguments(settings: ClusterSettings, member: string, start: PodStart): readonly string[] {
  return [...templateArguments(settings, member), ...startArguments(settings, start)];
}

function templateArguments(settings: ClusterSettings, member: string): readonly string[] {
  const { spec, hasPeerTls, hasClientTls } = settings;
  const host = memberHost(settings.name, settings.namespace, member);
  const [peer, client] = [hasPeerTls ? "https" : "http", hasClientTls ? "https" : "http"];
  return [
    `--name=${member}`,
    `--data-dir=${DATA_DIRECTORY}`,
    `--listen-peer-urls=${peer}://0.0.0.0:${PEER_PORT}`,
    `--listen-client-urls=${client}://0.0.0.0:${CLIENT_PORT}`,
    `--listen-metrics-urls=http://0.0.0.0:${spec.metrics.port}`,
    `--initial-advertise-peer-urls=${peer}://${host}:${PEER_PORT}`,
    `--advertise-client-urls=${client}://${host}:${CLIENT_PORT}`,
    ...(hasClientTls ? clientTlsArguments(spec.tls.client.clientAuth === "Require") : []),
    ...(hasPeerTls ? peerTlsArguments() : []),
    ...tuning(settings),
    ...Object.entries(spec.config.extraArgs)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([flag, value]) => `--${flag}=${value}`),
  ];
}

function startArguments({ clusterToken }: ClusterSettings, start: PodStart): readonly string[] {
  return [
    `--initial-cluster=${start.initialCluster}`,
    `--initial-cluster-state=${start.clusterState}`,
    `--initial-cluster-token=${clusterToken}`,
    ...(start.forceEpoch === undefined ? [] : ["--force-new-cluster"]),
  ];
}

function clientTlsArguments(areCertificatesAsked: boolean): readonly string[] {
  return [
    `--cert-file=${TLS_DIRECTORY}/tls.crt`,
    `--key-file=${TLS_DIRECTORY}/tls.key`,
    // Servers ask for certificates wherever they have an authority, whatever the other flag says.
    ...(areCertificatesAsked ? [`--trusted-ca-file=${TLS_DIRECTORY}/ca.crt`] : []),
    `--client-cert-auth=${areCertificatesAsked}`,
  ];
}

function peerTlsArguments(): readonly string[] {
  return [
    `--peer-cert-file=${TLS_DIRECTORY}/peer.crt`,
    `--peer-key-file=${TLS_DIRECTORY}/peer.key`,
    `--peer-trusted-ca-file=${TLS_DIRECTORY}/peer-ca.crt`,
    "--peer-client-cert-auth=true",
  ];
}

function tuning(settings: ClusterSettings): readonly string[] {
  const { config, metrics } = settings.spec;
  const { mode, retention } = config.autoCompaction;
  return [
    `--quota-backend-bytes=${bytes(config.quotaBackendBytes)}`,
    ...(mode === "Disabled"
      ? ["--auto-compaction-retention=0"]
      : [`--auto-compaction-mode=${mode.toLowerCase()}`, `--auto-compaction-retention=${retention}`]),
    `--heartbeat-interval=${milliseconds(config.heartbeatInterval)}`,
    `--election-timeout=${milliseconds(config.electionTimeout)}`,
    ...(config.snapshotCount === undefined ? [] : [`--snapshot-count=${config.snapshotCount}`]),
    `--max-request-bytes=${bytes(config.maxRequestBytes)}`,
    `--max-txn-ops=${config.maxTxnOps}`,
    `--log-level=${config.logLevel}`,
    `--metrics=${metrics.level.toLowerCase()}`,
    ...(serverHas(settings, [3, 5, 0]) ? [] : ["--logger=zap"]),
    ...drainOnDefragmentation(settings),
  ];
}

/**
 * Has a member tell balanced clients that it does not serve while it is defragmented: its clients would stall with it. Off by default in
 * etcd; the user's own choice of gates goes first.
 */
function drainOnDefragmentation(settings: ClusterSettings): readonly string[] {
  if (!serverHas(settings, [3, 5, 11])) return [];
  if (!serverHas(settings, [3, 6, 0])) return ["--experimental-stop-grpc-service-on-defrag=true"];
  const isChosen = settings.spec.config.extraArgs["feature-gates"] !== undefined;
  return isChosen ? [] : ["--feature-gates=StopGRPCServiceOnDefrag=true"];
}

function bytes(quantity: string | number): number {
  return Math.floor(must(parseQuantity(quantity), "the schema lets only quantities through"));
}

function milliseconds(duration: string): number {
  return Math.round(must(parseDuration(duration), "the schema lets only durations through"));
}
