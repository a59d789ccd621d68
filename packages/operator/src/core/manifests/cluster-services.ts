import { LABELS } from "../api/index.ts";
import type { Service } from "../kinds/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { ownedByCluster } from "./object-metadata.ts";
import { peerServiceName } from "./object-names.ts";
import { CLIENT_PORT, PEER_PORT } from "./server-arguments.ts";

/** Gives every member's Pod its host name, also before it is ready: members find each other by it in order to become ready. */
export function peerService(settings: ClusterSettings): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: ownedByCluster(settings, peerServiceName(settings.name)),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      ...families(settings),
      selector: { [LABELS.cluster]: settings.name },
      ports: [
        { name: "peer", port: PEER_PORT, targetPort: PEER_PORT, protocol: "TCP" },
        { name: "client", port: CLIENT_PORT, targetPort: CLIENT_PORT, protocol: "TCP" },
        { name: "metrics", port: settings.spec.metrics.port, targetPort: settings.spec.metrics.port, protocol: "TCP" },
      ],
    },
  };
}

/** What clients use: the members that serve and are ready. */
export function clientService(settings: ClusterSettings): Service {
  const { service } = settings.spec;
  const metadata = ownedByCluster(settings, settings.name);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...metadata,
      labels: { ...service.labels, ...metadata.labels },
      ...(Object.keys(service.annotations).length === 0 ? {} : { annotations: service.annotations }),
    },
    spec: {
      type: service.type,
      ...families(settings),
      ...(service.loadBalancerClass === undefined ? {} : { loadBalancerClass: service.loadBalancerClass }),
      selector: { [LABELS.cluster]: settings.name, [LABELS.serving]: "true" },
      ports: [{ name: "client", port: CLIENT_PORT, targetPort: CLIENT_PORT, protocol: "TCP" }],
    },
  };
}

function families({ spec: { service } }: ClusterSettings): Pick<Service["spec"], "ipFamilyPolicy" | "ipFamilies"> {
  return {
    ...(service.ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy: service.ipFamilyPolicy }),
    ...(service.ipFamilies === undefined ? {} : { ipFamilies: service.ipFamilies }),
  };
}
