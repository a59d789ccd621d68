import type { Counter, Gauge } from "@quorate/base";
import { ALARM_NAMES, ALARM_NONE, type Alarms, Counts, ETCD_VERSION, hexId } from "../core/index.ts";
import { FEATURE_GATES, type FeatureGate } from "./config/index.ts";
import type { PrometheusMetrics, ServerMetrics } from "./metrics/index.ts";
import type { Node } from "./node.ts";

/** Tells who the node is and, before each scrape, sets the gauges whose values the node keeps anyway. */
export function observeNode(node: Node, prometheus: PrometheusMetrics, metrics: ServerMetrics): void {
  const { alarms, storage, store } = node.member;
  const serverId = hexId(node.context.memberId);
  metrics.identify({
    serverVersion: ETCD_VERSION,
    runtimeVersion: `Node.js ${process.versions.node}`,
    serverId,
    features: Object.entries(FEATURE_GATES).map(([name, { stage }]) => ({
      name,
      stage,
      enabled: node.config.featureGates[name as FeatureGate],
    })),
  });
  let eventsSeen = 0;
  let versionSeen: string | undefined;
  const counted = countersOf(node.context.counts, metrics);
  const showAlarms = alarmGauges(alarms, metrics, serverId);
  const showPeers = peerGauges(node, metrics, serverId);
  prometheus.beforeScrape(() => {
    const { replica } = node;
    const version = node.member.membership.clusterVersion?.replace(/\.\d+$/, "");
    if (version !== undefined && version !== versionSeen) {
      metrics.clusterVersion(versionSeen, version);
      versionSeen = version;
    }
    metrics.raft.hasLeader.set(replica.leader === 0n ? 0 : 1);
    metrics.raft.isLeader.set(replica.isLeader ? 1 : 0);
    metrics.raft.isLearner.set(node.context.isLearner() ? 1 : 0);
    metrics.raft.proposalsCommitted.set(replica.commitIndex);
    metrics.raft.proposalsApplied.set(replica.appliedIndex);
    metrics.raft.proposalsPending.set(replica.pendingCount);
    metrics.quotaBackendBytes.set(node.config.quotaToldBytes);
    metrics.authRevision.set(node.member.auth.state.revision);
    metrics.disk.dbTotalSize.set(storage.backend.sizeBytes());
    metrics.disk.dbTotalSizeInUse.set(storage.backend.sizeInUseBytes());
    metrics.mvcc.keys.set(store.keyCount);
    metrics.mvcc.currentRevision.set(store.revision);
    metrics.mvcc.compactRevision.set(store.compactedRevision);
    const watch = node.watchHub.stats;
    metrics.mvcc.watchStreams.set(watch.streams);
    metrics.mvcc.watchers.set(watch.watchers);
    metrics.mvcc.slowWatchers.set(watch.slowWatchers);
    metrics.mvcc.pendingEvents.set(watch.pendingRevisions);
    metrics.mvcc.events.add(watch.eventsDelivered - eventsSeen);
    eventsSeen = watch.eventsDelivered;
    counted();
    metrics.mvcc.totalPutBytes.set(node.context.counts.putBytes);
    metrics.mvcc.openReadTransactions.set(node.savedSnapshots.openCount);
    node.context.rangeTimes.tell();
    node.context.watchTimes.tell();
    showAlarms();
    showPeers();
  });
}

/** The members of the cluster, this one too. Those that are gone stay, at 0. */
function peerGauges(node: Node, metrics: ServerMetrics, ownId: string): () => void {
  const shown = new Map<bigint, Gauge>();
  return () => {
    for (const gauge of shown.values()) gauge.set(0);
    for (const { id } of node.member.membership.list()) {
      const gauge = shown.get(id) ?? metrics.knownPeer(ownId, hexId(id));
      shown.set(id, gauge);
      gauge.set(1);
    }
  };
}

/** Each alarm counts for the member that it was raised for, whoever is asked; those of this one are there from the start. */
function alarmGauges(alarms: Alarms, metrics: ServerMetrics, ownId: string): () => void {
  const shown = new Map<string, Gauge>();
  const gauge = (memberId: string, type: string): Gauge => {
    const name = `${memberId} ${type}`;
    const known = shown.get(name) ?? metrics.alarm(memberId, type);
    shown.set(name, known);
    return known;
  };
  for (const type of Object.values(ALARM_NAMES)) gauge(ownId, type);
  return () => {
    for (const each of shown.values()) each.set(0);
    for (const { memberId, type } of alarms.list(ALARM_NONE)) {
      gauge(hexId(memberId), ALARM_NAMES[type] ?? String(type)).set(1);
    }
  };
}

/** The counts that are one number. */
type NumberName = { [K in keyof Counts]: Counts[K] extends number ? K : never }[keyof Counts];

/** Carries plain counts over into counters: the returned function adds what has come since it was last called. */
function countersOf(counts: Counts, metrics: ServerMetrics): () => void {
  const { mvcc, raft } = metrics;
  const pairs: readonly (readonly [NumberName, Counter])[] = [
    ["ranges", mvcc.range],
    ["puts", mvcc.put],
    ["deletes", mvcc.deleteRange],
    ["txns", mvcc.txn],
    ["proposalsFailed", raft.proposalsFailed],
    ["slowReadIndexes", raft.slowReadIndexes],
    ["readIndexesFailed", raft.readIndexesFailed],
    ["leasesGranted", mvcc.leaseGranted],
    ["leasesRevoked", mvcc.leaseRevoked],
    ["leasesRenewed", mvcc.leaseRenewed],
    ["leasesExpired", mvcc.leaseExpired],
  ];
  const seen = new Counts();
  return () => {
    for (const [name, counter] of pairs) {
      counter.add(counts[name] - seen[name]);
      seen[name] = counts[name];
    }
  };
}
