import type { EtcdCluster } from "../api/index.ts";
import { CLIENT_PORT, memberHost, PEER_PORT } from "../manifests/index.ts";

/** Name of the EtcdMember with this serial number; its Pod and its etcd member have the same name. */
export function memberName(clusterName: string, serial: number): string {
  return `${clusterName}-${serial}`;
}

/** Serial number in a name that {@link memberName} made for this cluster, else undefined. */
export function serialIn(clusterName: string, name: string): number | undefined {
  if (!name.startsWith(`${clusterName}-`)) return undefined;
  const digits = name.slice(clusterName.length + 1);
  return /^[1-9][0-9]{0,14}$/.test(digits) ? Number(digits) : undefined;
}

/** What a member's peers reach it by: the host name of its Pod below the headless Service, never an address. */
export function peerUrlOf(cluster: EtcdCluster, member: string): string {
  const scheme = cluster.spec.tls.peer.mode === "Disabled" ? "http" : "https";
  return `${scheme}://${hostOf(cluster, member)}:${PEER_PORT}`;
}

export function clientUrlOf(cluster: EtcdCluster, member: string): string {
  const scheme = cluster.spec.tls.client.mode === "Disabled" ? "http" : "https";
  return `${scheme}://${hostOf(cluster, member)}:${CLIENT_PORT}`;
}

/** Name of the member that a peer URL of our making stands for; undefined if it is none of this cluster's. */
export function memberBehind(cluster: EtcdCluster, peerUrls: readonly string[]): string | undefined {
  for (const url of peerUrls) {
    const name = /^https?:\/\/([^.:/]+)\./.exec(url)?.[1];
    if (name === undefined || serialIn(cluster.metadata.name, name) === undefined) continue;
    if (peerUrlOf(cluster, name) === url) return name;
  }
  return undefined;
}

function hostOf(cluster: EtcdCluster, member: string): string {
  return memberHost(cluster.metadata.name, cluster.metadata.namespace ?? "default", member);
}
