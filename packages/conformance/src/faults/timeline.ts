/** A stretch of time, in milliseconds of the monotonic clock; open while `to` is infinite. */
export interface Interval {
  readonly from: number;
  to: number;
}

/** What was done to one member, and when. */
export class MemberTimeline {
  /** Killed or paused, until it served again: connections may break and answers may be late. */
  readonly down: Interval[] = [];
  /** No leader that it could exchange messages with had a majority: nothing linearizable may be answered. */
  readonly cutOff: Interval[] = [];

  /** True when the member was not killed or paused at any time between `from` and `to`. */
  undisturbed(from: number, to: number): boolean {
    return this.down.every((interval) => interval.to < from || interval.from > to);
  }

  /** True when the member was without a majority at a time. */
  cutOffAt(time: number): boolean {
    return this.cutOff.some(({ from, to }) => from <= time && time <= to);
  }

  /** True when all of `[from, to]` lies in one stretch without a majority, `marginMs` after its beginning. */
  cutOffThroughout(from: number, to: number, marginMs: number): boolean {
    return this.cutOff.some((interval) => interval.from + marginMs <= from && to <= interval.to);
  }
}

/** Opens or closes the last interval of a list, so that it is open exactly when `on`. */
export function toggle(intervals: Interval[], on: boolean, now: number): void {
  const last = intervals.at(-1);
  const isOpen = last !== undefined && last.to === Number.POSITIVE_INFINITY;
  if (on && !isOpen) intervals.push({ from: now, to: Number.POSITIVE_INFINITY });
  if (!on && isOpen) last.to = now;
}
