import { type Server as HttpServer, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { Duplex } from "node:stream";
import { INTERNAL_ERROR } from "./http2/frames.ts";
import type { Stream } from "./http2/stream.ts";
import { encodeFields } from "./metadata.ts";
import { Status } from "./status.ts";

/** Belong to a connection, so they do not pass from HTTP/1.1 to HTTP/2 or back. */
const HOP_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "te",
  "host",
]);

/**
 * Serves HTTP/2 requests that are not gRPC by a normal `http.Server`. A client that negotiates HTTP/2 for everything (curl
 * and Go's http.Client do, over TLS) then reaches the same handlers as one that speaks HTTP/1.1: the request is passed
 * through an in-memory connection. Meant for health checks, metrics and gateways, not for speed.
 */
export function bridgeHttp(stream: Stream, server: HttpServer): void {
  const [near, far] = connectedPair(stream);
  server.emit("connection", far);
  let method = "GET";
  const headers: OutgoingHttpHeaders = {};
  for (const { name, value } of stream.head.fields) {
    if (name === ":method") method = value;
    else if (name === ":authority" || name === "host") headers["host"] ??= value;
    else if (!name.startsWith(":") && !HOP_FIELDS.has(name)) addHeader(headers, name, value);
  }
  const outgoing = request({ createConnection: () => near, method, path: stream.path, headers });
  const give = (): void => {
    if (!stream.ended) stream.host.ends.cancel(stream, Status.INTERNAL, INTERNAL_ERROR);
    near.destroy();
  };
  outgoing.on("error", give);
  outgoing.on("response", (response) => answer(stream, response, give));
  outgoing.on("drain", () => stream.pause(false));
  stream.onCancel = () => outgoing.destroy();
  stream.raw = {
    onBody: (bytes) => {
      if (!outgoing.write(Buffer.from(bytes))) stream.pause(true);
    },
    onBodyEnd: () => {
      outgoing.end();
    },
  };
}

function addHeader(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const before = headers[name];
  headers[name] = before === undefined ? value : `${String(before)}${name === "cookie" ? "; " : ", "}${value}`;
}

function answer(stream: Stream, response: IncomingMessage, fail: () => void): void {
  if (stream.ended) return void response.destroy();
  const { sender } = stream.host;
  const fields: [string, string][] = [[":status", String(response.statusCode)]];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
    const name = (response.rawHeaders[i] as string).toLowerCase();
    if (!HOP_FIELDS.has(name)) fields.push([name, response.rawHeaders[i + 1] as string]);
  }
  stream.headersSent = true;
  sender.headerBlock(stream.id, encodeFields(fields), false);
  stream.onDrain = () => response.resume();
  response.on("data", (chunk: Buffer) => {
    if (!stream.ended && !sender.sendRaw(stream, chunk)) response.pause();
  });
  response.on("end", () => {
    if (!stream.ended) sender.endRaw(stream);
  });
  response.on("error", fail);
}

/** Two ends of a connection in memory; the far one looks like the stream's socket to an HTTP server. */
function connectedPair(stream: Stream): [Duplex, Duplex] {
  const near = new PairEnd();
  const far = new PairEnd();
  near.other = far;
  far.other = near;
  const { certificate, remoteAddress, remotePort } = stream.peer;
  Object.assign(far, { remoteAddress, remotePort });
  // As `TLSSocket` has them; a socket of plain text has none of these.
  if (stream.host.encrypted) {
    const shown =
      certificate === undefined
        ? {}
        : { subject: { CN: certificate.commonName }, subjectaltname: certificate.subjectAltName };
    Object.assign(far, { encrypted: true, authorized: certificate !== undefined, getPeerCertificate: () => shown });
  }
  return [near, far];
}

class PairEnd extends Duplex {
  other: PairEnd | undefined;
  #resume: (() => void) | undefined;

  override _read(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) done();
    else if (other.push(chunk)) done();
    else other.#resume = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    if (other !== undefined && !other.destroyed) process.nextTick(() => other.destroy());
    done(error);
  }
}
