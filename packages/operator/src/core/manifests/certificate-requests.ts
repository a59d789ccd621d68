import { must } from "@quorate/base";
import { parseDuration } from "../api/index.ts";
import type { AuthorityRequest, LeafRequest } from "../ports/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { peerServiceName } from "./object-names.ts";

/** Clocks of nodes may be behind. */
const BACKDATED_MS = 5 * 60_000;
const DAY_MS = 24 * 3_600_000;
/** Authorities outlive many leafs: to change them touches every client. */
const AUTHORITY_MS = 10 * 365 * DAY_MS;

/** User that the operator's certificate names: with authentication on it is etcd's administrator. */
export const OPERATOR_USER = "root";

export function authorityRequest(
  settings: ClusterSettings,
  purpose: "client" | "peer",
  nowMs: number,
): AuthorityRequest {
  return {
    commonName: `${settings.name} ${purpose} CA`,
    algorithm: settings.spec.tls.certificates.keyAlgorithm,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + Math.max(AUTHORITY_MS, 2 * changeMs(settings)),
  };
}

/** When authorities that end at `notAfterMs` are to be changed: no leaf that they issue until then has to end before its time. */
export function changeAtMs(settings: ClusterSettings, notAfterMs: number): number {
  return notAfterMs - changeMs(settings);
}

function changeMs({ spec }: ClusterSettings): number {
  return duration(spec.tls.certificates.duration) + duration(spec.tls.caRotationOverlap);
}

/** For both of a member's listeners; it acts as a client as well, towards other members and, in the gateway, towards itself. */
export function memberRequest(settings: ClusterSettings, member: string, nowMs: number): LeafRequest {
  return {
    ...validity(settings, nowMs),
    commonName: member,
    hosts: memberHosts(settings, member),
    usage: "ServerAndClient",
  };
}

export function clientRequest(settings: ClusterSettings, user: string, nowMs: number): LeafRequest {
  return { ...validity(settings, nowMs), commonName: user, hosts: [], usage: "Client" };
}

/** When a leaf that ends at `notAfterMs` is to be replaced. */
export function renewAtMs({ spec }: ClusterSettings, notAfterMs: number): number {
  return notAfterMs - duration(spec.tls.certificates.renewBefore);
}

/** Every name that a client or a member may reach a member by, each once. */
export function memberHosts(settings: ClusterSettings, member: string): readonly string[] {
  const { name, namespace, clusterDomain, spec } = settings;
  const forms = (host: string): readonly string[] => [
    host,
    `${host}.${namespace}`,
    `${host}.${namespace}.svc`,
    `${host}.${namespace}.svc.${clusterDomain}`,
  ];
  const peers = peerServiceName(name);
  return [
    ...new Set([
      ...forms(`${member}.${peers}`),
      ...forms(name),
      ...forms(peers),
      "localhost",
      "127.0.0.1",
      "::1",
      ...spec.tls.client.extraSANs,
    ]),
  ];
}

function validity(
  { spec }: ClusterSettings,
  nowMs: number,
): Pick<LeafRequest, "algorithm" | "notBeforeMs" | "notAfterMs"> {
  return {
    algorithm: spec.tls.certificates.keyAlgorithm,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + duration(spec.tls.certificates.duration),
  };
}

function duration(text: string): number {
  return must(parseDuration(text), "the schema lets only durations through");
}
