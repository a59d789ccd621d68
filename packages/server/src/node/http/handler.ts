import type { IncomingMessage, ServerResponse } from "node:http";
import { gzip } from "node:zlib";
import type { Logger } from "@quorate/base";
import type { WebSocket } from "ws";
import { EXPOSITION_CONTENT_TYPE } from "../metrics/prometheus-metrics.ts";
import type { HealthMetrics, ScrapeStatus } from "../metrics/server-metrics.ts";
import { type AccessRules, admits, refusal } from "./access-control.ts";
import { serveVars } from "./debug-vars.ts";
import { afterBody } from "./discarded-body.ts";
import type { Gateway } from "./gateway/index.ts";
import { serveHealth, serveProbe } from "./health.ts";
import type { HealthSource } from "./health-source.ts";
import { Profiles } from "./profiles.ts";
import { type RequestTarget, requestTarget } from "./request-target.ts";
import { onlyGet, sendError, sendJson, sendNotFound, sendRedirect, sendText } from "./respond.ts";
import type { WebSocketRoute } from "./web-sockets.ts";

/** Answers requests. Its functions return at once and never throw. */
export interface HttpHandler {
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  /** Undefined where there are no WebSockets. */
  readonly webSockets: WebSocketRoute | undefined;
}

export interface HttpHandlerOptions extends AccessRules {
  readonly source: HealthSource;
  readonly healthMetrics: HealthMetrics;
  /** All metrics as text (`PrometheusMetrics.exposition`). */
  readonly exposition: () => Promise<string>;
  readonly logger: Logger;
  /** `client`: everything. `metrics`: what `--listen-metrics-urls` serves, metrics and health alone, without access rules. */
  readonly surface: "client" | "metrics";
  /** Serves paths under `/v3/`; undefined without `--enable-grpc-gateway`. */
  readonly gateway?: Gateway | undefined;
  readonly enablePprof: boolean;
  /** Longest wait for a read of a health check. */
  readonly readTimeoutMs: number;
}

const GATEWAY = "/v3/";
const PPROF = "/debug/pprof/";

/** The handler of a listener. Paths are matched as they come; what is not known is 404. */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { gateway, logger, surface } = options;
  const routes = new Routes(options);
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    response.on("error", () => {});
    try {
      routes.serve(request, response);
    } catch (error) {
      logger.error("HTTP handler failed", { path: request.url, error });
      if (response.headersSent) response.destroy();
      else sendError(response, 500, "internal error");
    }
  };
  if (gateway === undefined || surface !== "client") return { serve, webSockets: undefined };
  const accept = (request: IncomingMessage): ((socket: WebSocket) => void) | undefined => {
    const target = requestTarget(request.url ?? "/");
    const path = target?.path ?? "";
    // What is not let in, or lies elsewhere, is told so over HTTP.
    if (!path.startsWith(GATEWAY) || target?.cleaned !== undefined) return undefined;
    if (refusal(options, request, true) !== undefined) return undefined;
    return (socket) => gateway.serveWebSocket(path, request, socket);
  };
  return { serve, webSockets: { accept, messageBytesMax: gateway.jsonBytesMax } };
}

class Routes {
  readonly #options: HttpHandlerOptions;
  readonly #profiles: Profiles;
  #scrape: Promise<string> | undefined;
  #scrapesInFlight = 0;

  constructor(options: HttpHandlerOptions) {
    this.#options = options;
    this.#profiles = new Profiles(options.logger);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { gateway } = this.#options;
    const target = requestTarget(request.url ?? "/");
    // No endpoint but the gateway takes a body.
    if (gateway !== undefined && target !== undefined && this.#isForGateway(target, request)) {
      if (this.#admits(request, response, true)) gateway.serve(target.path, request, response);
      return;
    }
    afterBody(request, (isWhole) => {
      if (!isWhole) response.setHeader("Connection", "close");
      if (target === undefined) sendText(response, 400, "400 Bad Request", false);
      else this.#answer(target, request, response);
    });
  }

  /** Whether the gateway gets a request; otherwise it is refused, sent elsewhere, or for another endpoint. */
  #isForGateway({ cleaned, path }: RequestTarget, request: IncomingMessage): boolean {
    const options = this.#options;
    return (
      options.surface === "client" &&
      path.startsWith(GATEWAY) &&
      cleaned === undefined &&
      request.method !== "OPTIONS" &&
      refusal(options, request, true) === undefined
    );
  }

  #admits(request: IncomingMessage, response: ServerResponse, isGateway: boolean): boolean {
    const options = this.#options;
    return options.surface !== "client" || admits(options, request, response, isGateway, options.logger);
  }

  #answer(target: RequestTarget, request: IncomingMessage, response: ServerResponse): void {
    const { gateway, surface } = this.#options;
    const { path, query } = target;
    const isClient = surface === "client";
    if (!this.#admits(request, response, isClient && gateway !== undefined && path.startsWith(GATEWAY))) return;
    const elsewhere = target.cleaned ?? this.#folderOf(path, request.url);
    if (elsewhere !== undefined) {
      sendRedirect(response, elsewhere, request.method);
      return;
    }
    if (path === "/metrics") this.#serveMetrics(request, response);
    else if (!this.#serveHealth(path, query, request, response)) {
      if (isClient) this.#serveClient(path, query, request, response);
      else sendNotFound(response);
    }
  }

  /** Where a path goes that lacks nothing but the slash at its end, as Go's `ServeMux` sends it on. */
  #folderOf(path: string, url = ""): string | undefined {
    const { enablePprof, gateway, surface } = this.#options;
    const isFolder =
      surface === "client" &&
      ((gateway !== undefined && `${path}/` === GATEWAY) || (enablePprof && `${path}/` === PPROF));
    return isFolder ? `${path}/${/\?.*$/s.exec(url)?.[0] ?? ""}` : undefined;
  }

  #serveHealth(path: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): boolean {
    const { source, healthMetrics: metrics, logger, readTimeoutMs } = this.#options;
    const health = { source, metrics, logger, readTimeoutMs };
    if (path === "/health") {
      serveHealth(health, request.method, query, response);
      return true;
    }
    const match = /^\/(livez|readyz)(?:\/([a-z_]+))?$/.exec(path);
    if (match === null) return false;
    return serveProbe(health, match[1] === "livez" ? "livez" : "readyz", match[2], request.method, query, response);
  }

  #serveClient(path: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    if (path === "/version") this.#serveVersion(request, response);
    else if (path === "/debug/vars") serveVars(this.#options.source, request.method, response);
    else if (path.startsWith(PPROF) && this.#options.enablePprof) {
      this.#profiles.serve(path.slice(PPROF.length), request.method, query, response);
    } else sendNotFound(response);
  }

  #serveVersion(request: IncomingMessage, response: ServerResponse): void {
    if (!onlyGet(request.method, response)) return;
    const versions = this.#options.source.versions();
    sendJson(
      response,
      JSON.stringify({
        etcdserver: versions.server,
        etcdcluster: versions.cluster ?? "not_decided",
        storage: versions.storage ?? "unknown",
      }),
    );
  }

  /** Requests that come while a scrape is under way share it: a flood costs one. */
  #serveMetrics(request: IncomingMessage, response: ServerResponse): void {
    const { exposition, healthMetrics, logger } = this.#options;
    const finish = (status: ScrapeStatus): void => {
      healthMetrics.scrapesInFlight.set(--this.#scrapesInFlight);
      healthMetrics.scraped(status);
    };
    healthMetrics.scrapesInFlight.set(++this.#scrapesInFlight);
    this.#scrape ??= exposition().finally(() => {
      this.#scrape = undefined;
    });
    this.#scrape.then(
      (text) => {
        finish(200);
        sendMetrics(text, request, response);
      },
      (error: unknown) => {
        finish(500);
        logger.error("metrics could not be collected", { error });
        sendError(response, 500, "metrics could not be collected");
      },
    );
  }
}

function sendMetrics(text: string, request: IncomingMessage, response: ServerResponse): void {
  response.statusCode = 200;
  response.setHeader("Content-Type", EXPOSITION_CONTENT_TYPE);
  const accepted = request.headers["accept-encoding"];
  if (typeof accepted === "string" && /\bgzip\b/.test(accepted)) {
    gzip(text, (error, bytes) => {
      if (error !== null) {
        response.end(text);
        return;
      }
      response.setHeader("Content-Encoding", "gzip");
      response.end(bytes);
    });
  } else {
    response.end(text);
  }
}
