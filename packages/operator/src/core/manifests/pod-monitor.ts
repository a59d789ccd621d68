import type { PodMonitor } from "../kinds/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { memberSelector, ownedByCluster } from "./object-metadata.ts";

/** Has the Prometheus operator scrape the members' plain port. */
export function podMonitor(settings: ClusterSettings): PodMonitor {
  const { podMonitor: wanted } = settings.spec.metrics;
  const metadata = ownedByCluster(settings, settings.name);
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: { ...metadata, labels: { ...wanted.labels, ...metadata.labels } },
    spec: {
      selector: memberSelector(settings.name),
      podMetricsEndpoints: [{ port: "metrics", path: "/metrics", interval: wanted.interval }],
    },
  };
}
