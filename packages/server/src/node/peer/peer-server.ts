import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { InvariantError, type Logger } from "@quorate/base";
import { clientAddress, handshakeFailure, PendingHandshakes } from "@quorate/grpc";
import { DecodeError } from "@quorate/protocol";
import { type Message, MessageType } from "@quorate/raft";
import type { EndpointUrl } from "../config/index.ts";
import { removeStaleSocket } from "../stale-socket.ts";
import type { StreamKind } from "./framing.ts";
import { allowMethod, answerText, PeerHttpError, readBody } from "./http-text.ts";
import { errorText } from "./peer-dialer.ts";
import { header, hex, incompatibility, type PeerIdentity, parseHexId, senderOf } from "./peer-headers.ts";
import type { PeerHttpHandler } from "./peer-http-handler.ts";
import { certificateProblem, type PeerServerTls, secureContextOptions } from "./peer-tls.ts";
import { decodeMessage } from "./raft-message.ts";
import { receiveSnapshot } from "./snapshot-receiver.ts";

/** What a connection may cost. Times in ms, sizes in bytes. */
const LIMITS = {
  /** Neither reading nor writing may stand still for so long. */
  idleMs: 5000,
  headersMs: 5000,
  handshakeMs: 10_000,
  /** Then the oldest gives way. A cluster's members have a few under way at most. */
  handshakesMax: 128,
  headerBytesMax: 16_384,
  connectionsMax: 1024,
  checkIntervalMs: 1000,
  messageBytesMax: 64 * 1024 * 1024,
} as const;

/** What the server needs of the rest of the transport. */
export interface PeerServerDeps {
  readonly identity: PeerIdentity;
  readonly tls: PeerServerTls | undefined;
  readonly logger: Logger;
  readonly http: PeerHttpHandler;
  readonly wallMs: () => number;
  readonly isRemoved: (id: bigint) => boolean;
  readonly isPeer: (id: bigint) => boolean;
  /** Somebody unknown named itself and its URLs. */
  readonly onSender: (id: bigint, urls: readonly string[]) => void;
  readonly onMessage: (message: Message, bytes: number) => void;
  readonly onSnapshot: (message: Message, body: Readable) => Promise<void>;
  /** A known peer wants to be sent to; the head of the answer is written, the socket is the receiver's from now on. */
  readonly onStream: (kind: StreamKind, from: bigint, socket: Socket) => void;
}

/** The listening side: every path of the peer port. Peer protocol page, section 2. */
export class PeerServer {
  readonly #deps: PeerServerDeps;
  readonly #servers: (Server | SecureServer)[] = [];
  /** Every connection, also before and without its handshake. */
  readonly #sockets = new Set<Socket>();
  /** Sockets whose certificate is still being looked at. */
  readonly #admissions = new WeakMap<Socket, Promise<boolean>>();

  constructor(deps: PeerServerDeps) {
    this.#deps = deps;
  }

  /** Listens on one more URL; resolves to the port, 0 for a unix socket. Rejects naming the URL when it cannot. */
  async listen(url: EndpointUrl): Promise<number> {
    const server = this.#createServer(url.scheme === "https" || url.scheme === "unixs");
    if (url.socketPath !== undefined) removeStaleSocket(url.socketPath);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) =>
        reject(new Error(`cannot listen on ${url.text}: ${error.message}`, { cause: error })),
      );
      const listening = (): void => resolve();
      if (url.socketPath !== undefined) server.listen(url.socketPath, listening);
      else if (url.host === "") server.listen(url.port, listening);
      else server.listen(url.port, url.host, listening);
    });
    server.on("error", (error) => this.#deps.logger.warn("peer listener failed", { error: error.message }));
    this.#servers.push(server);
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Stops accepting and ends every connection. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    this.#servers.length = 0;
    await Promise.all(closed);
  }

  #createServer(secure: boolean): Server | SecureServer {
    const { tls } = this.#deps;
    const options = {
      headersTimeout: LIMITS.headersMs,
      // A snapshot takes as long as it takes; what bounds it is that it never stands still.
      requestTimeout: 0,
      keepAliveTimeout: LIMITS.idleMs,
      connectionsCheckingInterval: LIMITS.checkIntervalMs,
      maxHeaderSize: LIMITS.headerBytesMax,
      noDelay: true,
    };
    const listener: RequestListener = (request, response) => this.#admit(request, response);
    let server: Server | SecureServer;
    if (secure) {
      if (tls === undefined) throw new Error("a secure peer URL needs a certificate and a key");
      const secured = createSecureServer(
        {
          ...options,
          ...secureContextOptions(tls),
          handshakeTimeout: LIMITS.handshakeMs,
          requestCert: tls.clientCertAuth,
          rejectUnauthorized: tls.clientCertAuth,
        },
        listener,
      );
      const present = renewContext(secured, tls);
      const handshakes = new PendingHandshakes(LIMITS.handshakesMax, (peer) => {
        this.#tellRejected(peer, "too many TLS handshakes are under way");
      });
      server = secured;
      server.prependListener("connection", (socket: Socket) => handshakes.begin(socket));
      server.on("secureConnection", (socket: TLSSocket) => {
        handshakes.settle(socket);
        this.#examine(socket, present());
      });
      server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
        handshakes.settle(socket);
        this.#tellRejected(clientAddress(socket), handshakeFailure(error, socket));
        socket.destroy();
      });
    } else {
      server = createServer(options, listener);
    }
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.maxConnections = LIMITS.connectionsMax;
    server.timeout = LIMITS.idleMs;
    return server;
  }

  #examine(socket: TLSSocket, tls: PeerServerTls): void {
    const verdict = certificateProblem(socket, tls).then((problem) => {
      if (problem === undefined) return true;
      this.#tellRejected(clientAddress(socket), problem);
      socket.destroy();
      return false;
    });
    this.#admissions.set(socket, verdict);
  }

  #tellRejected(peer: string, error: string): void {
    this.#deps.logger.warn("rejected connection on peer endpoint", { "remote-addr": peer, error });
  }

  #admit(request: IncomingMessage, response: ServerResponse): void {
    // A peer that goes away in the middle is no reason to do anything.
    request.on("error", () => {});
    response.on("error", () => {});
    const admission = this.#admissions.get(request.socket);
    if (admission === undefined) this.#dispatch(request, response);
    else {
      void admission.then((admitted) => {
        if (admitted) this.#dispatch(request, response);
      });
    }
  }

  #dispatch(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").replace(/[?#].*$/, "");
    if (path === "/raft") void this.#receiveMessage(request, response);
    else if (path === "/raft/snapshot") void this.#receiveSnapshot(request, response);
    else if (path.startsWith("/raft/stream/")) this.#openStream(path, request, response);
    else if (path === "/raft/probing") this.#probe(response);
    else void this.#deps.http.handle(path, request, response);
  }

  #probe(response: ServerResponse): void {
    response.setHeader("Content-Type", "application/json");
    response.end(`{"OK":true,"Now":"${new Date(this.#deps.wallMs()).toISOString()}"}\n`);
  }

  /** What every path of raft checks first. False if the request is answered. */
  #passes(request: IncomingMessage, response: ServerResponse, method: "GET" | "POST"): boolean {
    if (!allowMethod(request, response, method)) return false;
    const { identity, logger } = this.#deps;
    response.setHeader("X-Etcd-Cluster-ID", hex(identity.clusterId));
    const problem = incompatibility(identity, request.headers);
    if (problem === undefined) return true;
    logger.warn("refused request of peer", {
      "remote-peer-id": header(request.headers, "x-server-from"),
      "remote-peer-cluster-id": header(request.headers, "x-etcd-cluster-id"),
      "remote-peer-server-version": header(request.headers, "x-server-version"),
      error: problem,
    });
    this.#refuse(request, response, 412, problem);
    return false;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
    if (!request.complete) {
      response.setHeader("Connection", "close");
      request.socket.setTimeout(LIMITS.idleMs);
      response.once("finish", () => request.destroy());
    }
    answerText(response, status, text);
  }

  async #receiveMessage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#passes(request, response, "POST")) return;
    this.#learnSender(request);
    try {
      const body = await readBody(request, LIMITS.messageBytesMax);
      const message = decodeMessage(new Uint8Array(body.buffer, body.byteOffset, body.length));
      if (message.type === MessageType.Snap) throw new PeerHttpError(400, "snapshot without a database");
      if (!this.#accepts(message, request, response)) return;
      this.#deps.onMessage(message, body.length);
      response.statusCode = 204;
      response.end();
    } catch (error) {
      this.#failed(error, request, response);
    }
  }

  async #receiveSnapshot(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#passes(request, response, "POST")) return;
    this.#learnSender(request);
    try {
      const { message, database } = await receiveSnapshot(request);
      // Whoever reads it hears of errors; nobody may yet.
      database.on("error", () => {});
      if (message.type !== MessageType.Snap) throw new PeerHttpError(400, "wrong raft message type");
      if (message.snapshot === undefined) throw new PeerHttpError(400, "raft snapshot message without snapshot");
      if (!this.#accepts(message, request, response)) return;
      await this.#deps.onSnapshot(message, database);
      response.statusCode = 204;
      response.end();
    } catch (error) {
      this.#failed(error, request, response);
    }
  }

  /**
   * Whether the message is from a possible member to this one. 403 makes an etcd member shut down, so it is said only to
   * members that were removed.
   */
  #accepts(message: Message, request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#deps.isRemoved(message.from)) {
      response.statusCode = 403;
      response.setHeader("Content-Type", "application/json");
      if (!request.complete) response.once("finish", () => request.destroy());
      response.end(`{"message":"cannot process message from removed member"}`);
      return false;
    }
    if (message.to === this.#deps.identity.memberId) return true;
    this.#refuse(request, response, 412, "to field mismatch");
    return false;
  }

  /** What failed is answered; an invariant of ours that does not hold is nothing to go on from, and ends the process. */
  #failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    if (error instanceof InvariantError) throw error;
    if (error instanceof PeerHttpError) this.#refuse(request, response, error.status, error.message);
    else if (error instanceof DecodeError) this.#refuse(request, response, 400, "error unmarshalling raft message");
    else {
      this.#deps.logger.warn("failed to process raft message", { error: errorText(error) });
      this.#refuse(request, response, 500, "error processing raft message");
    }
  }

  #openStream(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { identity } = this.#deps;
    response.setHeader("X-Server-Version", identity.serverVersion);
    if (!this.#passes(request, response, "GET")) return;
    const match = /^\/raft\/stream\/(message|msgapp)\/([^/]*)$/.exec(path);
    const from = parseHexId(match?.[2] ?? "");
    if (match === null) answerText(response, 404, "invalid path");
    else if (from === undefined) answerText(response, 404, "invalid from");
    else if (this.#deps.isRemoved(from)) answerText(response, 410, "removed member");
    else if (!this.#deps.isPeer(from)) {
      this.#learnSender(request);
      answerText(response, 404, "error sender not found");
    } else if (header(request.headers, "x-raft-to") !== hex(identity.memberId)) {
      answerText(response, 412, "to field mismatch");
    } else {
      response.writeHead(200, { "Transfer-Encoding": "chunked" });
      response.flushHeaders();
      this.#deps.onStream(match[1] as StreamKind, from, request.socket);
    }
  }

  #learnSender(request: IncomingMessage): void {
    const sender = senderOf(request.headers);
    if (sender !== undefined && !this.#deps.isRemoved(sender.id)) this.#deps.onSender(sender.id, sender.urls);
  }
}

/** Gives each connection the certificate of its time; returns what tells the present one. */
function renewContext(server: SecureServer, tls: PeerServerTls): () => PeerServerTls {
  let current = tls;
  server.prependListener("connection", () => {
    const renewed = current.renew?.() ?? current;
    if (renewed === current) return;
    current = renewed;
    server.setSecureContext(secureContextOptions(renewed));
  });
  return () => current;
}
