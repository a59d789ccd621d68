import type { IncomingMessage } from "node:http";
import type { Body } from "./body.ts";

/** What a client may still send of a body that nobody reads any more, and for how long. */
const UNREAD_BYTES_MAX = 64 * 1024;
const UNREAD_MS = 5000;

/** The body of an HTTP request; it flows from the beginning. */
export class HttpBody implements Body {
  onChunk: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  readonly #request: IncomingMessage;
  #ended = false;

  constructor(request: IncomingMessage) {
    this.#request = request;
    // That the client has gone is told by the response.
    request.on("error", () => {});
    request.on("data", (chunk: Uint8Array) => this.onChunk(chunk));
    request.on("end", () => {
      this.#ended = true;
      this.onEnd();
    });
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
  }

  discard(): void {
    const request = this.#request;
    if (this.#ended || request.destroyed) return;
    const { socket } = request;
    const cutOff = setTimeout(() => request.destroy(), UNREAD_MS);
    // Once the answer is complete the request itself does not hear that its connection has gone.
    const over = (): void => {
      clearTimeout(cutOff);
      socket.off("close", over);
    };
    socket.on("close", over);
    let unread = 0;
    this.onEnd = over;
    this.onChunk = (chunk) => {
      unread += chunk.length;
      if (unread > UNREAD_BYTES_MAX) request.destroy();
    };
    request.resume();
  }
}
