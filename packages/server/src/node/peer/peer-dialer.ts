import { type ClientRequest, request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { type PeerClientTls, secureContextOptions } from "./peer-tls.ts";

/** A request to a peer. */
export interface PeerRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** So long may nothing happen, connecting included, before the request fails. */
  readonly idleTimeoutMs: number;
}

/** Opens a connection of its own for each request: the listener at the other end closes idle ones at once anyway. */
export class PeerDialer {
  #tls: PeerClientTls | undefined;
  #secureContext: SecureContext | undefined;

  constructor(tls: PeerClientTls | undefined) {
    this.#tls = tls;
    this.#secureContext = tls === undefined ? undefined : createSecureContext(secureContextOptions(tls));
  }

  /**
   * Begins a request to a peer URL. Does not throw: what is wrong comes as the request's `error`. The caller ends the request
   * and handles its events; on `timeout` it is destroyed here.
   */
  request(url: string, { method, path, headers, idleTimeoutMs }: PeerRequest): ClientRequest {
    const { secure, target } = parsePeerUrl(url);
    const options = { ...target, method, path, headers, agent: false, timeout: idleTimeoutMs } as const;
    const request = secure ? httpsRequest({ ...options, ...this.#tlsOptions() }) : httpRequest(options);
    request.setNoDelay(true);
    request.on("timeout", () => giveUp(request));
    return request;
  }

  #tlsOptions(): Readonly<Record<string, unknown>> {
    const renewed = this.#tls?.renew?.();
    if (renewed !== undefined && renewed !== this.#tls) {
      this.#tls = renewed;
      this.#secureContext = createSecureContext(secureContextOptions(renewed));
    }
    const [tls, context] = [this.#tls, this.#secureContext];
    return {
      ...(context === undefined ? {} : { secureContext: context }),
      ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
      rejectUnauthorized: tls?.verifyServer ?? true,
    };
  }
}

/** A timer that is late because this process was busy comes before the bytes that were in time, so those get a chance. */
function giveUp(request: ClientRequest): void {
  const bytesRead = request.socket?.bytesRead;
  setImmediate(() => {
    if (request.socket?.bytesRead === bytesRead) request.destroy(new Error("peer was silent for too long"));
  });
}

type Target =
  | { readonly host: string; readonly port: number; readonly lookup?: LookupFunction }
  | { readonly socketPath: string };

/** Stands for a URL that cannot be read, so that this fails as any other URL does that leads nowhere. */
const NOWHERE: Target = {
  host: "unreadable",
  port: 1,
  lookup: (_host, _options, done) => process.nextTick(() => done(new Error("peer URL cannot be read"), [])),
};

function parsePeerUrl(url: string): { readonly secure: boolean; readonly target: Target } {
  const unix = /^unix(s?):(?:\/\/)?(.+)$/.exec(url);
  if (unix !== null) return { secure: unix[1] === "s", target: { socketPath: unix[2] as string } };
  const match = /^http(s?):\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})\/?$/.exec(url);
  const port = Number(match?.[4]);
  if (match === null || port > 65_535 || port === 0) return { secure: false, target: NOWHERE };
  return { secure: match[1] === "s", target: { host: (match[2] ?? match[3]) as string, port } };
}

/** Text of an error for a log line: its code where it has one, else its message. */
export function errorText(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof message === "string" && message !== "") return message;
  return typeof code === "string" ? code : "unknown error";
}
