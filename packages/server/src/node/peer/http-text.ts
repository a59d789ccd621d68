import type { IncomingMessage, ServerResponse } from "node:http";

/** A refusal with etcd's text; what a source rejects with is answered so. */
export class PeerHttpError extends Error {
  override readonly name = "PeerHttpError";
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** Answers with plain text and a line feed, as Go's `http.Error` does; peers compare some of these texts. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.end(`${text}\n`);
}

/** Answers with a body of the type given. */
export function answerBytes(response: ServerResponse, contentType: string, body: Uint8Array | string): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = 200;
  response.setHeader("Content-Type", contentType);
  response.end(body);
}

/** True if the request has this method; otherwise it is answered. */
export function allowMethod(request: IncomingMessage, response: ServerResponse, method: "GET" | "POST"): boolean {
  if (request.method === method) return true;
  response.setHeader("Allow", method);
  answerText(response, 405, "Method Not Allowed");
  return false;
}

/** A whole body must be here within this time. */
const BODY_TIMEOUT_MS = 60_000;

/**
 * A request's whole body. Rejects with a PeerHttpError: 413 beyond `bytesMax`, 400 when it does not come to its end. The
 * bytes are given.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS);
    const settle = (error: PeerHttpError | undefined): void => {
      clearTimeout(timer);
      if (error === undefined) resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
      else reject(error);
    };
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else settle(new PeerHttpError(413, "http: request body too large"));
    });
    request.once("end", () => settle(undefined));
    request.once("error", () => settle(new PeerHttpError(400, "error reading raft message")));
    request.once("close", () => settle(new PeerHttpError(400, "error reading raft message")));
  });
}
