import { connect, type TLSSocket } from "node:tls";
import type { TlsLook, TlsProbe, TlsSight } from "../../core/index.ts";

/** Milliseconds that a listener has for a handshake and an answer. */
const LIMIT_MS = 2_000;
/** Of an HTTP request that every listener of etcd's answers to whoever it lets in. */
const REQUEST = "GET /version HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n\r\n";

/** {@link TlsProbe} over TCP. */
export class SocketTlsProbe implements TlsProbe {
  readonly #limitMs: number;

  constructor(limitMs: number = LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  look(look: TlsLook): Promise<TlsSight | undefined> {
    return new Promise((resolve) => {
      const { host, port, pair } = look;
      let socket: TLSSocket;
      try {
        // Whoever answers is looked at, not believed: what it shows is compared, and nothing is told to it.
        const options = {
          host,
          port,
          servername: host,
          cert: pair.certPem,
          key: pair.keyPem,
          rejectUnauthorized: false,
        };
        socket = connect({ ...options, ALPNProtocols: ["http/1.1"] });
      } catch {
        // The pair is none.
        resolve(undefined);
        return;
      }
      let isConnected = false;
      let fingerprint: string | undefined;
      const settle = (sight: TlsSight | undefined): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(sight);
      };
      const timer = setTimeout(() => settle(undefined), this.#limitMs);
      socket.once("secureConnect", () => {
        fingerprint = fingerprintOf(socket);
        if (look.asks) socket.write(REQUEST);
        else settle({ fingerprint, isAccepted: undefined });
      });
      socket.once("data", () => settle({ fingerprint, isAccepted: true }));
      // A client's certificate is refused in the handshake or, by TLS 1.3, after it.
      const ended = (): void => settle(isConnected ? { fingerprint, isAccepted: false } : undefined);
      socket.once("connect", () => {
        isConnected = true;
      });
      socket.once("close", ended);
      socket.once("error", ended);
    });
  }
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  const { fingerprint256 } = socket.getPeerCertificate();
  return fingerprint256?.replaceAll(":", "").toLowerCase();
}
