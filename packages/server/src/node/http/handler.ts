import type { IncomingMessage, ServerResponse } from "node:http";
import { gzip } from "node:zlib";
import type { Logger } from "@quorate/base";
import { EXPOSITION_CONTENT_TYPE } from "../metrics/prometheus-metrics.ts";
import type { HealthMetrics } from "../metrics/server-metrics.ts";
import { type AccessRules, admits } from "./access-control.ts";
import { serveVars } from "./debug-vars.ts";
import { serveHealth, serveProbe } from "./health.ts";
import type { HealthSource } from "./health-source.ts";
import { Profiles } from "./profiles.ts";
import { onlyGet, sendError, sendJson, sendNotFound } from "./respond.ts";

/** Answers one request; returns at once and never throws. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpHandlerOptions extends AccessRules {
  readonly source: HealthSource;
  readonly healthMetrics: HealthMetrics;
  /** All metrics as text (`PrometheusMetrics.exposition`). */
  readonly exposition: () => Promise<string>;
  readonly logger: Logger;
  /** `client`: everything. `metrics`: what `--listen-metrics-urls` serves, metrics and health alone, without access rules. */
  readonly surface: "client" | "metrics";
  readonly enablePprof: boolean;
  /** Longest wait for a read of a health check. */
  readonly readTimeoutMs: number;
}

/** Most bytes of a request body that are read and thrown away; no endpoint here takes one. */
const BODY_BYTES_MAX = 64 * 1024;
const PPROF = "/debug/pprof/";

/** The handler of a listener. Paths are matched as they come; what is not known is 404. */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const routes = new Routes(options);
  return (request, response) => {
    response.on("error", () => {});
    discardBody(request, response);
    try {
      routes.serve(request, response);
    } catch (error) {
      options.logger.error("HTTP handler failed", { path: request.url, error });
      if (response.headersSent) response.destroy();
      else sendError(response, 500, "internal error");
    }
  };
}

class Routes {
  readonly #options: HttpHandlerOptions;
  readonly #profiles: Profiles;
  #scrape: Promise<string> | undefined;

  constructor(options: HttpHandlerOptions) {
    this.#options = options;
    this.#profiles = new Profiles(options.logger);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const options = this.#options;
    const client = options.surface === "client";
    const secure = "encrypted" in request.socket;
    if (client && !admits(options, request, response, secure, options.logger)) return;
    const { path, query } = target(request.url ?? "/");
    if (path === "/metrics") this.#serveMetrics(request, response);
    else if (!this.#serveHealth(path, query, request, response)) {
      if (client) this.#serveClient(path, query, request, response);
      else sendNotFound(response);
    }
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
    this.#scrape ??= this.#options.exposition().finally(() => {
      this.#scrape = undefined;
    });
    this.#scrape.then(
      (text) => sendMetrics(text, request, response),
      (error: unknown) => {
        this.#options.logger.error("metrics could not be collected", { error });
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

/** Path and query of a request line, in origin or absolute form. */
function target(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const origin = url.replace(/^https?:\/\/[^/?]*/i, "");
  const split = origin.indexOf("?");
  const path = split < 0 ? origin : origin.slice(0, split);
  return { path: path === "" ? "/" : path, query: new URLSearchParams(split < 0 ? "" : origin.slice(split + 1)) };
}

/** A body is not read into memory: a little is thrown away so that the client sees the answer, then the connection goes. */
function discardBody(request: IncomingMessage, response: ServerResponse): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if ((length === undefined || length === "0") && encoding === undefined) return;
  response.setHeader("Connection", "close");
  let bytes = 0;
  request.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) request.destroy();
  });
  request.on("error", () => {});
}
