import { Agent, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, request as httpsRequest, type Server, Agent as TlsAgent } from "node:https";
import type { Socket } from "node:net";
import type { IssuedPair } from "@quorate/testkit";

/** One request as the proxy sees it, before it is passed on. */
export interface ProxiedCall {
  /** Counted from 1 since the last `resetCount`; watches are counted as well. */
  readonly number: number;
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly isWatch: boolean;
  readonly isWrite: boolean;
}

/** What becomes of a request. `pass` is what happens without a fault. */
export type CallFate =
  | { readonly kind: "pass" }
  /** Refused with 409, and not passed on. */
  | { readonly kind: "conflict" }
  /** The connection breaks before the API server hears of it, or after it has answered. */
  | { readonly kind: "drop"; readonly when: "before" | "after" };

const PASS: CallFate = { kind: "pass" };

/** Whether a request may change something. */
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * A proxy in front of the API server for one program's requests: counts them, breaks or refuses single ones as `decide`
 * says, holds back what watches tell (stale caches), and can be away altogether.
 */
export class ApiProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<HeldWatch>();
  #port = 0;
  #count = 0;
  #watchDelayMs = 0;
  #isAway = false;
  #decide: (call: ProxiedCall) => CallFate | Promise<CallFate> = () => PASS;

  private constructor(target: number, pair: IssuedPair) {
    this.#target = target;
    this.#agent = new TlsAgent({ keepAlive: true, rejectUnauthorized: false });
    this.#server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
      void this.#take(request, response);
    });
    this.#server.on("secureConnection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** Listens on a free port of 127.0.0.1, certified as the API server is, and passes on to `port`. */
  static async start(port: number, pair: IssuedPair): Promise<ApiProxy> {
    const proxy = new ApiProxy(port, pair);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", () => resolve());
    });
    const address = proxy.#server.address();
    proxy.#port = typeof address === "object" && address !== null ? address.port : 0;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Requests since the start or the last `resetCount`. */
  get count(): number {
    return this.#count;
  }

  resetCount(): void {
    this.#count = 0;
  }

  /** Asked for each request; default: all pass. It may take its time, and do harm meanwhile. */
  decide(decide: (call: ProxiedCall) => CallFate | Promise<CallFate>): void {
    this.#decide = decide;
  }

  /** Every write is refused with 409 until `times` of the same method and path were. */
  conflictOnWrites(times: number): void {
    const seen = new Map<string, number>();
    this.#decide = ({ method, path, isWrite }) => {
      const key = `${method} ${path}`;
      const before = seen.get(key) ?? 0;
      if (!isWrite || before >= times) return PASS;
      seen.set(key, before + 1);
      return { kind: "conflict" };
    };
  }

  /** From now on what watches tell comes this much later; 0 lets go of what is held. Lists are not delayed. */
  delayWatches(ms: number): void {
    this.#watchDelayMs = ms;
    if (ms === 0) for (const watch of this.#watches) watch.release();
  }

  /** Breaks every connection and refuses new ones until `comeBack`. */
  goAway(): void {
    this.#isAway = true;
    this.dropConnections();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropConnections();
    this.#agent.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isAway) {
      request.socket.destroy();
      return;
    }
    const { method = "GET", url: path = "/" } = request;
    const isWatch = /[?&]watch=(?:true|1)/.test(path);
    const call = { number: ++this.#count, method, path, isWatch, isWrite: WRITES.has(method) };
    const fate = await this.#decide(call);
    if (fate.kind === "conflict") refuse(response);
    else if (fate.kind === "drop" && fate.when === "before") request.socket.destroy();
    else this.#passOn(request, response, call, fate.kind === "drop");
  }

  #passOn(request: IncomingMessage, response: ServerResponse, call: ProxiedCall, dropsAnswer: boolean): void {
    const onward = httpsRequest({
      host: "127.0.0.1",
      port: this.#target,
      method: call.method,
      path: call.path,
      headers: forwarded(request.headers),
      // A watch holds its connection for minutes.
      agent: call.isWatch ? false : this.#agent,
      rejectUnauthorized: false,
    });
    onward.on("error", () => request.socket.destroy());
    response.on("close", () => onward.destroy());
    onward.on("response", (answer) => {
      answer.on("error", () => request.socket.destroy());
      if (dropsAnswer) {
        answer.resume();
        answer.on("end", () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (call.isWatch) this.#hold(answer, response);
      else answer.pipe(response);
    });
    request.pipe(onward);
  }

  #hold(answer: IncomingMessage, response: ServerResponse): void {
    response.flushHeaders();
    const watch = new HeldWatch(response, () => this.#watchDelayMs);
    this.#watches.add(watch);
    answer.on("data", (chunk: Buffer) => watch.take(chunk));
    answer.on("end", () => watch.end());
    response.on("close", () => {
      watch.close();
      this.#watches.delete(watch);
    });
  }
}

/** The answer of one watch, piece by piece in order, each as late as the proxy says when it comes. */
class HeldWatch {
  readonly #response: ServerResponse;
  readonly #delayMs: () => number;
  readonly #held: (Buffer | "end")[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(response: ServerResponse, delayMs: () => number) {
    this.#response = response;
    this.#delayMs = delayMs;
  }

  take(chunk: Buffer): void {
    this.#later(chunk);
  }

  end(): void {
    this.#later("end");
  }

  /** Passes on all that is held. */
  release(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    while (this.#held.length > 0) this.#passOne();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#held.length = 0;
  }

  #later(piece: Buffer | "end"): void {
    this.#held.push(piece);
    const delayMs = this.#delayMs();
    if (delayMs === 0 && this.#timers.size === 0) {
      this.release();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#passOne();
    }, delayMs);
    this.#timers.add(timer);
  }

  #passOne(): void {
    const piece = this.#held.shift();
    if (piece === "end") this.#response.end();
    else if (piece !== undefined) this.#response.write(piece);
  }
}

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, host: __, ...rest } = headers;
  return rest;
}

function refuse(response: ServerResponse): void {
  const message = "the object has been modified; please apply your changes to the latest version and try again";
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", message, reason: "Conflict", code: 409 };
  response.writeHead(409, { "content-type": "application/json" }).end(JSON.stringify(status));
}
