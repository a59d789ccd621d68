import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import type { PeerInfo } from "./types.ts";

/** The other end of a socket. Its certificate is read at once: a socket that has closed knows it no more. */
export class ConnectionPeer implements PeerInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly certificate: PeerInfo["certificate"];
  readonly certificateCommonName: string | undefined;

  constructor(socket: Socket) {
    this.remoteAddress = socket.remoteAddress ?? "";
    this.remotePort = socket.remotePort ?? 0;
    this.certificate = verifiedCertificate(socket);
    this.certificateCommonName = this.certificate?.commonName || undefined;
  }
}

function verifiedCertificate(socket: Socket): PeerInfo["certificate"] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null;
  // Without a client certificate Node returns an empty object, for a closed socket null.
  if (certificate?.subject === undefined) return undefined;
  const commonName = certificate.subject.CN as string | string[] | undefined;
  return {
    // Of several common names Go, and so etcd, goes by the last.
    commonName: typeof commonName === "string" ? commonName : commonName?.at(-1),
    subjectAltName: certificate.subjectaltname,
  };
}
