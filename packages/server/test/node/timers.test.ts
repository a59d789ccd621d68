import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { nextDueMs, Timers } from "../../src/node/background.ts";

describe("nextDueMs", () => {
  it.each([
    ["on time", 100, 100, 200],
    ["a little early, as timers may be", 100, 99.6, 200],
    ["late: the next is not put off", 100, 137, 200],
    ["later than the next: that one is left out", 100, 200, 300],
    ["much later: those missed are left out, the step stays", 100, 555, 600],
  ])("%s", (_, due, now, next) => {
    expect(nextDueMs(due, now, 100)).toBe(next);
  });
});

describe("Timers", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it("runs as often as the clock says, until it is stopped, be it from within a run", () => {
    const timers = new Timers();
    let [often, seldom] = [0, 0];
    timers.every(100, () => {
      often += 1;
      if (often === 12) timers.stop();
    });
    timers.every(500, () => {
      seldom += 1;
    });
    jest.advanceTimersByTime(1000);
    expect({ often, seldom }).toEqual({ often: 10, seldom: 2 });
    jest.advanceTimersByTime(5000);
    expect({ often, seldom }).toEqual({ often: 12, seldom: 2 });
    expect(jest.getTimerCount()).toBe(0);
  });
});
