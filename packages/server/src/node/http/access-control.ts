import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@quorate/base";
import { sendError, sendText } from "./respond.ts";

export interface AccessRules {
  /** Host names plain HTTP is answered for; empty or `*` among them allows all. */
  readonly hostWhitelist: readonly string[];
  /** Origins browsers may call from; empty or `*` among them allows all. */
  readonly cors: readonly string[];
}

/**
 * What stands before every client endpoint, as in etcd: a page that had its own name resolved to this server's address must
 * not reach it (DNS rebinding), browsers learn which origins may call, OPTIONS is answered. Returns false when the request
 * was answered.
 */
export function admits(
  rules: AccessRules,
  request: IncomingMessage,
  response: ServerResponse,
  secure: boolean,
  logger: Logger,
): boolean {
  const host = hostName(request.headers.host ?? "");
  if (!secure && !allows(rules.hostWhitelist, host)) {
    logger.warn("rejecting HTTP request to prevent DNS rebinding attacks", { host });
    sendError(response, 421, unknownHost(host));
    return false;
  }
  const origin = allows(rules.cors, "*") ? "*" : (request.headers.origin ?? "");
  if (allows(rules.cors, origin)) {
    response.setHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Allow-Headers", "accept, content-type, authorization");
  }
  if (request.method !== "OPTIONS") return true;
  sendText(response, 200, "", false);
  return false;
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
