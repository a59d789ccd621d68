import type { Counter } from "@quorate/base";

/** A leader's heartbeat counts as late from so many intervals after the one before; etcd's figure. */
const LATE_INTERVALS = 2;

/** Counts the heartbeats that this member, leading, has sent too late: its event loop, or the machine, was busy with something else. */
export class HeartbeatLateness {
  readonly #lateMs: number;
  readonly #late: Counter;
  #lastMs: number | undefined;

  constructor(intervalMs: number, late: Counter) {
    this.#lateMs = LATE_INTERVALS * intervalMs;
    this.#late = late;
  }

  /** A tick, with so many members to send a heartbeat to; 0 where somebody else leads. */
  ticked(nowMs: number, followerCount: number): void {
    const lastMs = this.#lastMs;
    this.#lastMs = followerCount > 0 ? nowMs : undefined;
    if (lastMs !== undefined && followerCount > 0 && nowMs - lastMs > this.#lateMs) this.#late.add(followerCount);
  }
}
