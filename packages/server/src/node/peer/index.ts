/** Members of a cluster talking to each other: etcd's peer protocol, both ends. */

export { PeerHttpError } from "./http-text.ts";
export { PeerClient, type PeerMembers, PeerRequestError } from "./peer-client.ts";
export type { PeerHash, PeerHttpSource, PeerVersions } from "./peer-http-source.ts";
export type { PeerClientTls, PeerServerTls, PeerTls } from "./peer-tls.ts";
export { PeerTransport, type PeerTransportDeps } from "./peer-transport.ts";
export type { SnapshotOutcome } from "./snapshot-sender.ts";
