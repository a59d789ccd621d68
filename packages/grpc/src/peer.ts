import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PeerInfo } from "./types.ts";

/** The other end of a socket. The certificate is looked at when someone asks, then kept. */
export class ConnectionPeer implements PeerInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  #certificate: PeerInfo["certificate"] | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? "";
    this.remotePort = socket.remotePort ?? 0;
  }

  get certificate(): PeerInfo["certificate"] {
    if (this.#certificate === null) this.#certificate = verifiedCertificate(this.#socket);
    return this.#certificate;
  }
}

function verifiedCertificate(socket: Socket): PeerInfo["certificate"] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  // Without a client certificate Node returns an empty object.
  if (certificate.subject === undefined) return undefined;
  const commonName = certificate.subject.CN as string | string[] | undefined;
  return {
    commonName: typeof commonName === "string" ? commonName : commonName?.[0],
    subjectAltName: certificate.subjectaltname,
  };
}
