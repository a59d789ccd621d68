import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type CronSchedule,
  lastTime,
  nextTime,
  parseCron,
  parseRfc3339,
  rfc3339,
  type TimeZone,
  timeZone,
} from "../../../src/core/index.ts";

function cron(text: string): CronSchedule {
  const { schedule, ...rest } = parseCron(text);
  if (schedule === undefined) throw new Error(JSON.stringify(rest));
  return schedule;
}

function zone(name: string): TimeZone {
  const found = timeZone(name);
  if (found === undefined) throw new Error(`no zone ${name}`);
  return found;
}

function at(text: string): number {
  const ms = parseRfc3339(text);
  if (ms === undefined) throw new Error(`no time: ${text}`);
  return ms;
}

/** The times after `from`, in UTC without seconds. */
function times(text: string, name: string, from: string, count: number): string[] {
  const found: string[] = [];
  let ms = at(from);
  for (let i = 0; i < count; i += 1) {
    const next = nextTime(cron(text), zone(name), ms);
    if (next === undefined) break;
    found.push(rfc3339(next).slice(0, 16));
    ms = next;
  }
  return found;
}

describe("parseCron", () => {
  it.each([
    ["", "it has 0 fields, not 5"],
    ["* * * *", "it has 4 fields, not 5"],
    ["* * * * * *", "it has 6 fields, not 5"],
    ["60 * * * *", '"60" is no minute'],
    ["* 24 * * *", '"24" is no hour'],
    ["* * 0 * *", '"0" is no day of the month'],
    ["* * * 13 *", '"13" is no month'],
    ["* * * * 8", '"8" is no day of the week'],
    ["*/0 * * * *", '"*/0" is no minute'],
    ["5-1 * * * *", '"5-1" is no minute'],
    ["1,,2 * * * *", '"1,,2" is no minute'],
    ["* * * foo *", '"foo" is no month'],
    ["@never", "@never is no schedule"],
    ["0 0 31 feb,apr,jun *", "no month that it names has such a day"],
  ])("refuses %j: %s", (text, problem) => {
    expect(parseCron(text)).toEqual({ schedule: undefined, problem });
  });

  it.each([
    ["@hourly", "0 * * * *"],
    ["@daily", "0 0 * * *"],
    ["@weekly", "0 0 * * 7"],
    ["@monthly", "0 0 1 * *"],
    ["@Yearly", "0 0 1 JAN *"],
    ["  5   4 * * mon-fri ", "5 4 * * 1,2,3,4,5"],
    ["0-59/15 */6 * * *", "0,15,30,45 0,6,12,18 * * *"],
    ["50/4 * * * *", "50,54,58 * * * *"],
  ])("reads %j as %j", (one, other) => {
    expect({ ...cron(one), text: "" }).toEqual({ ...cron(other), text: "" });
  });
});

describe("nextTime", () => {
  it.each([
    ["*/15 * * * *", "UTC", "2026-01-31T23:50:30Z", ["2026-02-01T00:00", "2026-02-01T00:15"]],
    ["0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]],
    ["0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", ["2104-02-29T00:00"]],
    ["0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", ["2026-03-31T00:00", "2026-05-31T00:00"]],
    // Both day fields: either; one of them a star, stepped or not: both.
    ["0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z", ["2026-02-06T00:00", "2026-02-13T00:00", "2026-02-20T00:00"]],
    ["0 0 */2 * 5", "UTC", "2026-02-01T00:00:00Z", ["2026-02-13T00:00", "2026-02-27T00:00"]],
    ["30 4 * * *", "Asia/Kolkata", "2026-02-01T00:00:00Z", ["2026-02-01T23:00", "2026-02-02T23:00"]],
    ["0 9 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", ["2026-03-28T08:00", "2026-03-29T07:00"]],
  ])("%s in %s after %s", (text, name, from, expected) => {
    expect(times(text, name, from, expected.length)).toEqual(expected);
  });

  it.each([
    // Clocks in Berlin skip 02:00 to 03:00 on 29 March 2026, that is 01:00 UTC.
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00", "2026-03-30T00:30"]],
    ["0 */2 * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", ["2026-03-29T01:00", "2026-03-29T02:00"]],
    [
      "15,45 1-3 * * *",
      "Europe/Berlin",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T00:15", "2026-03-29T00:45", "2026-03-29T01:00", "2026-03-29T01:15", "2026-03-29T01:45"],
    ],
    [
      "0 * * * *",
      "Europe/Berlin",
      "2026-03-28T23:30:00Z",
      ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"],
    ],
    [
      "30 * * * *",
      "Europe/Berlin",
      "2026-03-28T23:45:00Z",
      ["2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"],
    ],
    // In São Paulo the skipped hour was that after midnight.
    ["0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", ["2018-11-04T03:00", "2018-11-05T02:00"]],
    [
      "0 */6 * * *",
      "America/Sao_Paulo",
      "2018-11-03T20:00:00Z",
      ["2018-11-03T21:00", "2018-11-04T03:00", "2018-11-04T08:00"],
    ],
    // On Lord Howe clocks move by half an hour, at 15:30 UTC.
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", ["2026-10-03T15:30", "2026-10-04T15:15"]],
    // Apia had no 30 December 2011 at all.
    ["0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", ["2011-12-30T10:00", "2012-12-29T22:00"]],
  ])("%s in %s after %s runs once where clocks skip an hour", (text, name, from, expected) => {
    expect(times(text, name, from, expected.length)).toEqual(expected);
  });

  it.each([
    // Clocks in Berlin show 02:00 to 03:00 twice on 25 October 2026, from 00:00 UTC on.
    ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30", "2026-10-26T01:30"]],
    [
      "0 */2 * * *",
      "Europe/Berlin",
      "2026-10-24T21:30:00Z",
      ["2026-10-24T22:00", "2026-10-25T00:00", "2026-10-25T03:00"],
    ],
    ["0 1-23 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", ["2026-10-25T00:00", "2026-10-25T02:00"]],
    ["0 0 * * *", "America/Sao_Paulo", "2018-02-17T00:00:00Z", ["2018-02-17T02:00", "2018-02-18T03:00"]],
    ["30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00:00Z", ["2018-02-18T01:30", "2018-02-19T02:30"]],
  ])("%s in %s after %s runs once where clocks show an hour twice", (text, name, from, expected) => {
    expect(times(text, name, from, expected.length)).toEqual(expected);
  });

  it("goes by elapsed time if it names no hours, so that backups never stop for an hour", () => {
    expect(times("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 6)).toEqual([
      "2026-10-25T00:00",
      "2026-10-25T00:30",
      "2026-10-25T01:00",
      "2026-10-25T01:30",
      "2026-10-25T02:00",
      "2026-10-25T02:30",
    ]);
  });

  // The definition, looked up minute by minute: slow and plain.
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
  ];
  const field = (max: number, min = 0): fc.Arbitrary<string> =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min, max }).map(String),
      fc.integer({ min: 2, max: 20 }).map((step) => `*/${Math.min(step, max)}`),
      fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((list) => list.join(",")),
    );
  const changes = [
    "2026-03-29T00:00:00Z",
    "2026-10-25T00:00:00Z",
    "2026-03-08T06:00:00Z",
    "2026-11-01T05:00:00Z",
    "2018-11-04T03:00:00Z",
    "2018-02-18T02:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
  ];

  it("is the first minute that the clocks on the wall say is due", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...changes),
        fc.integer({ min: -20 * 60, max: 20 * 60 }),
        field(59),
        field(23),
        (name, change, minutes, minuteField, hourField) => {
          const schedule = cron(`${minuteField} ${hourField} * * *`);
          const from = at(change) + minutes * 60_000;

          expect(nextTime(schedule, zone(name), from)).toBe(plainNext(schedule, zone(name), from));
        },
      ),
      { numRuns: 120 },
    );
  });

  it("never stands still, and lastTime is the newest of the same times", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at("2015-01-01T00:00:00Z") / 60_000, max: at("2040-01-01T00:00:00Z") / 60_000 }),
        fc.constantFrom("0 * * * *", "*/7 * * * *", "5 2 * * *", "0 9-17 * * mon-fri", "0 0 1 * *", "30 2 * * sun"),
        fc.integer({ min: 1, max: 12 }),
        (name, minute, text, count) => {
          const schedule = cron(text);
          const from = minute * 60_000 + 1;
          let last = from;
          for (let i = 0; i < count; i += 1) {
            const next = nextTime(schedule, zone(name), last) ?? 0;
            expect(next).toBeGreaterThan(last);
            last = next;
          }

          expect(lastTime(schedule, zone(name), { afterMs: from, atMs: last })).toBe(last);
          expect(lastTime(schedule, zone(name), { afterMs: last, atMs: last })).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Walks through the minutes: a wall time is due when it is first shown, a skipped one at the first minute after. */
function plainNext(schedule: CronSchedule, place: TimeZone, afterMs: number): number | undefined {
  const startMs = Math.floor(afterMs / 60_000) * 60_000 - 26 * 60 * 60_000;
  const endMs = startMs + 78 * 60 * 60_000;
  const wallMinute = (ms: number): number => Math.floor((ms + place.offsetMs(ms)) / 60_000);
  const isDue = (wall: number): boolean =>
    schedule.minutes.has(((wall % 60) + 60) % 60) && schedule.hours.has(((Math.floor(wall / 60) % 24) + 24) % 24);
  let shown = wallMinute(startMs);
  for (let ms = startMs + 60_000; ms < endMs; ms += 60_000) {
    const wall = wallMinute(ms);
    let due = false;
    if (schedule.isHourly) due = isDue(wall);
    else for (let missed = shown + 1; missed <= wall; missed += 1) due ||= isDue(missed);
    shown = Math.max(shown, wall);
    if (due && ms > afterMs) return ms;
  }
  return undefined;
}
