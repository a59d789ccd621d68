import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@quorate/base";
import { sendError } from "./respond.ts";

export interface AccessRules {
  /** Host names plain HTTP is answered for; empty or `*` among them allows all. */
  readonly hostWhitelist: readonly string[];
  /** Origins browsers may call from; empty or `*` among them allows all. */
  readonly cors: readonly string[];
  /**
   * Asked for requests of the JSON gateway: whether those with a name in their certificate are refused, because it would not count.
   * Undefined: never.
   */
  readonly refusesCertificateNames?: (() => boolean) | undefined;
}

const NAME_IGNORED = "CommonName of client sending a request against gateway will be ignored and not used as expected";

/**
 * What stands before every client endpoint, as in etcd: see {@link refusal}; and browsers learn which origins may call, OPTIONS is
 * answered. Returns false when the request was answered.
 */
export function admits(
  rules: AccessRules,
  request: IncomingMessage,
  response: ServerResponse,
  isGateway: boolean,
  logger: Logger,
): boolean {
  const refused = refusal(rules, request, isGateway);
  if (refused !== undefined) {
    if (refused.host !== undefined) {
      logger.warn("rejecting HTTP request to prevent DNS rebinding attacks", { host: refused.host });
    }
    sendError(response, refused.status, refused.text);
    return false;
  }
  const origin = allows(rules.cors, "*") ? "*" : (request.headers.origin ?? "");
  if (allows(rules.cors, origin)) {
    response.setHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Allow-Headers", "accept, content-type, authorization");
  }
  if (request.method !== "OPTIONS") return true;
  response.setHeader("Content-Length", 0);
  response.end();
  return false;
}

/** Why a request is not let in, and what it is answered. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** The name that is not among those that plain HTTP is answered for. */
  readonly host?: string;
}

/**
 * Undefined if the request is let in. A page that had its own name resolved to this server's address must not reach it (DNS
 * rebinding), and a name in a certificate must not be taken to count where it does not.
 */
export function refusal(rules: AccessRules, request: IncomingMessage, isGateway: boolean): Refusal | undefined {
  const { socket } = request;
  if (!("encrypted" in socket && socket.encrypted === true)) {
    const host = hostName(request.headers.host ?? "");
    return allows(rules.hostWhitelist, host) ? undefined : { status: 421, text: unknownHost(host), host };
  }
  const isRefused = isGateway && rules.refusesCertificateNames?.() === true && hasVerifiedName(socket as TLSSocket);
  return isRefused ? { status: 400, text: NAME_IGNORED } : undefined;
}

/** Whether the client has shown a certificate with a common name; the connection may be one of HTTP/2 behind a bridge. */
function hasVerifiedName(socket: TLSSocket): boolean {
  const { CN } = socket.authorized ? (socket.getPeerCertificate().subject ?? {}) : { CN: undefined };
  return CN !== undefined && CN.length > 0;
}

function allows(allowed: readonly string[], value: string): boolean {
  return allowed.length === 0 || allowed.includes("*") || allowed.includes(value);
}

/** The host of `host:port`, brackets of IPv6 removed; without a port, all of it. */
function hostName(header: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):\d*$/.exec(header);
  return match?.[1] ?? match?.[2] ?? header;
}

function unknownHost(host: string): string {
  return `
etcd received your request, but the Host header was unrecognized.

The server answers plain HTTP for the host names it was given alone, so that no web page can reach it under a name of its
own. Use a listed name, or add this one: --host-whitelist ${JSON.stringify(host)}`;
}
