import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";

/** What members tell each other about themselves in headers. Peer protocol page, sections 3 and 9. */

/** The lowest version of a cluster that this member can stand in. */
export const MIN_CLUSTER_VERSION = "3.0.0";
/** Release of a peer that does not name one. */
const UNNAMED_VERSION = "2.0.0";

/** Who this member says it is. */
export interface PeerIdentity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** The etcd release it stands for, `x.y.z`. */
  readonly serverVersion: string;
}

/** Headers of a request to a peer. IDs are lower-case hex. */
export function requestHeaders(identity: PeerIdentity, ownPeerUrls: readonly string[]): OutgoingHttpHeaders {
  return {
    "X-Server-From": hex(identity.memberId),
    "X-Server-Version": identity.serverVersion,
    "X-Min-Cluster-Version": MIN_CLUSTER_VERSION,
    "X-Etcd-Cluster-ID": hex(identity.clusterId),
    "X-PeerURLs": ownPeerUrls.join(","),
  };
}

/** Why a request of these headers is refused (the body of a 412, which peers compare literally), or undefined. */
export function incompatibility(identity: PeerIdentity, headers: IncomingHttpHeaders): string | undefined {
  const server = parseVersion(header(headers, "x-server-version") ?? UNNAMED_VERSION);
  const minimum = parseVersion(header(headers, "x-min-cluster-version") ?? UNNAMED_VERSION);
  const own = parseVersion(identity.serverVersion);
  const lowest = parseVersion(MIN_CLUSTER_VERSION);
  if (server === undefined || minimum === undefined || own === undefined || lowest === undefined) return INCOMPATIBLE;
  if (server < lowest || minimum > own) return INCOMPATIBLE;
  return header(headers, "x-etcd-cluster-id") === hex(identity.clusterId) ? undefined : CLUSTER_ID_MISMATCH;
}

export const INCOMPATIBLE = "incompatible version";
export const CLUSTER_ID_MISMATCH = "cluster ID mismatch";

/** Whether the answer of `headers` to a stream request comes from a release that has such streams. */
export function supportsStreams(headers: IncomingHttpHeaders): boolean {
  const version = parseVersion(header(headers, "x-server-version") ?? UNNAMED_VERSION);
  return version !== undefined && version > 2 * MAJOR;
}

/** Who sent a request and where it can be reached, where it says so in an acceptable form. */
export function senderOf(
  headers: IncomingHttpHeaders,
): { readonly id: bigint; readonly urls: readonly string[] } | undefined {
  const id = parseHexId(header(headers, "x-server-from") ?? "");
  const urls = (header(headers, "x-peerurls") ?? "").split(",").filter((url) => url !== "");
  if (id === undefined || id === 0n || urls.length === 0 || urls.length > URLS_MAX) return undefined;
  return urls.every((url) => PEER_URL.test(url)) ? { id, urls } : undefined;
}

const URLS_MAX = 16;
const PEER_URL = /^(?:https?:\/\/(?:\[[0-9A-Fa-f:.%]+\]|[^\s/:?#@[\]]+):\d{1,5}|unixs?:\/\/[^\s,]+)$/;

/** One header's value; the first if it was sent more than once. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** The ID that 1 to 16 hexadecimal digits stand for, or undefined. */
export function parseHexId(text: string): bigint | undefined {
  return /^[0-9A-Fa-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

const MAJOR = 1_000_000;

/** Major and minor as one number that compares as they do; undefined for what is no version. */
function parseVersion(text: string): number | undefined {
  const match = /^(\d{1,6})\.(\d{1,6})\.\d{1,6}(?:[-+][0-9A-Za-z.+-]*)?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * MAJOR + Number(match[2]);
}

/** The text form of an ID on the wire: lower-case hex without padding. */
export function hex(id: bigint): string {
  return id.toString(16);
}
