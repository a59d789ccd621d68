import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/**
 * The TLS handshakes under way on a listener, at most so many: beyond that the oldest gives way, since an honest one is over within
 * moments and those that never end are all that waits (GHSA-6vch-q96h-7gc3).
 */
export class PendingHandshakes {
  readonly #max: number;
  readonly #onGivenUp: (peer: string) => void;
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>();

  /** `onGivenUp` is told the address of each that gives way. */
  constructor(max: number, onGivenUp: (peer: string) => void) {
    this.#max = max;
    this.#onGivenUp = onGivenUp;
  }

  /** A connection begins its handshake. */
  begin(socket: Socket): void {
    // Looked at now, it is still known once the socket is closed.
    void socket.remoteAddress;
    const [oldest] = this.#sockets;
    if (oldest !== undefined && this.#sockets.size >= this.#max) {
      this.#sockets.delete(oldest);
      oldest.destroy();
      this.#onGivenUp(oldest.remoteAddress ?? "");
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** The handshake is over, one way or the other. */
  settle(socket: TLSSocket): void {
    const carrier = carrierOf(socket);
    // Were it not known, connections past their handshake would be taken for pending ones: rather no limit then.
    if (carrier === undefined) this.#sockets.clear();
    else this.#sockets.delete(carrier);
  }

  /** Ends all of them. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The client's address; empty for unix sockets. A TLS socket forgets it when it closes, the one that carries it does not. */
export function clientAddress(socket: TLSSocket): string {
  return socket.remoteAddress ?? carrierOf(socket)?.remoteAddress ?? "";
}

/** The TCP or unix socket under a TLS one, which Node tells by an internal field alone. */
function carrierOf(socket: TLSSocket): Socket | undefined {
  return (socket as { readonly _parent?: Socket })._parent;
}
