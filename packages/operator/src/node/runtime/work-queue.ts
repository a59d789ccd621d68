import type { Clock, Prng } from "@quorate/base";
import type { Timers } from "./timers.ts";

/** What came of one run for a key. */
export type WorkOutcome =
  | { readonly kind: "done"; readonly requeueAfterMs: number | undefined }
  /** Again, with growing delays, not before `notBeforeMs` from now. */
  | { readonly kind: "failed"; readonly notBeforeMs: number };

export interface WorkQueueSettings {
  /** Most keys worked on at a time. */
  readonly concurrency: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Least time between two starts for the same key, so that a burst of changes is one run. Milliseconds. */
  readonly spacingMs: number;
}

export const WORK_QUEUE_DEFAULTS: WorkQueueSettings = {
  concurrency: 5,
  backoffMinMs: 500,
  backoffMaxMs: 60_000,
  spacingMs: 100,
};

export interface WorkQueueDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly prng: Prng;
  /** Works on a key. Must not reject. */
  work(key: string): Promise<WorkOutcome>;
}

interface Entry {
  state: "idle" | "ready" | "working";
  /** Asked for again while it was worked on. */
  isDirty: boolean;
  failures: number;
  startedAtMs: number | undefined;
  /** When it became ready. */
  readySinceMs: number;
  delayed: { readonly dueMs: number; readonly cancel: () => void } | undefined;
}

/**
 * Keys to work on, in the order they came. A key is in it once however often it is added, and is never worked on twice at a
 * time; what is added meanwhile leads to one more run. Bounded by the number of keys that there are.
 */
export class WorkQueue {
  readonly #settings: WorkQueueSettings;
  readonly #deps: WorkQueueDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<string>();
  readonly #working = new Map<string, Promise<void>>();
  #isStarted = false;
  #isClosed = false;
  #retries = 0;

  constructor(settings: WorkQueueSettings, deps: WorkQueueDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  get working(): number {
    return this.#working.size;
  }

  /** Runs that failed and were put back, so far. */
  get retries(): number {
    return this.#retries;
  }

  /** Milliseconds that the longest waiting key waits for a worker; 0 if none does. */
  get longestWaitMs(): number {
    const [first] = this.#ready;
    const entry = first === undefined ? undefined : this.#entries.get(first);
    return entry === undefined ? 0 : this.#deps.clock.nowMs() - entry.readySinceMs;
  }

  /** Until then keys are only collected. */
  start(): void {
    this.#isStarted = true;
    this.#pump();
  }

  /** Asks for a run as soon as a worker is free. */
  add(key: string): void {
    if (this.#isClosed) return;
    const entry = this.#entry(key);
    if (entry.state === "ready") return;
    if (entry.state === "working") {
      entry.isDirty = true;
      return;
    }
    const sinceMs = entry.startedAtMs === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - entry.startedAtMs;
    if (sinceMs < this.#settings.spacingMs) this.addAfter(key, this.#settings.spacingMs - sinceMs);
    else this.#makeReady(key, entry);
  }

  /** Asks for a run after so many milliseconds. Of several such wishes the earliest counts, and any run before fulfils them. */
  addAfter(key: string, ms: number): void {
    if (this.#isClosed) return;
    const entry = this.#entry(key);
    if (entry.state === "ready") return;
    const dueMs = this.#nowMs() + ms;
    if (entry.delayed !== undefined && entry.delayed.dueMs <= dueMs) return;
    entry.delayed?.cancel();
    const cancel = this.#deps.timers.after(ms, () => {
      entry.delayed = undefined;
      if (this.#isClosed || entry.state === "ready") return;
      if (entry.state === "working") entry.isDirty = true;
      else this.#makeReady(key, entry);
    });
    entry.delayed = { dueMs, cancel };
  }

  /** Drops what is known of a key: nothing more is to be done for it unless it is added again. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.delayed?.cancel();
    entry.delayed = undefined;
    entry.failures = 0;
    entry.isDirty = false;
    if (entry.state === "working") return;
    this.#ready.delete(key);
    this.#entries.delete(key);
  }

  /** Takes nothing in any more, starts nothing any more, and resolves when what is worked on is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) entry.delayed?.cancel();
    this.#ready.clear();
    await Promise.all(this.#working.values());
  }

  #makeReady(key: string, entry: Entry): void {
    entry.delayed?.cancel();
    entry.delayed = undefined;
    entry.state = "ready";
    entry.readySinceMs = this.#nowMs();
    this.#ready.add(key);
    this.#pump();
  }

  #pump(): void {
    while (this.#isStarted && !this.#isClosed && this.#working.size < this.#settings.concurrency) {
      const [key] = this.#ready;
      if (key === undefined) return;
      this.#ready.delete(key);
      const entry = this.#entry(key);
      entry.state = "working";
      entry.startedAtMs = this.#nowMs();
      this.#working.set(key, this.#run(key, entry));
    }
  }

  async #run(key: string, entry: Entry): Promise<void> {
    const outcome = await this.#deps.work(key);
    this.#working.delete(key);
    entry.state = "idle";
    if (this.#isClosed) return;
    if (outcome.kind === "failed") {
      entry.failures++;
      this.#retries++;
      this.addAfter(key, Math.max(outcome.notBeforeMs, this.#backoffMs(entry.failures)));
    } else {
      entry.failures = 0;
      if (outcome.requeueAfterMs !== undefined) this.addAfter(key, outcome.requeueAfterMs);
    }
    const isDirty = entry.isDirty;
    entry.isDirty = false;
    if (isDirty) this.add(key);
    else if (entry.delayed === undefined && outcome.kind === "done") this.#entries.delete(key);
    this.#pump();
  }

  /** Half of it is fixed and half is chance, so that keys which failed together do not come back together. */
  #backoffMs(failures: number): number {
    const { backoffMinMs, backoffMaxMs } = this.#settings;
    const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures - 1, 30));
    return Math.max(backoffMinMs, fullMs / 2 + this.#deps.prng.below(Math.ceil(fullMs / 2) + 1));
  }

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {
        state: "idle",
        isDirty: false,
        failures: 0,
        startedAtMs: undefined,
        readySinceMs: 0,
        delayed: undefined,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }
}
