import { createServer, type Server } from "node:http";
import type { EndpointUrl } from "../config/server-config.ts";
import type { HttpHandler } from "./handler.ts";

/** What a peer may cost an HTTP/1 listener. Times in ms, sizes in bytes. */
export const HTTP_LIMITS = {
  /** All headers of a request within; etcd's 5 minutes let a peer hold connections open for nothing. */
  headersTimeoutMs: 10_000,
  /** The whole request within. */
  requestTimeoutMs: 30_000,
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
      requestTimeout: HTTP_LIMITS.requestTimeoutMs,
      keepAliveTimeout: HTTP_LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: HTTP_LIMITS.checkIntervalMs,
      maxHeaderSize: HTTP_LIMITS.headerBytesMax,
    },
    handler,
  );
  server.maxConnections = HTTP_LIMITS.connectionsMax;
  return server;
}

/** A listener of HTTP alone. */
export interface HttpListener {
  /** `host:port`, or the path of a unix socket. */
  readonly address: string;
  /** Stops accepting, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

/** Listens on one of `--listen-client-http-urls` or `--listen-metrics-urls`. Rejects naming the URL when it cannot. */
export async function listenHttp(url: EndpointUrl, handler: HttpHandler): Promise<HttpListener> {
  const server = createHttpServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot listen on ${url.text}: ${error.message}`, { cause: error })),
    );
    const listening = (): void => resolve();
    if (url.socketPath !== undefined) server.listen(url.socketPath, listening);
    else if (url.host === "") server.listen(url.port, listening);
    else server.listen(url.port, url.host, listening);
  });
  const bound = server.address();
  return {
    address: bound === null || typeof bound === "string" ? (bound ?? "") : hostPort(bound.address, bound.port),
    close(graceMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
