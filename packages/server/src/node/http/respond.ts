import type { ServerResponse } from "node:http";

const TEXT = "text/plain; charset=utf-8";

/** A body of text as Go's handlers write it: without `nosniff` unless it is asked for. */
export function sendText(response: ServerResponse, status: number, body: string, nosniff: boolean): void {
  response.statusCode = status;
  response.setHeader("Content-Type", TEXT);
  if (nosniff) response.setHeader("X-Content-Type-Options", "nosniff");
  send(response, body);
}

/** An error as Go's `http.Error` writes it: the text and a newline. */
export function sendError(response: ServerResponse, status: number, text: string): void {
  sendText(response, status, `${text}\n`, true);
}

/** Sends a request on to another path, as Go's `ServeMux` does: with a page for those who look. */
export function sendRedirect(response: ServerResponse, location: string, method: string | undefined): void {
  response.statusCode = 307;
  response.setHeader("Location", location);
  if (method === "GET" || method === "HEAD") {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    send(response, `<a href="${htmlText(location)}">Temporary Redirect</a>.\n\n`);
  } else send(response, "");
}

function htmlText(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

export function sendNotFound(response: ServerResponse): void {
  sendError(response, 404, "404 page not found");
}

/** Answers 405 and returns false unless the method is GET; etcd counts HEAD among the others. */
export function onlyGet(method: string | undefined, response: ServerResponse): boolean {
  if (method === "GET") return true;
  response.setHeader("Allow", "GET");
  sendError(response, 405, "Method Not Allowed");
  return false;
}

export function sendJson(response: ServerResponse, body: string, contentType = "application/json"): void {
  response.statusCode = 200;
  response.setHeader("Content-Type", contentType);
  send(response, body);
}

function send(response: ServerResponse, body: string): void {
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}
