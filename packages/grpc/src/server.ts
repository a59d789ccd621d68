import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import {
  type AddressInfo,
  createServer as createNetServer,
  type ListenOptions as NetListenOptions,
  type Server as NetServer,
  type Socket,
} from "node:net";
import type { ServerContext } from "./context.ts";
import { Handshakes, type HandshakesOwner } from "./handshakes.ts";
import { bridgeHttp } from "./http-bridge.ts";
import { Connection } from "./http2/connection.ts";
import { DeadlineWheel, SLOT_MS } from "./http2/deadlines.ts";
import { StreamPool } from "./http2/stream-pool.ts";
import { resolveLimits } from "./limits.ts";
import { MethodTable } from "./methods.ts";
import { type SniffOwner, sniff, type Undecided } from "./sniff.ts";
import { startNodeTimer, Ticker } from "./ticker.ts";
import type { GrpcLimits, GrpcObserver, GrpcServerOptions, TlsOptions } from "./types.ts";

/** What a listener speaks. */
export interface ListenerSecurity {
  /** TLS, by default that of the server's options; null: none. */
  readonly tls?: TlsOptions | null;
  /** With TLS, plain text as well on the same port. */
  readonly plainToo?: boolean;
}

/** Where to listen: a host name or address, and a port (0: any free one). */
export interface ListenOptions extends ListenerSecurity {
  readonly host: string;
  readonly port: number;
}

/** How often connections look at the clock. */
const SWEEP_MS = 250;
const BACKLOG = 1024;

/**
 * A gRPC server. It serves HTTP/2 with and without TLS, and hands HTTP/1.1 connections on the same port, and HTTP/2 requests
 * that are not gRPC, to a normal `http.Server`. Nothing a peer sends makes it throw; what handlers throw is reported to the
 * observer.
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #limits: GrpcLimits;
  readonly #observer: GrpcObserver;
  readonly #context: ServerContext;
  readonly #ticker: Ticker;
  readonly #http: HttpServer;
  readonly #ownsHttp: boolean;
  readonly #listeners = new Set<NetServer>();
  readonly #connections = new Set<Connection>();
  readonly #handshakes = new Set<Handshakes>();
  readonly #undecided = new Set<Undecided>();
  readonly #http1 = new Set<Socket>();
  #sweptMs = 0;
  /** Called when the last connection of a drain is gone. */
  #onDrained: (() => void) | undefined;
  #drainByMs = Number.POSITIVE_INFINITY;

  /** Has no effect yet but to check the options; throws `InvariantError` for limits that cannot be honoured. */
  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
    this.#observer = options.observer ?? {};
    const { http } = options;
    this.#ownsHttp = http === undefined || typeof http === "function";
    this.#http = http === undefined || typeof http === "function" ? this.#createHttp(http) : http;
    this.#ticker = new Ticker(options.startTimer ?? startNodeTimer, () => this.#tick());
    this.#context = this.#createContext();
  }

  /**
   * Opens one more listener. Resolves with the address bound; rejects with the operating system's error, whose `code` is
   * `EADDRINUSE`, `EACCES` and so on, or with OpenSSL's for a certificate that cannot be used.
   */
  async listen({ host, port, ...security }: ListenOptions): Promise<AddressInfo> {
    const listener = await this.#listenAt({ host, port, backlog: BACKLOG }, security);
    return listener.address() as AddressInfo;
  }

  /** Opens one more listener, on a unix socket. Rejects as `listen` does; a file that is there already is `EADDRINUSE`. */
  async listenOnPath(path: string, security: ListenerSecurity = {}): Promise<void> {
    await this.#listenAt({ path, backlog: BACKLOG }, security);
  }

  /**
   * Ends gracefully: stops listening, tells clients to go elsewhere (GOAWAY, twice), lets unary calls finish, ends
   * streaming calls with UNAVAILABLE. Resolves when every connection is closed; what is left after `timeoutMs` is cut off.
   */
  drain(timeoutMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    for (const handshakes of this.#handshakes) handshakes.drop();
    for (const { socket } of this.#undecided) socket.destroy();
    this.#drainByMs = this.#context.nowMs() + timeoutMs;
    const drained = new Promise<void>((resolve) => {
      const before = this.#onDrained;
      this.#onDrained = () => {
        before?.();
        resolve();
      };
    });
    for (const connection of this.#connections) connection.drain();
    this.#http.closeIdleConnections();
    this.#ticker.need(SLOT_MS);
    this.#checkDrained();
    return drained;
  }

  /** Closes everything at once; calls in progress are cancelled. Resolves when all sockets are closed. */
  close(): Promise<void> {
    const drained = this.drain(0);
    this.#cutOff();
    return drained;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #createHttp(handler: Exclude<GrpcServerOptions["http"], HttpServer>): HttpServer {
    const { http1HeaderTimeoutMs, maxHeaderListBytes } = this.#limits;
    const options = {
      headersTimeout: http1HeaderTimeoutMs,
      connectionsCheckingInterval: Math.max(10, Math.min(1000, http1HeaderTimeoutMs / 4)),
      maxHeaderSize: maxHeaderListBytes,
    };
    if (handler !== undefined) return createHttpServer(options, handler);
    return createHttpServer(options, (_request, response) => {
      response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
    });
  }

  #createContext(): ServerContext {
    const nowMs = this.#options.nowMs ?? (() => performance.now());
    const wheel = new DeadlineWheel(nowMs());
    return {
      limits: this.#limits,
      methods: new MethodTable(this.#options.services),
      observer: this.#observer,
      pool: new StreamPool(),
      wheel,
      unfinished: { bytes: 0 },
      buffered: { bytes: 0 },
      acceptHttp: this.#options.http === undefined ? undefined : (stream) => bridgeHttp(stream, this.#http),
      nowMs,
      setTimer: (stream, atMs) => {
        wheel.add(stream, atMs);
        this.#ticker.need(SLOT_MS);
      },
      onConnectionClosed: (connection) => {
        this.#connections.delete(connection);
        this.#checkDrained();
      },
    };
  }

  async #listenAt(where: NetListenOptions, security: ListenerSecurity): Promise<NetServer> {
    const listener = this.#createListener(security);
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error): void => {
        this.#listeners.delete(listener);
        reject(error);
      };
      this.#listeners.add(listener);
      listener.once("error", onError);
      listener.listen(where, () => {
        listener.off("error", onError);
        // Failures to accept, such as too many open files, pass: Node goes on accepting.
        listener.on("error", () => this.#observer.abuse?.("accept-failed", ""));
        if (!this.#http.listening && this.#http.listenerCount("listening") > 0) startHttpTimeouts(this.#http);
        resolve();
      });
    });
    return listener;
  }

  #createListener({ tls = this.#options.tls ?? null, plainToo = false }: ListenerSecurity): NetServer {
    const handshakes = tls === null ? undefined : new Handshakes(tls, this.#limits, this.#handshakesOwner);
    if (handshakes !== undefined) this.#handshakes.add(handshakes);
    const listener = createNetServer();
    listener.maxConnections = this.#limits.maxConnections;
    listener.on("drop", (data) => this.#observer.abuse?.("too-many-connections", data?.remoteAddress ?? ""));
    listener.on("connection", (socket: Socket) => {
      if (handshakes === undefined || plainToo) this.#accept(socket, handshakes);
      else handshakes.begin(socket);
    });
    return listener;
  }

  #accept(socket: Socket, handshakes?: Handshakes): void {
    const undecided: Undecided = { socket, sinceMs: this.#context.nowMs(), handshakes };
    this.#undecided.add(undecided);
    sniff(undecided, this.#sniffOwner);
    this.#ticker.need(SWEEP_MS);
  }

  readonly #handshakesOwner: HandshakesOwner = {
    onSecure: (socket) => this.#accept(socket),
    onRefused: (kind, peer, reason) => this.#observer.abuse?.(kind, peer, reason),
  };

  readonly #sniffOwner: SniffOwner = {
    onHttp2: (undecided, first) => {
      this.#undecided.delete(undecided);
      const connection = new Connection(this.#context, undecided.socket);
      this.#connections.add(connection);
      this.#observer.connectionOpened?.();
      connection.start(first);
    },
    onHttp1: (undecided) => {
      const { socket } = undecided;
      this.#undecided.delete(undecided);
      this.#http1.add(socket);
      socket.on("close", () => {
        this.#http1.delete(socket);
        this.#checkDrained();
      });
      this.#http.emit("connection", socket);
      socket.resume();
    },
    onTls: (undecided, handshakes) => {
      this.#undecided.delete(undecided);
      handshakes.begin(undecided.socket);
    },
    onNeither: (_undecided, kind, peer) => this.#observer.abuse?.(kind, peer),
    onGone: (undecided) => {
      this.#undecided.delete(undecided);
      this.#checkDrained();
    },
  };

  /** Advances everything that depends on time; returns when it wants the next tick. */
  #tick(): number {
    const nowMs = this.#context.nowMs();
    this.#context.wheel.advance(nowMs);
    if (nowMs - this.#sweptMs >= SWEEP_MS) {
      this.#sweptMs = nowMs;
      // While draining, connections that have become idle are in the way.
      if (this.#onDrained !== undefined) this.#http.closeIdleConnections();
      for (const connection of this.#connections) connection.sweep(nowMs);
      for (const undecided of this.#undecided) {
        const { socket, sinceMs } = undecided;
        if (nowMs - sinceMs < this.#limits.prefaceTimeoutMs) continue;
        this.#undecided.delete(undecided);
        this.#observer.abuse?.("preface-timeout", socket.remoteAddress ?? "");
        socket.destroy();
      }
    }
    if (nowMs >= this.#drainByMs) this.#cutOff();
    if (this.#context.wheel.count > 0 || this.#onDrained !== undefined) return SLOT_MS;
    return this.#connections.size + this.#undecided.size > 0 ? SWEEP_MS : 0;
  }

  #cutOff(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const { socket } of this.#undecided) socket.destroy();
    for (const socket of this.#http1) socket.destroy();
  }

  #checkDrained(): void {
    if (this.#onDrained === undefined) return;
    if (this.#connections.size + this.#undecided.size + this.#http1.size > 0) return;
    const onDrained = this.#onDrained;
    this.#onDrained = undefined;
    this.#drainByMs = Number.POSITIVE_INFINITY;
    this.#ticker.stop();
    if (this.#ownsHttp) this.#http.close();
    onDrained();
  }
}

/**
 * Node's limits on the time that headers may take start with the `listening` event, and this server never listens itself: it
 * is given connections.
 */
function startHttpTimeouts(http: HttpServer): void {
  if (started.has(http)) return;
  started.add(http);
  http.emit("listening");
}

const started = new WeakSet<HttpServer>();
