import {
  API_VERSION,
  type ClusterSettings,
  clusterSettings,
  type EtcdClusterSpecInput,
  type ManifestDefaults,
  type PodStart,
  withDefaults,
} from "../../../src/core/index.ts";

export const DEFAULTS: ManifestDefaults = {
  operatorImage: "quorate/operator:1.0.0",
  serverImageRepository: "quorate/server",
  defaultServerVersion: "3.7.1",
  clusterDomain: "cluster.local",
};

export const MEMBER = { name: "c-1", uid: "member-uid" };

export const FIRST_START: PodStart = {
  clusterState: "new",
  initialCluster: "c-1=https://c-1.c-peers.ns.svc:2380",
  forceEpoch: undefined,
  mustHaveData: false,
};

export function settingsOf(spec: EtcdClusterSpecInput = {}, defaults: ManifestDefaults = DEFAULTS): ClusterSettings {
  const cluster = withDefaults({
    apiVersion: API_VERSION,
    kind: "EtcdCluster",
    metadata: { name: "c", namespace: "ns", uid: "cluster-uid" },
    spec,
  });
  return clusterSettings(cluster, defaults);
}
