import {
  type AgentOptions,
  type ClientRequest,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
} from "node:http";
import { Agent, request } from "node:https";
import { KubeError } from "../../core/index.ts";
import type { KubeConnection, KubeTls } from "./connection.ts";
import { type KubeStatus, noAnswer, refusal } from "./kube-failure.ts";

export interface RestCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From `/api` or `/apis` on. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default: application/json. */
  readonly contentType?: string;
  /** Milliseconds for the whole call. Default: 15 s. */
  readonly timeoutMs?: number;
}

export interface RestStream {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Ends the stream without an error. */
  readonly signal: AbortSignal;
  /** The server has accepted the stream. */
  onOpen(): void;
  /** One line, parsed. Must not throw. */
  onLine(value: unknown): void;
}

const CALL_TIMEOUT_MS = 15_000;
/** Until a stream's first byte of an answer. */
const STREAM_OPEN_TIMEOUT_MS = 30_000;
const SOCKETS_MAX = 32;
/** Silent breaks of a connection are noticed by the kernel's own probes. */
const PROBE_AFTER_MS = 30_000;
/** No object of the API is larger than its store's limit of a few MiB; whatever sends a longer line is no API server. */
const LINE_CHARS_MAX = 64 << 20;

/** JSON over HTTP with few kept connections. One call is one request; nothing is repeated but reads whose kept connection was closed. */
export class RestClient {
  readonly #connection: KubeConnection;
  #agents: { readonly tls: KubeTls; readonly calls: PlainAgent; readonly streams: PlainAgent } | undefined;

  constructor(connection: KubeConnection) {
    this.#connection = connection;
  }

  /** The answer's JSON. Rejects with {@link KubeError}. */
  async call(call: RestCall): Promise<unknown> {
    const what = `${call.method} ${call.path}`;
    try {
      return await this.#once(call, what, "calls");
    } catch (error) {
      if (call.method !== "GET" || !isStaleSocket(error)) throw noAnswer(what, error);
      return await this.#once(call, what, "fresh").catch((again: unknown) => {
        throw noAnswer(what, again);
      });
    }
  }

  /** Reads lines of JSON until the server or the signal ends the stream. Rejects with {@link KubeError} if refused or cut off. */
  async stream(stream: RestStream): Promise<void> {
    const what = `GET ${stream.path}`;
    const { method, target, options } = await this.#prepare({ method: "GET", ...stream }, "streams");
    if (stream.signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      const sent = method(target, options);
      const slow = setTimeout(
        () => sent.destroy(new KubeError("Timeout", `${what}: no answer`)),
        STREAM_OPEN_TIMEOUT_MS,
      );
      const abort = (): void => void sent.destroy();
      stream.signal.addEventListener("abort", abort, { once: true });
      const settle = (error: unknown): void => {
        clearTimeout(slow);
        stream.signal.removeEventListener("abort", abort);
        if (error === undefined || stream.signal.aborted) resolve();
        else reject(noAnswer(what, error));
      };
      sent.on("error", settle);
      sent.on("response", (answer) => {
        clearTimeout(slow);
        answer.on("error", settle);
        if (answer.statusCode !== 200) {
          readText(answer).then((text) => settle(refusalOf(what, answer, text)), settle);
          return;
        }
        answer.on("close", () => settle(answer.complete ? undefined : new Error("the connection was cut")));
        readLines(answer, stream, (error) => sent.destroy(error));
        stream.onOpen();
      });
      sent.end();
    });
  }

  close(): void {
    this.#agents?.calls.destroy();
    this.#agents?.streams.destroy();
  }

  async #once(call: RestCall, what: string, socket: "calls" | "fresh"): Promise<unknown> {
    const { method, target, options, body } = await this.#prepare(call, socket);
    const timeoutMs = call.timeoutMs ?? CALL_TIMEOUT_MS;
    return await new Promise((resolve, reject) => {
      const sent = method(target, options);
      const late = setTimeout(() => {
        sent.destroy(new KubeError("Timeout", `${what}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(late);
        reject(sent.reusedSocket && !(error instanceof KubeError) ? new StaleSocketError(error) : error);
      };
      sent.on("error", fail);
      sent.on("response", (answer) => {
        readText(answer).then(
          (text) => {
            clearTimeout(late);
            if (isSuccess(answer)) resolve(parse(text));
            else reject(refusalOf(what, answer, text));
          },
          (error: unknown) => {
            clearTimeout(late);
            reject(error);
          },
        );
      });
      sent.end(body);
    });
  }

  async #prepare(call: RestCall, socket: SocketKind): Promise<Prepared> {
    const { tls, headers } = await this.#connection.credentials();
    const server = this.#connection.server;
    const target = new URL(`${server.pathname.replace(/\/$/, "")}${call.path}`, server);
    for (const [name, value] of Object.entries(call.query ?? {})) target.searchParams.set(name, value);
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    // The length is said because Node says nothing of a body that goes with DELETE.
    const content =
      body === undefined
        ? {}
        : { "content-type": call.contentType ?? "application/json", "content-length": body.length };
    return {
      method: server.protocol === "http:" ? plainRequest : request,
      target,
      options: {
        method: call.method,
        agent: socket === "fresh" ? this.#newAgent(tls, { keepAlive: false }) : this.#agent(tls, socket),
        headers: { accept: "application/json", "user-agent": "quorate-operator", ...content, ...headers },
      },
      body,
    };
  }

  #agent(tls: KubeTls, kind: "calls" | "streams"): PlainAgent {
    if (this.#agents?.tls !== tls) {
      // Streams on the old agent live on until they end by themselves.
      this.#agents?.calls.destroy();
      const calls = this.#newAgent(tls, { maxSockets: SOCKETS_MAX });
      this.#agents = { tls, calls, streams: this.#newAgent(tls, { maxFreeSockets: 4 }) };
    }
    return this.#agents[kind];
  }

  #newAgent(tls: KubeTls, more: AgentOptions): PlainAgent {
    const options = { ...tls, keepAlive: true, keepAliveMsecs: PROBE_AFTER_MS, ...more };
    return this.#connection.server.protocol === "http:" ? new PlainAgent(options) : new Agent(options);
  }
}

/** A kept connection for calls, one for streams, or one that was never used before and is not kept. */
type SocketKind = "calls" | "streams" | "fresh";

interface Prepared {
  readonly method: (target: URL, options: object) => ClientRequest;
  readonly target: URL;
  readonly options: object;
  readonly body: Buffer | undefined;
}

/** The server closed a kept connection while a request was on its way to it. */
class StaleSocketError extends Error {
  override readonly name = "StaleSocketError";

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

function isStaleSocket(error: unknown): boolean {
  const code = (cause: unknown): unknown => (cause as NodeJS.ErrnoException | undefined)?.code;
  return error instanceof StaleSocketError && ["ECONNRESET", "EPIPE"].includes(String(code(error.cause)));
}

function isSuccess(answer: IncomingMessage): boolean {
  return answer.statusCode !== undefined && answer.statusCode >= 200 && answer.statusCode < 300;
}

function refusalOf(what: string, answer: IncomingMessage, text: string): KubeError {
  return refusal(what, answer.statusCode ?? 0, parse(text) as KubeStatus, answer.headers["retry-after"]);
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, 500) };
  }
}

function readLines(answer: IncomingMessage, stream: RestStream, fail: (error: Error) => void): void {
  let rest = "";
  answer.setEncoding("utf8");
  answer.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARS_MAX) fail(new Error("a line without an end"));
    for (const line of lines) {
      if (stream.signal.aborted) return;
      if (line !== "") stream.onLine(parse(line));
    }
  });
}
