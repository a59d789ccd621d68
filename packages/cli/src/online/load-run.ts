import type { EtcdClient } from "@quorate/client";
import { failureText } from "./failure.ts";

/** A load of puts. */
export interface Load {
  readonly clients: readonly EtcdClient[];
  /** How many puts are under way at a time, at most. */
  readonly concurrency: number;
  /** Puts a second; undefined: as fast as they go. */
  readonly rate: number | undefined;
  /** Ends by time or by number, whichever comes first. */
  readonly durationMs: number;
  readonly putCount: number;
  readonly nextPut: () => { readonly key: Uint8Array; readonly value: Uint8Array };
  readonly signal: AbortSignal;
  /** Told now and then of the puts answered. */
  readonly onProgress: (done: number) => void;
}

/** What became of a load. Times in seconds. */
export interface LoadResult {
  readonly putsPerSecond: number;
  readonly slowest: number;
  readonly deviation: number;
  /** How often each error came. */
  readonly errors: ReadonlyMap<string, number>;
  /** Why the signal ended it before its time, so that the figures say nothing; undefined where it did not. */
  readonly interruptedBy: unknown;
}

/** A pace that was missed by more than this is not caught up with: a rate is not a number of puts. */
const BEHIND_MS_MAX = 5;
const MS_PER_SECOND = 1000;

/** Runs a load to its end; no put is sent after that, those under way are waited for. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const run = new LoadRun(load);
  await Promise.all([run.pace(), ...Array.from({ length: load.concurrency }, (_, i) => run.work(i))]);
  return run.result();
}

class LoadRun {
  readonly #load: Load;
  readonly #startMs = performance.now();
  readonly #seconds: number[] = [];
  readonly #errors = new Map<string, number>();
  /** Workers that wait for their turn. */
  readonly #idle: (() => void)[] = [];
  #dueMs = performance.now();
  #sent = 0;
  #done = 0;
  #ended = false;

  constructor(load: Load) {
    this.#load = load;
  }

  /** Lets workers go at the rate, until the end. */
  async pace(): Promise<void> {
    while (!this.#isOver()) {
      this.#release();
      this.#load.onProgress(this.#done);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#ended = true;
    for (const wake of this.#idle.splice(0)) wake();
  }

  async work(index: number): Promise<void> {
    const { RPC } = await import("@quorate/client");
    const { clients, nextPut } = this.#load;
    const client = clients[index % clients.length];
    if (client === undefined) throw new Error("a load needs a client");
    while (await this.#turn()) {
      const sentMs = performance.now();
      try {
        await client.unary(RPC.KV.Put, nextPut());
        this.#seconds.push((performance.now() - sentMs) / MS_PER_SECOND);
      } catch (error) {
        const text = failureText(error);
        this.#errors.set(text, (this.#errors.get(text) ?? 0) + 1);
      }
      this.#done += 1;
    }
  }

  result(): LoadResult {
    const totalSeconds = (performance.now() - this.#startMs) / MS_PER_SECOND;
    const count = this.#seconds.length;
    const mean = this.#seconds.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, count);
    const squares = this.#seconds.reduce((sum, seconds) => sum + (seconds - mean) ** 2, 0);
    return {
      putsPerSecond: count / totalSeconds,
      slowest: this.#seconds.reduce((slowest, seconds) => Math.max(slowest, seconds), 0),
      deviation: Math.sqrt(squares / Math.max(1, count)),
      errors: this.#errors,
      interruptedBy: this.#load.signal.reason,
    };
  }

  /** False at the end. */
  async #turn(): Promise<boolean> {
    if (this.#isOver()) return false;
    if (this.#load.rate === undefined) {
      this.#sent += 1;
      return true;
    }
    await new Promise<void>((resolve) => this.#idle.push(resolve));
    return !this.#ended;
  }

  #release(): void {
    const { rate } = this.#load;
    if (rate === undefined) return;
    const nowMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs - BEHIND_MS_MAX);
    while (this.#dueMs <= nowMs) {
      const wake = this.#idle.shift();
      if (wake === undefined) return;
      this.#sent += 1;
      this.#dueMs += MS_PER_SECOND / rate;
      wake();
    }
  }

  #isOver(): boolean {
    const { durationMs, putCount, signal } = this.#load;
    return this.#ended || signal.aborted || this.#sent >= putCount || performance.now() - this.#startMs >= durationMs;
  }
}
