import { createServer, type Server } from "node:http";
import { type GrpcObserver, GrpcServer, type TlsOptions } from "@quorate/grpc";
import type { EndpointUrl } from "../config/server-config.ts";
import { listenOnAddress } from "../listen-address.ts";
import type { HttpHandler } from "./handler.ts";
import { acceptWebSockets } from "./web-sockets.ts";

/** What a peer may cost an HTTP/1 listener. Times in ms, sizes in bytes. */
export const HTTP_LIMITS = {
  /** All headers of a request within; etcd's 5 minutes let a peer hold connections open for nothing. */
  headersTimeoutMs: 10_000,
  /** An idle connection is kept so long. */
  keepAliveTimeoutMs: 75_000,
  headerBytesMax: 16_384,
  connectionsMax: 1024,
  /** How often the timeouts above are looked at. */
  checkIntervalMs: 1000,
} as const;

/** An HTTP/1 server with these limits. It is not listening; hand it connections, or see {@link listenHttp}. */
export function createHttpServer(handler: HttpHandler): Server {
  const server = createServer(
    {
      headersTimeout: HTTP_LIMITS.headersTimeoutMs,
      // A watch may keep its request open as long as it likes; handlers limit how long a body or a message takes.
      requestTimeout: 0,
      keepAliveTimeout: HTTP_LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: HTTP_LIMITS.checkIntervalMs,
      maxHeaderSize: HTTP_LIMITS.headerBytesMax,
    },
    handler.serve,
  );
  server.maxConnections = HTTP_LIMITS.connectionsMax;
  if (handler.webSockets !== undefined) acceptWebSockets(server, handler.webSockets);
  return server;
}

/** A listener of HTTP alone. */
export interface HttpListener {
  /** `host:port`, or the path of a unix socket. */
  readonly address: string;
  /** Stops accepting, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

/** What a listener of HTTP does beside answering. */
export interface HttpListenOptions {
  /** For `https` and `unixs`. */
  readonly tls?: TlsOptions | undefined;
  /** Told of connections that come to nothing. */
  readonly observer?: Pick<GrpcObserver, "abuse">;
}

/**
 * Listens for HTTP/1.1 and HTTP/2 on the URLs of one address (see `addressesOf`) among `--listen-client-http-urls` or
 * `--listen-metrics-urls`. Rejects naming the URL when it cannot.
 */
export async function listenHttp(
  urls: readonly EndpointUrl[],
  handler: HttpHandler,
  { tls, observer = {} }: HttpListenOptions = {},
): Promise<HttpListener> {
  // The same server as for gRPC, with nothing to call: it tells protocols apart and bounds handshakes.
  const server = new GrpcServer({
    services: {},
    observer,
    http: createHttpServer(handler),
    limits: { maxConnections: HTTP_LIMITS.connectionsMax },
  });
  const address = await listenOnAddress(server, urls, tls);
  return { address, close: (graceMs) => (graceMs > 0 ? server.drain(graceMs) : server.close()) };
}
