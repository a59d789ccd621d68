import type { WebSocket } from "ws";
import type { Reply } from "./reply.ts";

/** So much may wait for the client before it gets no more. */
const HIGH_WATER_BYTES = 64 * 1024;
/** Normal closure. */
const DONE = 1000;

/** An answer to a WebSocket: a message for each line, a long one in fragments. Status and headers have no place there. */
export class WebSocketReply implements Reply {
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  readonly #socket: WebSocket;
  readonly #stallTimeoutMs: number;
  /** A message has begun and not ended. */
  #isOpen = false;
  #isWaiting = false;
  #ended = false;
  #stall: NodeJS.Timeout | undefined;

  /** The client is cut off when it takes nothing of what waits for so long. */
  constructor(socket: WebSocket, stallTimeoutMs: number) {
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#socket = socket;
    // An error is followed by the end.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(this.#stall);
      if (!this.#ended) this.onGone?.();
    });
  }

  get writable(): boolean {
    return this.#socket.bufferedAmount < HIGH_WATER_BYTES;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  start(): void {
    // A message says what it is.
  }

  write(text: string): boolean {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "" || this.#isOpen) this.#send(line, true);
    if (rest !== "") this.#send(rest, false);
    if (this.writable) return true;
    this.#isWaiting = true;
    this.#stall ??= setTimeout(() => this.destroy(), this.#stallTimeoutMs);
    return false;
  }

  end(text = ""): void {
    this.#ended = true;
    this.write(`${text}\n`);
    this.#socket.close(DONE);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #send(text: string, fin: boolean): void {
    this.#isOpen = !fin;
    this.#socket.send(text, { fin }, () => this.#sent());
  }

  #sent(): void {
    if (!this.#isWaiting || !this.writable) return;
    this.#isWaiting = false;
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.onDrain?.();
  }
}
