import type { Counter } from "@quorate/base";
import { ALARM_CORRUPT, ALARM_NOSPACE, Counts, hexId } from "../core/index.ts";
import type { PrometheusMetrics, ServerMetrics } from "./metrics/index.ts";
import type { Node } from "./node.ts";

/** Before each scrape, sets the gauges whose values the node keeps anyway. */
export function observeNode(node: Node, prometheus: PrometheusMetrics, metrics: ServerMetrics): void {
  const { alarms, storage, store } = node.member;
  const serverId = hexId(node.context.memberId);
  let eventsSeen = 0;
  let versionSeen: string | undefined;
  const counted = countersOf(node.context.counts, metrics);
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
    metrics.quotaBackendBytes.set(node.config.quotaBackendBytes ?? 0);
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
    metrics.alarm(serverId, "NOSPACE").set(alarms.isActive(ALARM_NOSPACE) ? 1 : 0);
    metrics.alarm(serverId, "CORRUPT").set(alarms.isActive(ALARM_CORRUPT) ? 1 : 0);
  });
}

/** Carries plain counts over into counters: the returned function adds what has come since it was last called. */
function countersOf(counts: Counts, metrics: ServerMetrics): () => void {
  const { mvcc, raft } = metrics;
  const pairs: readonly (readonly [keyof Counts, Counter])[] = [
    ["ranges", mvcc.range],
    ["puts", mvcc.put],
    ["deletes", mvcc.deleteRange],
    ["txns", mvcc.txn],
    ["proposalsFailed", raft.proposalsFailed],
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
