/** More that wait for a log index than these are not kept waiting: whoever makes up tokens must not fill the memory. */
const WAITING_MAX = 10_000;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export interface AppliedWaitsDeps {
  readonly appliedIndex: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** An index that does not come is waited for so long. */
  readonly waitMs: number;
}

interface Waiting {
  readonly index: number;
  readonly untilMs: number;
  readonly bytes: number;
  readonly run: () => void;
}

/**
 * Callbacks that wait until a log index is applied. PERF: what is not due is never looked at, for whoever makes up tokens would make
 * every applied entry pay for them.
 */
export class AppliedWaits {
  readonly #deps: AppliedWaitsDeps;
  readonly #byIndex = new Map<number, Set<Waiting>>();
  /** All wait equally long, so that they are in the order of their deadlines. */
  readonly #inOrder = new Set<Waiting>();
  #bytes = 0;
  /** Nobody waits for this index or one before. */
  #appliedIndex = 0;

  constructor(deps: AppliedWaitsDeps) {
    this.#deps = deps;
  }

  /** Runs a callback, which holds on to so many bytes, once everything up to `index` is applied, or after a while. */
  whenApplied(index: number, bytes: number, run: () => void): void {
    const { appliedIndex, nowMs, waitMs } = this.#deps;
    if (this.#inOrder.size === 0) this.#appliedIndex = appliedIndex();
    const isFull = this.#inOrder.size >= WAITING_MAX || this.#bytes + bytes > WAITING_BYTES_MAX;
    if (isFull || index <= this.#appliedIndex) {
      run();
      return;
    }
    const waiting = { index, untilMs: nowMs() + waitMs, bytes, run };
    this.#inOrder.add(waiting);
    this.#bytes += bytes;
    const others = this.#byIndex.get(index);
    if (others === undefined) this.#byIndex.set(index, new Set([waiting]));
    else others.add(waiting);
  }

  /** Runs what is due; call it when something was applied, and about once a second. */
  applied(): void {
    if (this.#inOrder.size === 0) return;
    const due: Waiting[] = [];
    this.#takeApplied(this.#deps.appliedIndex(), due);
    this.#takeLate(this.#deps.nowMs(), due);
    for (const { run } of due) run();
  }

  /** Looks at each index that was applied since the last time; after a leap, as over a snapshot, at those that are waited for. */
  #takeApplied(index: number, due: Waiting[]): void {
    const before = this.#appliedIndex;
    if (index <= before) return;
    this.#appliedIndex = index;
    if (index - before > this.#byIndex.size) {
      for (const awaited of this.#byIndex.keys()) if (awaited <= index) this.#takeAt(awaited, due);
      return;
    }
    for (let awaited = before + 1; awaited <= index; awaited++) this.#takeAt(awaited, due);
  }

  #takeAt(index: number, due: Waiting[]): void {
    for (const waiting of this.#byIndex.get(index) ?? []) this.#take(waiting, due);
  }

  #takeLate(nowMs: number, due: Waiting[]): void {
    for (const waiting of this.#inOrder) {
      if (waiting.untilMs > nowMs) return;
      this.#take(waiting, due);
    }
  }

  #take(waiting: Waiting, due: Waiting[]): void {
    due.push(waiting);
    this.#inOrder.delete(waiting);
    this.#bytes -= waiting.bytes;
    const others = this.#byIndex.get(waiting.index);
    others?.delete(waiting);
    if (others?.size === 0) this.#byIndex.delete(waiting.index);
  }
}
