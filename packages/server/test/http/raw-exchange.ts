import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One HTTP request of which body and answer come bit by bit. */
export class RawExchange {
  readonly outgoing: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  #text = "";
  #wake: () => void = () => {};
  #ended = false;

  /** `localAddress`: where it comes from; any address of 127/8. */
  constructor(port: number, path: string, headers: Readonly<Record<string, string>> = {}, localAddress?: string) {
    const from = localAddress === undefined ? {} : { localAddress };
    this.outgoing = request({ host: "127.0.0.1", port, path, method: "POST", headers, agent: false, ...from });
    this.response = new Promise((resolve, reject) => {
      this.outgoing.on("response", resolve);
      this.outgoing.on("error", reject);
    });
    this.response.catch(() => {});
  }

  /** Begins to read the answer. */
  async read(): Promise<void> {
    const response = await this.response;
    const over = (): void => {
      this.#ended = true;
      this.#wake();
    };
    response.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
      this.#wake();
    });
    response.on("end", over);
    response.on("error", over);
    response.resume();
  }

  /** The next line of the answer; undefined at its end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything that is left. */
  async rest(): Promise<string> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#text;
  }
}

/** Sends a whole body and reads the whole answer. */
export async function post(
  port: number,
  path: string,
  body: string | Uint8Array = "{}",
  headers: Readonly<Record<string, string>> = {},
  localAddress?: string,
): Promise<Answer> {
  const exchange = new RawExchange(port, path, headers, localAddress);
  exchange.outgoing.end(body);
  await exchange.read();
  const { statusCode = 0, headers: answered } = await exchange.response;
  return { status: statusCode, headers: answered, text: await exchange.rest() };
}
