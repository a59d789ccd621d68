import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { withTimeout } from "@quorate/testkit";

/** Longest wait for anything that a server is to answer. */
const ANSWER_MS = 10_000;

export interface ExchangeOptions {
  /** `POST` unless said otherwise. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP/1.1 request on a connection of its own; body and answer may come bit by bit. */
export class HttpExchange {
  readonly #outgoing: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  #text = "";
  #isOver = false;
  #wake: () => void = () => {};

  constructor(endpoint: string, path: string, options: ExchangeOptions = {}) {
    const [host, port] = endpoint.split(":");
    const { headers = {}, method = "POST" } = options;
    this.#outgoing = request({ host, port: Number(port), path, method, headers, agent: false });
    this.#response = new Promise((resolve, reject) => {
      this.#outgoing.on("response", (response) => {
        this.#read(response);
        resolve(response);
      });
      this.#outgoing.on("error", reject);
    });
    this.#response.catch(() => {});
  }

  /** Sends a part of the body. */
  write(text: string): void {
    this.#outgoing.write(text);
  }

  /** Sends the last part of the body. */
  end(body: string | Uint8Array = ""): void {
    this.#outgoing.end(body);
  }

  close(): void {
    this.#outgoing.destroy();
  }

  async head(): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
    const { headers, statusCode = 0 } = await withTimeout(this.#response, { what: "an answer", timeoutMs: ANSWER_MS });
    return { status: statusCode, headers };
  }

  /** The next line of the answer; undefined at its end. */
  async line(): Promise<string | undefined> {
    return await withTimeout(this.#line(), { what: "a line", timeoutMs: ANSWER_MS });
  }

  /** All that is left of the answer. */
  async rest(): Promise<string> {
    return await withTimeout(this.#rest(), { what: "the end of an answer", timeoutMs: ANSWER_MS });
  }

  async #line(): Promise<string | undefined> {
    await this.#response;
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#isOver) return undefined;
      await this.#more();
    }
  }

  async #rest(): Promise<string> {
    await this.#response;
    while (!this.#isOver) await this.#more();
    return this.#text;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #read(response: IncomingMessage): void {
    const over = (): void => {
      this.#isOver = true;
      this.#wake();
    };
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
    response.on("end", over);
    response.on("close", over);
    response.on("error", over);
  }
}
