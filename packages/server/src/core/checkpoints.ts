import type { ConfState } from "@quorate/raft";

/** What a checkpoint makes durable: the state after applying `index`. */
export interface CheckpointPosition {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly confState: ConfState;
}

export interface CheckpointConfig {
  /** A checkpoint is due after so many applied entries, if the last one is `spacingMs` old, */
  readonly entriesMax: number;
  readonly spacingMs: number;
  /** or after so many bytes of entries, */
  readonly bytesMax: number;
  /** or when anything was applied and the last one is this old. */
  readonly ageMaxMs: number;
}

export interface CheckpointDeps {
  readonly nowMs: () => number;
  /** Whether the backend holds so much back until the next checkpoint that it should not wait. */
  readonly isUrgent: () => boolean;
  /** The state as it is now. */
  readonly position: () => CheckpointPosition;
  /** Makes it durable and lets go of the log before it. `done` later, once. */
  readonly save: (position: CheckpointPosition, done: (error?: Error) => void) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Decides when the applied state is made durable in the backend, which bounds what a restart replays and what the log
 * keeps. One at a time; ADR 1.
 */
export class Checkpoints {
  readonly #config: CheckpointConfig;
  readonly #deps: CheckpointDeps;
  #entries = 0;
  #bytes = 0;
  #lastMs: number;
  #saving = false;
  #held = false;
  #waiting: (() => void)[] = [];

  constructor(config: CheckpointConfig, deps: CheckpointDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#lastMs = deps.nowMs();
  }

  /** Notes a batch of applied entries; starts a checkpoint if one is due. `nowMs` for who has looked at the clock already. */
  applied(entryCount: number, bytes: number, nowMs: number = this.#deps.nowMs()): void {
    this.#entries += entryCount;
    this.#bytes += bytes;
    this.visit(nowMs);
  }

  /** Starts a checkpoint if one is due; call it now and then also when nothing is applied. */
  visit(nowMs: number = this.#deps.nowMs()): void {
    if (this.#saving || this.#held || this.#entries === 0) return;
    const { ageMaxMs, bytesMax, entriesMax, spacingMs } = this.#config;
    const ageMs = nowMs - this.#lastMs;
    const isDue = (this.#entries >= entriesMax && ageMs >= spacingMs) || ageMs >= ageMaxMs;
    if (isDue || this.#bytes >= bytesMax || this.#deps.isUrgent()) this.#save();
  }

  /** Makes everything applied so far durable and calls back; for a clean stop. */
  finish(done: () => void): void {
    if (this.#saving) this.#waiting.push(() => this.finish(done));
    else if (this.#entries === 0 || this.#held) done();
    else {
      this.#waiting.push(done);
      this.#save();
    }
  }

  /**
   * As {@link finish}, and also when nothing was applied since the last one: what has been removed meanwhile is gone from the backend
   * then. While the state is being replaced there is nothing to do.
   */
  renew(done: () => void): void {
    if (this.#held) done();
    else if (this.#saving) this.#waiting.push(() => this.renew(done));
    else {
      this.#waiting.push(done);
      this.#save();
    }
  }

  /** Calls back once no checkpoint is being made; none begins until `resume`, because the state is being replaced. */
  hold(done: () => void): void {
    this.#held = true;
    if (this.#saving) this.#waiting.push(done);
    else done();
  }

  resume(): void {
    this.#held = false;
    this.#entries = 0;
    this.#bytes = 0;
  }

  #save(): void {
    this.#saving = true;
    this.#entries = 0;
    this.#bytes = 0;
    this.#deps.save(this.#deps.position(), (error) => {
      this.#saving = false;
      this.#lastMs = this.#deps.nowMs();
      if (error !== undefined) {
        this.#deps.failed(error);
        return;
      }
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const done of waiting) done();
    });
  }
}
