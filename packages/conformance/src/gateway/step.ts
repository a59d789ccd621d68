import type { ExchangeOptions } from "./http-exchange.ts";

/** What a request came to, with what differs between two runs masked. */
export interface GatewayStep {
  readonly step: string;
  readonly path: string;
  readonly outcome: unknown;
}

export type Json = Readonly<Record<string, unknown>>;

/** A stream that is open. */
export interface OpenStream {
  /** Sends a JSON value. */
  send(value: unknown): void;
  /** Sends no more. */
  end(): void;
  /** Notes so many lines of the answer; fewer when it ends. */
  lines(count: number): Promise<void>;
  /** The last line that was noted, as it came. */
  last(): Json;
  /** Sends no more and notes what else comes, until the end. */
  finish(): Promise<void>;
  close(): void;
}

export interface SocketOptions {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A WebSocket that is open. */
export interface OpenSocket {
  send(value: unknown): Promise<void>;
  /** Notes so many messages; fewer when it ends. */
  messages(count: number): Promise<void>;
  close(): void;
}

/** What a script does with a server; every answer is noted under the name of its step. */
export interface GatewayClient {
  /** One request; `body` is JSON unless it is text already. Returns the answer as it came, `{}` unless it is an object. */
  readonly ask: (step: string, path: string, body?: unknown, options?: ExchangeOptions) => Promise<Json>;
  /** A request with many lines for its answer, of which only the different ones are noted. */
  readonly askMany: (step: string, path: string, body: unknown) => Promise<void>;
  /** A request whose body stays open. */
  readonly open: (step: string, path: string, options?: ExchangeOptions) => OpenStream;
  /** The same by WebSocket. */
  readonly socket: (step: string, path: string, options?: SocketOptions) => OpenSocket;
}

/** Requests in an order in which each sees the effects of those before. */
export type GatewayScript = (client: GatewayClient) => Promise<void>;

/** Bytes as JSON has them. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
