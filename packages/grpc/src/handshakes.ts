import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { clientAddress, PendingHandshakes } from "./pending-handshakes.ts";
import type { GrpcLimits, TlsOptions } from "./types.ts";

/** What becomes of connections that begin a TLS handshake. */
export interface HandshakesOwner {
  /** It is over, and the client may be served. */
  onSecure(socket: TLSSocket): void;
  /** It failed, or the client may not be served; the connection is closed. */
  onRefused(kind: "tls-handshake" | "tls-certificate" | "too-many-handshakes", peer: string, reason?: string): void;
}

/** The TLS handshakes of a listener. Each connection gets the certificate of its time (`TlsOptions.renew`). */
export class Handshakes {
  readonly #options: TlsOptions;
  readonly #owner: HandshakesOwner;
  readonly #server: Server;
  readonly #pending: PendingHandshakes;
  readonly #limits: GrpcLimits;
  /** Connections whose handshake begins in a later turn; some may have closed. */
  #waiting: Socket[] = [];
  #begunInTurn = 0;
  #context: unknown;

  /** Throws when the certificate, the key or anything else of `options` cannot be used. */
  constructor(options: TlsOptions, limits: GrpcLimits, owner: HandshakesOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#context = options;
    this.#limits = limits;
    this.#pending = new PendingHandshakes(limits.maxPendingHandshakes, (peer) => {
      owner.onRefused("too-many-handshakes", peer);
    });
    // It never listens: it is given connections, as the event's documentation allows.
    this.#server = createServer({
      ...options,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.tlsHandshakeTimeoutMs,
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => this.#onSecure(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      this.#pending.settle(socket);
      owner.onRefused("tls-handshake", clientAddress(socket), handshakeFailure(error, socket));
      socket.destroy();
    });
  }

  /**
   * Takes a connection of which nothing has been read, or what has been is back in it. Its handshake begins once the client has
   * begun it, so many in a turn: those who wait together and then speak at once take turns with everything else.
   */
  begin(socket: Socket): void {
    this.#pending.begin(socket);
    socket.on("error", () => undefined);
    const onSilence = (): void => {
      socket.destroy();
      this.#owner.onRefused("tls-handshake", socket.remoteAddress ?? "", "ERR_TLS_HANDSHAKE_TIMEOUT");
    };
    socket.setTimeout(this.#limits.tlsHandshakeTimeoutMs, onSilence);
    socket.once("data", (chunk: Buffer) => {
      socket.setTimeout(0, onSilence);
      socket.pause();
      socket.unshift(chunk);
      if (this.#begunInTurn < this.#limits.maxHandshakesPerTurn && this.#waiting.length === 0) this.#beginNow(socket);
      else this.#waiting.push(socket);
    });
    socket.resume();
  }

  #beginNow(socket: Socket): void {
    if (this.#begunInTurn++ === 0) setImmediate(() => this.#onTurnEnd());
    this.#renew();
    this.#server.emit("connection", socket);
  }

  #onTurnEnd(): void {
    this.#begunInTurn = 0;
    const waiting = this.#waiting;
    let taken = 0;
    while (taken < waiting.length && this.#begunInTurn < this.#limits.maxHandshakesPerTurn) {
      const socket = waiting[taken++] as Socket;
      if (!socket.destroyed) this.#beginNow(socket);
    }
    this.#waiting = waiting.slice(taken);
  }

  /** Ends all that are under way. */
  drop(): void {
    this.#pending.drop();
  }

  #renew(): void {
    const renewed = this.#options.renew?.();
    if (renewed === undefined || renewed === this.#context) return;
    this.#context = renewed;
    this.#server.setSecureContext(renewed);
  }

  #onSecure(socket: TLSSocket): void {
    this.#pending.settle(socket);
    const reason = this.#options.verify?.(socket);
    if (reason === undefined) return this.#owner.onSecure(socket);
    this.#owner.onRefused("tls-certificate", clientAddress(socket), reason);
    socket.on("error", () => undefined);
    socket.destroy();
  }
}

/** Why a handshake failed: what is wrong with the client's certificate, where that is it; else what OpenSSL or the socket says. */
export function handshakeFailure(
  error: Error & { readonly reason?: string; readonly code?: string },
  socket: TLSSocket,
): string {
  // OpenSSL's name of the problem, whatever the type says.
  const problem = socket.authorizationError as unknown;
  if (typeof problem === "string") return `client certificate not accepted: ${problem}`;
  return error.reason ?? error.code ?? error.message;
}
