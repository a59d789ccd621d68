import type { ServerResponse } from "node:http";
import type { Reply, ReplyHeaders } from "./reply.ts";

/** An answer over HTTP. */
export class HttpReply implements Reply {
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  readonly #response: ServerResponse;
  readonly #stallTimeoutMs: number;
  #stall: NodeJS.Timeout | undefined;
  #ended = false;

  /** The client is cut off when it takes nothing of what waits for so long. */
  constructor(response: ServerResponse, stallTimeoutMs: number) {
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#response = response;
    response.on("drain", () => this.#drained());
    response.on("close", () => this.#closed());
  }

  get writable(): boolean {
    return !this.#response.writableNeedDrain;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  start(status: number, headers: ReplyHeaders): void {
    const response = this.#response;
    response.statusCode = status;
    for (const [name, value] of headers) response.appendHeader(name, value);
  }

  write(text: string): boolean {
    if (this.#response.write(text)) return true;
    this.#stall ??= setTimeout(() => this.destroy(), this.#stallTimeoutMs);
    return false;
  }

  end(text = ""): void {
    this.#ended = true;
    this.#response.end(text);
  }

  destroy(): void {
    this.#response.destroy();
  }

  #drained(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.onDrain?.();
  }

  #closed(): void {
    clearTimeout(this.#stall);
    if (!this.#ended) this.onGone?.();
  }
}
