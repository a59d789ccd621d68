/** Something with a time. The fields belong to the wheel. */
export interface Timed {
  /** When {@link Timed.onTime} is due, in monotonic milliseconds. */
  timerAtMs: number;
  timerSlot: number;
  timerNext: Timed | undefined;
  timerPrevious: Timed | undefined;
  onTime(nowMs: number): void;
}

/** Accuracy of the wheel. */
export const SLOT_MS = 10;
const SLOTS = 1024;

/**
 * A hashed timing wheel: adding and removing cost a few field writes, one timer advances all. Entries further away than a
 * revolution of ten seconds stay in their slot and are looked at once a revolution.
 */
export class DeadlineWheel {
  count = 0;
  readonly #slots: (Timed | undefined)[] = Array.from({ length: SLOTS });
  #tick: number;

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / SLOT_MS);
  }

  /** Adds `timed`, which is in no wheel, for `atMs`. */
  add(timed: Timed, atMs: number): void {
    // One slot later than the time itself: the slot is looked at when all of it has passed.
    const tick = Math.max(Math.floor(atMs / SLOT_MS) + 1, this.#tick + 1);
    const slot = tick % SLOTS;
    const head = this.#slots[slot];
    timed.timerAtMs = atMs;
    timed.timerSlot = slot;
    timed.timerNext = head;
    timed.timerPrevious = undefined;
    if (head !== undefined) head.timerPrevious = timed;
    this.#slots[slot] = timed;
    this.count++;
  }

  /** Removes `timed` if it is in the wheel. */
  remove(timed: Timed): void {
    if (timed.timerSlot < 0) return;
    const { timerNext: next, timerPrevious: previous } = timed;
    if (previous === undefined) this.#slots[timed.timerSlot] = next;
    else previous.timerNext = next;
    if (next !== undefined) next.timerPrevious = previous;
    timed.timerSlot = -1;
    timed.timerNext = undefined;
    timed.timerPrevious = undefined;
    this.count--;
  }

  /** Calls `onTime` of everything due at `nowMs`, having removed it. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / SLOT_MS);
    const steps = Math.min(target - this.#tick, SLOTS);
    const from = this.#tick;
    this.#tick = Math.max(target, from);
    for (let step = 1; step <= steps && this.count > 0; step++) {
      const due: Timed[] = [];
      for (let timed = this.#slots[(from + step) % SLOTS]; timed !== undefined; timed = timed.timerNext) {
        if (timed.timerAtMs <= nowMs) due.push(timed);
      }
      for (const timed of due) {
        // An earlier one may have cancelled this one.
        if (timed.timerSlot < 0) continue;
        this.remove(timed);
        timed.onTime(nowMs);
      }
    }
  }
}
