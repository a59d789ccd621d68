import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { BEARER } from "./gateway/index.ts";

/** Fields by which a client asks for another protocol. */
const UPGRADE_FIELDS: ReadonlySet<string> = new Set(["connection", "upgrade", "http2-settings"]);

/** Which requests become WebSockets. */
export interface WebSocketRoute {
  /** What becomes of the socket; undefined when the request is to be served as if it had not asked. */
  readonly accept: (request: IncomingMessage) => ((socket: WebSocket) => void) | undefined;
  readonly messageBytesMax: number;
}

/**
 * Takes requests for WebSockets at `server`. What asks for another protocol, as HTTP clients of Java do with every request (`h2c`), or
 * for a WebSocket where there is none, is served as if it had not asked.
 */
export function acceptWebSockets(server: Server, { accept, messageBytesMax }: WebSocketRoute): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    handleProtocols: (protocols) => (protocols.has(BEARER) ? BEARER : false),
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const accepted = isWebSocket(request) ? accept(request) : undefined;
    if (accepted === undefined) serveWithoutUpgrade(server, request, socket, head);
    else sockets.handleUpgrade(request, socket, head, accepted);
  });
}

function isWebSocket({ headers, method }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Gives the connection back to the server, with the request as it would be without the fields that ask for an upgrade. */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? "GET"} ${request.url ?? "/"} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] as string;
    if (!UPGRADE_FIELDS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1] as string}`);
  }
  socket.pause();
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
  socket.resume();
}
