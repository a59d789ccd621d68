import type { IncomingHttpHeaders } from "node:http";

const TOKEN_COOKIE = /(?:^|;)\s*token=("?)([^;"]*)\1/;
/** The name of a protocol by which a browser, which can send no header of its own, sends a token. */
export const BEARER = "Bearer";

/**
 * The headers of a request by WebSocket that count, as names and values in turn: where it comes from, and a token, out of
 * `Sec-WebSocket-Protocol: Bearer, TOKEN` or else the cookie `token`. Source: grpc-websocket-proxy, which etcd has before its gateway.
 */
export function webSocketHeaders(headers: IncomingHttpHeaders): readonly string[] {
  const counted: string[] = [];
  for (const name of ["origin", "referer"] as const) {
    const value = headers[name];
    if (value !== undefined) counted.push(name, value);
  }
  const authorization = authorizationOf(headers);
  if (authorization !== "") counted.push("authorization", authorization);
  return counted;
}

function authorizationOf(headers: IncomingHttpHeaders): string {
  const cookie = TOKEN_COOKIE.exec(headers.cookie ?? "")?.[2];
  if (cookie !== undefined) return `${BEARER} ${cookie}`;
  const protocol = headers["sec-websocket-protocol"] ?? "";
  const at = protocol.indexOf(`${BEARER},`);
  return at < 0 ? "" : `${BEARER} ${protocol.slice(at + BEARER.length + 1).trim()}`;
}
