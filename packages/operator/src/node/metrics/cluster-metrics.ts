import { Gauge, type Registry } from "prom-client";
import { ETCD_CLUSTERS, type EtcdCluster, type KubeReader } from "../../core/index.ts";

/** One value of a gauge, with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface GaugeSpec {
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (clusters: readonly EtcdCluster[]) => readonly Sample[];
}

const CLUSTER = ["namespace", "cluster"] as const;

/** What the EtcdClusters say, as gauges: a restart of the operator loses none of it. */
const GAUGES: Readonly<Record<string, GaugeSpec>> = {
  quorate_operator_cluster_condition: {
    help: "1 for the status that a condition of an EtcdCluster has, with its reason.",
    labels: [...CLUSTER, "condition", "status", "reason"],
    samples: (clusters) =>
      clusters.flatMap((cluster) =>
        (cluster.status?.conditions ?? []).map(({ type, status, reason }) => ({
          labels: { ...of(cluster), condition: type, status, reason },
          value: 1,
        })),
      ),
  },
  quorate_operator_cluster_wanted_replicas: {
    help: "Members that the spec asks for.",
    labels: CLUSTER,
    samples: ofClusters(({ spec }) => spec.replicas),
  },
  quorate_operator_cluster_ready_replicas: {
    help: "Members whose Pods are ready.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => status?.readyReplicas),
  },
  quorate_operator_cluster_voters: {
    help: "Members that vote.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => status?.voters),
  },
  quorate_operator_cluster_learners: {
    help: "Members that do not vote yet.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => status?.learners),
  },
  quorate_operator_cluster_tolerated_failures: {
    help: "Healthy voters that may fail before the majority is lost.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => status?.quorum?.tolerates),
  },
  quorate_operator_cluster_last_observed_timestamp_seconds: {
    help: "When etcd was last asked, whether or not it answered.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => seconds(status?.lastObservedTime)),
  },
  quorate_operator_cluster_operation_start_timestamp_seconds: {
    help: "When the operation in progress began.",
    labels: [...CLUSTER, "type", "member", "step"],
    samples: (clusters) =>
      clusters.flatMap((cluster) => {
        const { type = "", member = "", step = "", startedAt } = cluster.status?.operation ?? {};
        return sample({ ...of(cluster), type, member, step }, seconds(startedAt));
      }),
  },
  quorate_operator_cluster_certificate_expiry_timestamp_seconds: {
    help: "End of a certificate's validity.",
    labels: [...CLUSTER, "name", "kind"],
    samples: (clusters) =>
      clusters.flatMap((cluster) =>
        (cluster.status?.certificates ?? []).flatMap(({ name, kind, notAfter }) =>
          sample({ ...of(cluster), name, kind }, seconds(notAfter)),
        ),
      ),
  },
  quorate_operator_cluster_quota_used_percent: {
    help: "Share of its quota that the largest store has reached.",
    labels: CLUSTER,
    samples: ofClusters(({ status }) => status?.database?.quotaPercent),
  },
};

/** Names of the gauges with their labels; for the tests of rules and dashboards. */
export const CLUSTER_METRICS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(GAUGES).map(([name, { labels }]) => [name, labels]),
);

/** Every sample by the gauge's name. */
export function clusterSamples(clusters: readonly EtcdCluster[]): ReadonlyMap<string, readonly Sample[]> {
  return new Map(Object.entries(GAUGES).map(([name, { samples }]) => [name, samples(clusters)]));
}

/** Adds the gauges. They are computed from the cache when they are asked for; nothing is shown where there is no cache, as in one that does not lead. */
export function observeClusters(registry: Registry, cache: KubeReader, isLeader: () => boolean): void {
  const list = async (): Promise<readonly EtcdCluster[]> => {
    if (!isLeader()) return [];
    // Not watched, or not yet: the probes and cache metrics tell.
    return await cache.list(ETCD_CLUSTERS, "").catch(() => []);
  };
  for (const [name, { help, labels, samples }] of Object.entries(GAUGES)) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      async collect() {
        const clusters = await list();
        gauge.reset();
        for (const each of samples(clusters)) gauge.set(each.labels, each.value);
      },
    });
  }
}

function of({ metadata }: EtcdCluster): { readonly namespace: string; readonly cluster: string } {
  return { namespace: metadata.namespace ?? "", cluster: metadata.name };
}

function ofClusters(value: (cluster: EtcdCluster) => number | undefined): GaugeSpec["samples"] {
  return (clusters) => clusters.flatMap((cluster) => sample(of(cluster), value(cluster)));
}

function sample(labels: Readonly<Record<string, string>>, value: number | undefined): readonly Sample[] {
  return value === undefined || Number.isNaN(value) ? [] : [{ labels, value }];
}

/** Seconds since the Unix epoch of a time as the API writes it. */
function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}
