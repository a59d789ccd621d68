import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  dueRun,
  jitterMs,
  parseCron,
  parseRfc3339,
  type RunQuestion,
  scheduledBackupName,
  staleAfterMs,
  UTC,
} from "../../../src/core/index.ts";

const at = (text: string): number => parseRfc3339(text) ?? Number.NaN;

function hourly(fields: Partial<RunQuestion>): RunQuestion {
  const { schedule } = parseCron("0 * * * *");
  if (schedule === undefined) throw new Error("no schedule");
  return {
    schedule,
    zone: UTC,
    nowMs: at("2026-05-01T12:00:00Z"),
    settledMs: at("2026-05-01T11:00:00Z"),
    startingDeadlineMs: 1_800_000,
    jitterMs: 0,
    ...fields,
  };
}

describe("dueRun", () => {
  it.each<[string, Partial<RunQuestion>, object]>([
    ["is due at its time", {}, { dueMs: at("2026-05-01T12:00:00Z"), nextMs: at("2026-05-01T13:00:00Z") }],
    [
      "is not due a moment before",
      { nowMs: at("2026-05-01T11:59:59Z") },
      { dueMs: undefined, nextMs: at("2026-05-01T12:00:00Z") },
    ],
    [
      "is due once",
      { settledMs: at("2026-05-01T12:00:00Z") },
      { dueMs: undefined, nextMs: at("2026-05-01T13:00:00Z") },
    ],
    [
      "is made up for within the deadline",
      { nowMs: at("2026-05-01T12:30:00Z") },
      { dueMs: at("2026-05-01T12:00:00Z") },
    ],
    [
      "is skipped after the deadline",
      { nowMs: at("2026-05-01T12:30:01Z") },
      { dueMs: undefined, skippedMs: at("2026-05-01T12:00:00Z"), wakeMs: at("2026-05-01T13:00:00Z") },
    ],
    [
      "is made up for once, whatever number was missed",
      { settledMs: at("2026-04-20T00:00:00Z"), nowMs: at("2026-05-01T12:10:00Z") },
      { dueMs: at("2026-05-01T12:00:00Z"), skippedMs: undefined },
    ],
    [
      "waits for its jitter",
      { jitterMs: 40_000, nowMs: at("2026-05-01T12:00:39Z") },
      { dueMs: undefined, nextMs: at("2026-05-01T12:00:00Z"), wakeMs: at("2026-05-01T12:00:40Z") },
    ],
    [
      "is due with its jitter over, under its own minute",
      { jitterMs: 40_000, nowMs: at("2026-05-01T12:00:40Z") },
      { dueMs: at("2026-05-01T12:00:00Z") },
    ],
    [
      "with a deadline of 0 is due only at its moment",
      { startingDeadlineMs: 0, nowMs: at("2026-05-01T12:00:01Z") },
      { dueMs: undefined, skippedMs: at("2026-05-01T12:00:00Z") },
    ],
    [
      "is not due when clocks were set back",
      { settledMs: at("2026-05-01T14:00:00Z") },
      { dueMs: undefined, nextMs: at("2026-05-01T15:00:00Z") },
    ],
  ])("%s", (_what, fields, expected) => {
    expect(dueRun(hourly(fields))).toMatchObject(expected);
  });
});

describe("jitterMs", () => {
  it("is the same for a name, below the limit and half the interval, in whole seconds", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 0, max: 3600 }),
        fc.integer({ min: 60_000, max: 86_400_000 }),
        (name, seconds, interval) => {
          const jitter = jitterMs(name, seconds, interval);

          expect(jitter).toBe(jitterMs(name, seconds, interval));
          expect(jitter).toBeGreaterThanOrEqual(0);
          expect(jitter).toBeLessThanOrEqual(Math.min(seconds * 1000, interval / 2));
          expect(jitter % 1000).toBe(0);
        },
      ),
    );
  });

  it("spreads a fleet evenly", () => {
    const buckets = Array.from({ length: 6 }, () => 0);
    for (let i = 0; i < 600; i += 1) {
      const bucket = Math.floor(jitterMs(`default/cluster-${i}`, 59, 3_600_000) / 10_000);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }

    expect(Math.min(...buckets)).toBeGreaterThan(60);
  });
});

describe("scheduledBackupName", () => {
  it.each([
    ["nightly", "2026-01-31T04:05:00Z", "nightly-20260131t0405"],
    ["nightly", "2026-01-31T04:05:59Z", "nightly-20260131t0405"],
    ["x".repeat(70), "2026-01-31T04:05:00Z", `${"x".repeat(49)}-20260131t0405`],
  ])("of %s at %s is %s", (schedule, time, name) => {
    expect(scheduledBackupName(schedule, at(time))).toBe(name);
    expect(name.length).toBeLessThanOrEqual(63);
  });
});

describe("staleAfterMs", () => {
  it("is twice the interval unless asked otherwise", () => {
    expect(staleAfterMs(3_600_000, undefined)).toBe(7_200_000);
    expect(staleAfterMs(3_600_000, 5)).toBe(5);
  });
});
