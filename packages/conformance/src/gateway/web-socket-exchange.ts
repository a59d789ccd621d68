import { withTimeout } from "@quorate/testkit";
import { WebSocket } from "ws";

const ANSWER_MS = 10_000;

/** A WebSocket to a path of the gateway. */
export class WebSocketExchange {
  readonly #socket: WebSocket;
  readonly #opened: Promise<unknown>;
  readonly #messages: string[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  constructor(endpoint: string, path: string, protocols: readonly string[], headers: Readonly<Record<string, string>>) {
    this.#socket = new WebSocket(`ws://${endpoint}${path}`, [...protocols], { headers });
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    });
    this.#opened.catch(() => {});
    this.#socket.on("error", () => {});
    this.#socket.on("message", (data: Buffer) => {
      this.#messages.push(data.toString());
      this.#wake();
    });
    this.#socket.on("close", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** The protocol that the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  async send(message: string): Promise<void> {
    await withTimeout(this.#opened, { what: "an open WebSocket", timeoutMs: ANSWER_MS });
    this.#socket.send(message);
  }

  /** The next message; undefined at the end. */
  async message(): Promise<string | undefined> {
    return await withTimeout(this.#message(), { what: "a message", timeoutMs: ANSWER_MS });
  }

  close(): void {
    this.#socket.terminate();
  }

  async #message(): Promise<string | undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined || this.#isOver) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
