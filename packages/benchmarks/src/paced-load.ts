import { setTimeout as sleep } from "node:timers/promises";
import { LoadConnection } from "./load-connection.ts";

const TICK_MS = 2;
const ANSWER_TIMEOUT_MS = 20_000;

/** Requests at a fixed pace, whether the ones before are answered or not: what a server's pauses cost its clients shows. */
export class PacedLoad {
  readonly #connections: readonly LoadConnection[];
  readonly #request: (n: number) => Uint8Array;
  readonly #perMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #beginMs = performance.now();
  /** When each request that is under way was due. */
  readonly #dueMs = new Map<number, number>();
  #sent = 0;
  readonly #ended: { readonly n: number; readonly latencyMs: number }[] = [];
  #failed = 0;

  private constructor(connections: LoadConnection[], perSecond: number, request: (n: number) => Uint8Array) {
    this.#connections = connections;
    this.#request = request;
    this.#perMs = perSecond / 1000;
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  static async start(options: {
    readonly port: number;
    readonly path: string;
    readonly connections: number;
    readonly perSecond: number;
    readonly request: (n: number) => Uint8Array;
  }): Promise<PacedLoad> {
    const { port, path, perSecond, request } = options;
    const connections: LoadConnection[] = [];
    let load: PacedLoad | undefined;
    const handler = {
      message: undefined,
      ended: (n: number, ok: boolean): void => {
        if (load !== undefined) load.#onEnded(n, ok);
      },
    };
    for (let i = 0; i < options.connections; i++) connections.push(await LoadConnection.open(port, path, handler));
    load = new PacedLoad(connections, perSecond, request);
    return load;
  }

  /**
   * Latencies of the requests that are due while `during` is pending, ascending, in ms, each counted from when it is due: what is sent
   * late counts as well. Resolves once they are answered. Rejects when one of them is not within 20 s, or any request has failed.
   */
  async latenciesDuring(during: Promise<unknown>): Promise<number[]> {
    this.#send();
    const from = this.#sent;
    this.#ended.length = 0;
    await during;
    this.#send();
    const to = this.#sent;
    const giveUpMs = performance.now() + ANSWER_TIMEOUT_MS;
    while (this.#oldestUnderWay() < to) {
      if (performance.now() > giveUpMs) throw new Error(`no answer to request ${this.#oldestUnderWay()}`);
      await sleep(TICK_MS);
    }
    if (this.#failed > 0) throw new Error(`${this.#failed} requests failed`);
    const wanted = this.#ended.filter(({ n }) => n >= from && n < to);
    return wanted.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #onEnded(n: number, ok: boolean): void {
    if (!ok) this.#failed++;
    this.#ended.push({ n, latencyMs: performance.now() - (this.#dueMs.get(n) ?? 0) });
    this.#dueMs.delete(n);
  }

  /** Requests are sent in their order, so the first that is not answered is the oldest. */
  #oldestUnderWay(): number {
    const [oldest = Number.POSITIVE_INFINITY] = this.#dueMs.keys();
    return oldest;
  }

  #send(): void {
    const due = (performance.now() - this.#beginMs) * this.#perMs;
    for (; this.#sent < due; this.#sent++) {
      const n = this.#sent;
      this.#dueMs.set(n, this.#beginMs + n / this.#perMs);
      this.#connections[n % this.#connections.length]?.call(n, this.#request(n));
    }
  }
}
