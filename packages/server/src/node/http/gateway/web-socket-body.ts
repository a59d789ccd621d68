import type { WebSocket } from "ws";
import type { Body } from "./body.ts";

const NEWLINE = Uint8Array.of(0x0a);

/** The messages of a WebSocket as a body, each on a line; it never ends, for whoever closes the socket has gone. */
export class WebSocketBody implements Body {
  onChunk: (chunk: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  readonly #socket: WebSocket;

  /** With `isOne` the first message is all. */
  constructor(socket: WebSocket, isOne: boolean) {
    this.#socket = socket;
    socket.on("message", (data) => {
      // Messages come in one piece unless the library is told otherwise.
      this.onChunk(data as Buffer);
      this.onChunk(NEWLINE);
      if (isOne) this.onEnd();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  discard(): void {
    this.onChunk = () => {};
    this.onEnd = () => {};
    this.#socket.resume();
  }
}
