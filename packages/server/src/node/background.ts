import type { Store, WatchHub } from "@quorate/mvcc";
import { type CompactionMeter, NO_METER } from "./compaction-meter.ts";

/** The pause behind a slice in ms, so that requests get their turns. */
const COMPACTION_PAUSE_MS = 2;
/** Slices done turn by turn before pauses begin: a small compaction ends before the client's next request, as in etcd. */
const COMPACTION_PROMPT_SLICES = 16;

/** How revisions are removed: `--compaction-batch-limit` and `--compaction-sleep-interval`. */
export interface CompactionPace {
  /** Revisions looked at in a slice. */
  readonly sliceItems: number;
  /** Behind each slice; undefined: none at first, and then short ones. */
  readonly pauseMs: number | undefined;
}

/** Removes what revision compaction has freed, slice by slice. */
export class PhysicalCompaction {
  readonly #store: Store;
  readonly #commit: () => void;
  readonly #pace: CompactionPace;
  readonly #meter: CompactionMeter;
  #beganMs = 0;
  #removedBefore = 0;
  #running = false;
  #slices = 0;
  #waiting: (() => void)[] = [];
  #stopped = false;
  #paused = false;

  /** `commit` ends a slice: its deletions become one write of the backend. */
  constructor(store: Store, commit: () => void, pace: CompactionPace, meter: CompactionMeter = NO_METER) {
    this.#store = store;
    this.#commit = commit;
    this.#pace = pace;
    this.#meter = meter;
  }

  /** Starts if there is something to do and it is not running. */
  start(): void {
    if (this.#running || this.#stopped || this.#paused || !this.#store.compactionPending) return;
    this.#running = true;
    this.#slices = 0;
    this.#beganMs = performance.now();
    this.#removedBefore = this.#store.compactionRemovedCount;
    setImmediate(this.#slice);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Leaves the store alone until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  /** The store may have been replaced meanwhile: `start` begins what is left to do. */
  resume(): void {
    this.#paused = false;
  }

  /** Calls back, at once or later, when nothing is left to remove. */
  whenDone(done: () => void): void {
    if (this.#store.compactionPending) this.#waiting.push(done);
    else done();
  }

  readonly #slice = (): void => {
    if (this.#stopped) return;
    if (this.#paused) {
      this.#running = false;
      return;
    }
    const sliceMs = performance.now();
    const more = this.#store.compactionStep(this.#pace.sliceItems);
    this.#commit();
    const endMs = performance.now();
    this.#meter.slice(endMs - sliceMs);
    this.#slices += 1;
    if (more) {
      const { pauseMs } = this.#pace;
      if (pauseMs === undefined && this.#slices < COMPACTION_PROMPT_SLICES) setImmediate(this.#slice);
      else setTimeout(this.#slice, pauseMs ?? COMPACTION_PAUSE_MS);
      return;
    }
    this.#running = false;
    // A store that was restored meanwhile counts anew.
    const removedCount = Math.max(0, this.#store.compactionRemovedCount - this.#removedBefore);
    this.#meter.finished(endMs - this.#beganMs, removedCount);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  };
}

/** Brings lagging watchers on, a slice a turn. */
export class WatchCatchUp {
  #hub: WatchHub | undefined;
  #scheduled = false;
  #paused = false;

  attach(hub: WatchHub): void {
    this.#hub = hub;
  }

  /** Has the hub worked on at the end of this turn. */
  readonly wake = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#slice);
  };

  /** Leaves the hub alone until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  readonly #slice = (): void => {
    this.#scheduled = false;
    if (!this.#paused && this.#hub?.syncStep() === true) this.wake();
  };
}

/** Timers of one server, all stopped together. */
export class Timers {
  readonly #timers: NodeJS.Timeout[] = [];

  /**
   * Runs every `ms` milliseconds, in step with the clock: a late run does not put off those after it, so that ticks measure time
   * on a busy machine too. Runs missed altogether are left out. (An interval of Node.js counts from its last, late run.)
   */
  every(ms: number, run: () => void): void {
    const slot = this.#timers.length;
    let dueMs = performance.now() + ms;
    const fire = (): void => {
      const nowMs = performance.now();
      dueMs = nextDueMs(dueMs, nowMs, ms);
      this.#timers[slot] = setTimeout(fire, dueMs - nowMs);
      run();
    };
    this.#timers.push(setTimeout(fire, ms));
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.length = 0;
  }
}

/** When to run next, for what was due at `dueMs` and runs at `nowMs`: the first moment in step that is still to come. */
export function nextDueMs(dueMs: number, nowMs: number, intervalMs: number): number {
  const missed = Math.max(0, Math.floor((nowMs - dueMs) / intervalMs));
  return dueMs + (missed + 1) * intervalMs;
}
