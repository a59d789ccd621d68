import { setTimeout as sleep } from "node:timers/promises";
import { LoadConnection } from "./load-connection.ts";

const TICK_MS = 2;
const ANSWER_TIMEOUT_MS = 20_000;
/** Requests whose latencies are kept, at 3,000 a second those of the last six minutes. */
const KEPT = 2 ** 20;

/**
 * Requests at a fixed pace, whether the ones before are answered or not: what a server's pauses cost its clients shows. Latencies lie
 * in memory that is there from the beginning: a collection of this process's garbage would be taken for a pause of the server.
 */
export class PacedLoad {
  readonly #connections: readonly LoadConnection[];
  readonly #request: (n: number) => Uint8Array;
  readonly #perMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #beginMs = performance.now();
  /** In ms, of request n at n modulo their number; NaN while it is under way. */
  readonly #latencies = new Float64Array(KEPT).fill(Number.NaN);
  #sent = 0;
  /** The oldest request that is not answered, or the next one. */
  #oldest = 0;
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
   * late counts as well. Resolves once they are answered. Rejects when one of them is not within 20 s, any request has failed, or
   * there were more than are kept.
   */
  async latenciesDuring(during: Promise<unknown>): Promise<Float64Array> {
    this.#send();
    const from = this.#sent;
    await during;
    this.#send();
    const to = this.#sent;
    if (to - from > KEPT) throw new Error(`${to - from} requests are more than the ${KEPT} whose latencies are kept`);
    const giveUpMs = performance.now() + ANSWER_TIMEOUT_MS;
    while (this.#oldest < to) {
      if (performance.now() > giveUpMs) throw new Error(`no answer to request ${this.#oldest}`);
      await sleep(TICK_MS);
    }
    if (this.#failed > 0) throw new Error(`${this.#failed} requests failed`);
    return Float64Array.from({ length: to - from }, (_, i) => this.#latencies[(from + i) % KEPT] as number).sort();
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
    this.#latencies[n % KEPT] = performance.now() - this.#beginMs - n / this.#perMs;
    while (this.#oldest < this.#sent && !Number.isNaN(this.#latencies[this.#oldest % KEPT])) this.#oldest++;
  }

  #send(): void {
    const due = (performance.now() - this.#beginMs) * this.#perMs;
    for (; this.#sent < due; this.#sent++) {
      const n = this.#sent;
      this.#latencies[n % KEPT] = Number.NaN;
      this.#connections[n % this.#connections.length]?.call(n, this.#request(n));
    }
  }
}
