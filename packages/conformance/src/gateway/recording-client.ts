import { canonicalAnswer, canonicalValue, type GatewayRelease } from "./canonical-answer.ts";
import { type ExchangeOptions, HttpExchange } from "./http-exchange.ts";
import type { GatewayClient, GatewayStep, Json, OpenSocket, OpenStream, SocketOptions } from "./step.ts";
import { WebSocketExchange } from "./web-socket-exchange.ts";

/** Runs scripts against one server and notes what can be compared with another, whose gateway is of release `other`. */
export class RecordingClient {
  readonly steps: GatewayStep[] = [];
  readonly #endpoint: string;
  readonly #other: GatewayRelease;

  constructor(endpoint: string, other: GatewayRelease) {
    this.#endpoint = endpoint;
    this.#other = other;
  }

  /** The client as a script takes it. */
  functions(): GatewayClient {
    return {
      ask: (...given) => this.ask(...given),
      askMany: (...given) => this.askMany(...given),
      open: (...given) => this.open(...given),
      socket: (...given) => this.socket(...given),
    };
  }

  async ask(step: string, path: string, body: unknown = {}, options: ExchangeOptions = {}): Promise<Json> {
    const exchange = new HttpExchange(this.#endpoint, path, options);
    exchange.end(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body));
    const { headers, status } = await exchange.head();
    const text = await exchange.rest();
    const whole = parsed(text);
    // What is not one value is lines, of JSON or not.
    const told = typeof whole === "string" && whole.includes("\n") ? whole.split("\n").map(parsed) : whole;
    this.steps.push({ step, path, outcome: canonicalAnswer(status, headers, told, this.#other) });
    return objectOf(Array.isArray(told) ? told[0] : told);
  }

  async askMany(step: string, path: string, body: unknown): Promise<void> {
    const exchange = new HttpExchange(this.#endpoint, path);
    exchange.end(JSON.stringify(body));
    const { headers, status } = await exchange.head();
    const lines = (await exchange.rest()).trimEnd().split("\n");
    const kinds = new Set(lines.map((line) => JSON.stringify(canonicalValue(parsed(line), this.#other))));
    const outcome = canonicalAnswer(status, headers, [...kinds], this.#other);
    this.steps.push({ step, path, outcome });
  }

  socket(step: string, path: string, { headers = {}, protocols = [] }: SocketOptions = {}): OpenSocket {
    const exchange = new WebSocketExchange(this.#endpoint, path, protocols, headers);
    let count = 0;
    const note = async (): Promise<boolean> => {
      const message = await exchange.message();
      const told = message === undefined ? "the end" : canonicalValue(parsed(message), this.#other);
      const outcome = { protocol: exchange.protocol, message: told };
      this.steps.push({ step: `${step}, message ${++count}`, path, outcome });
      return message !== undefined;
    };
    return {
      send: async (value) => await exchange.send(typeof value === "string" ? value : JSON.stringify(value)),
      messages: async (wanted) => {
        for (let i = 0; i < wanted && (await note()); i++);
      },
      close: () => exchange.close(),
    };
  }

  async #first(exchange: HttpExchange, value: unknown): Promise<unknown> {
    const { headers, status } = await exchange.head();
    return canonicalAnswer(status, headers, value, this.#other);
  }

  open(step: string, path: string, options: ExchangeOptions = {}): OpenStream {
    const exchange = new HttpExchange(this.#endpoint, path, options);
    let last: unknown;
    let count = 0;
    const note = async (): Promise<boolean> => {
      const line = await exchange.line();
      const name = `${step}, line ${++count}`;
      last = line === undefined ? undefined : parsed(line);
      const value = line === undefined ? "the end" : last;
      // The head of an answer comes with its first line.
      const outcome = count === 1 ? await this.#first(exchange, value) : canonicalValue(value, this.#other);
      this.steps.push({ step: name, path, outcome });
      return line !== undefined;
    };
    return {
      send: (value) => exchange.write(typeof value === "string" ? value : `${JSON.stringify(value)}\n`),
      lines: async (wanted) => {
        for (let i = 0; i < wanted && (await note()); i++);
      },
      end: () => exchange.end(),
      last: () => objectOf(last),
      finish: async () => {
        exchange.end();
        while (await note());
      },
      close: () => exchange.close(),
    };
  }
}

/** JSON where it is that; texts of other endpoints as they are. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
