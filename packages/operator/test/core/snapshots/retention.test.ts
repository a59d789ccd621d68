import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  DAY_MS,
  HOUR_MS,
  parseRfc3339,
  planRetention,
  type RetainedBackup,
  type RetentionPolicy,
  rfc3339,
  timeZone,
  UTC,
} from "../../../src/core/index.ts";

const at = (text: string): number => parseRfc3339(text) ?? Number.NaN;
const NOW = at("2026-06-15T12:00:00Z");

function policy(fields: Partial<RetentionPolicy> = {}): RetentionPolicy {
  return {
    keepLast: 0,
    hourly: 0,
    daily: 0,
    weekly: 0,
    monthly: 0,
    yearly: 0,
    minVerified: 1,
    minAgeMs: 0,
    staleAfterMs: 400 * DAY_MS,
    ...fields,
  };
}

function backup(time: string, fields: Partial<RetainedBackup> = {}): RetainedBackup {
  return { name: time, timeMs: at(time), isVerified: true, isHeld: false, sizeBytes: 100, ...fields };
}

/** One per hour, from so many hours ago until now; the name is the time. */
function everyHour(hours: number): RetainedBackup[] {
  return Array.from({ length: hours }, (_, i) => backup(rfc3339(NOW - i * HOUR_MS)));
}

function kept(backups: readonly RetainedBackup[], asked: RetentionPolicy, zone = UTC): string[] {
  const plan = planRetention(backups, asked, { zone, nowMs: NOW });
  const gone = new Set(plan.deleted);
  return backups.map(({ name }) => name).filter((name) => !gone.has(name));
}

describe("planRetention", () => {
  it("keeps of 400 days of hourly backups what the tiers say, and nothing else", () => {
    const backups = everyHour(400 * 24);
    const asked = policy({ keepLast: 3, hourly: 24, daily: 7, weekly: 4, monthly: 12 });
    const plan = planRetention(backups, asked, { zone: UTC, nowMs: NOW });

    const midnight = (day: string): string => `${day}T23:00:00Z`;
    expect(plan.counts).toEqual({ total: 41, last: 3, hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 0 });
    expect([...plan.kept.keys()].sort().reverse()).toEqual([
      ...Array.from({ length: 24 }, (_, i) => rfc3339(NOW - i * HOUR_MS)),
      // Days: the newest of each; those of the 15th and 14th are among the hours.
      ...["2026-06-13", "2026-06-12", "2026-06-11", "2026-06-10", "2026-06-09"].map(midnight),
      // Weeks: their Sundays. That of the 14th is among the hours, this week's is the newest of all.
      ...["2026-06-07", "2026-05-31"].map(midnight),
      // Months: that of May is the week's of the 31st.
      ...["2026-04-30", "2026-03-31", "2026-02-28", "2026-01-31", "2025-12-31"].map(midnight),
      ...["2025-11-30", "2025-10-31", "2025-09-30", "2025-08-31", "2025-07-31"].map(midnight),
    ]);
  });

  it("takes periods of the schedule's zone", () => {
    const backups = ["2026-06-14T21:30:00Z", "2026-06-14T22:30:00Z", "2026-06-15T10:00:00Z"].map((time) =>
      backup(time),
    );

    expect(kept(backups, policy({ daily: 2 }))).toEqual(["2026-06-14T22:30:00Z", "2026-06-15T10:00:00Z"]);
    // 22:30 UTC is the next day in Berlin already.
    expect(kept(backups, policy({ daily: 2 }), timeZone("Europe/Berlin"))).toEqual([
      "2026-06-14T21:30:00Z",
      "2026-06-15T10:00:00Z",
    ]);
  });

  it("counts weeks as ISO does, across the year's end", () => {
    const backups = [
      "2025-12-28T10:00:00Z",
      "2025-12-29T10:00:00Z",
      "2026-01-04T10:00:00Z",
      "2026-01-05T10:00:00Z",
    ].map((time) => backup(time));

    expect(kept(backups, policy({ weekly: 3 }))).toEqual([
      "2025-12-28T10:00:00Z",
      "2026-01-04T10:00:00Z",
      "2026-01-05T10:00:00Z",
    ]);
  });

  it("prefers a verified backup of a period to a later one that is not", () => {
    const backups = [
      backup("2026-06-14T10:00:00Z"),
      backup("2026-06-14T20:00:00Z", { isVerified: false }),
      backup("2026-06-15T10:00:00Z"),
    ];

    expect(kept(backups, policy({ daily: 2 }))).toEqual(["2026-06-14T10:00:00Z", "2026-06-15T10:00:00Z"]);
  });

  it("counts only periods that have a backup", () => {
    const backups = [
      "2026-03-01T10:00:00Z",
      "2026-05-01T10:00:00Z",
      "2026-06-14T10:00:00Z",
      "2026-06-15T10:00:00Z",
    ].map((time) => backup(time));

    expect(kept(backups, policy({ daily: 3 }))).toEqual([
      "2026-05-01T10:00:00Z",
      "2026-06-14T10:00:00Z",
      "2026-06-15T10:00:00Z",
    ]);
  });

  it.each<[string, Partial<RetainedBackup>, Partial<RetentionPolicy>]>([
    ["labelled to be kept or named by a restore", { isHeld: true }, {}],
    ["the newest verified one", { isVerified: true }, {}],
    ["younger than an interval", { timeMs: NOW - HOUR_MS / 2 }, { minAgeMs: HOUR_MS }],
  ])("never deletes what is %s, not for age, not for size", (_what, fields, asked) => {
    const old = backup("2026-01-01T00:00:00Z", { isVerified: false, ...fields });
    const newer = backup("2026-06-15T11:59:00Z", { isVerified: false });
    const strict = policy({ keepLast: 1, maxAgeMs: 1, maxTotalSizeBytes: 1, ...asked });

    expect(kept([old, newer], strict)).toContain(old.name);
  });

  it("deletes what is older than maxAge out of any tier", () => {
    const backups = everyHour(100 * 24);

    const rest = kept(backups, policy({ keepLast: 3, monthly: 12, maxAgeMs: 20 * DAY_MS }));

    expect(rest.length).toBe(4);
    expect(rest).toContain("2026-05-31T23:00:00Z");
    expect(kept(backups, policy({ monthly: 12, maxAgeMs: 10 * DAY_MS }))).toEqual(["2026-06-15T12:00:00Z"]);
  });

  it("thins out the densest tier first when the whole is too large", () => {
    const backups = everyHour(10 * 24);
    const asked = policy({ hourly: 10, daily: 5, maxTotalSizeBytes: 700 });

    // Ten hours (of one day) and four more days are 14; the oldest hours go.
    expect(kept(backups, asked)).toEqual([
      "2026-06-15T12:00:00Z",
      "2026-06-15T11:00:00Z",
      "2026-06-15T10:00:00Z",
      ...["14", "13", "12", "11"].map((day) => `2026-06-${day}T23:00:00Z`),
    ]);
  });

  it("deletes nothing when backups have stopped", () => {
    const plan = planRetention(everyHour(50), policy({ keepLast: 1, staleAfterMs: 2 * HOUR_MS }), {
      zone: UTC,
      nowMs: NOW + 3 * HOUR_MS,
    });

    expect(plan).toMatchObject({ deleted: [], blocked: "Stale", counts: { total: 50 } });
  });

  describe("whatever there is", () => {
    const backups = fc
      .uniqueArray(fc.integer({ min: 0, max: 500 * 24 * 4 }), { maxLength: 120 })
      .chain((ages) =>
        fc.tuple(
          fc.constant(ages),
          fc.array(
            fc.record({
              verified: fc.boolean(),
              held: fc.integer({ min: 0, max: 9 }),
              size: fc.integer({ min: 0, max: 1000 }),
            }),
            {
              minLength: ages.length,
              maxLength: ages.length,
            },
          ),
        ),
      )
      .map(([ages, rest]) =>
        ages.map((age, i) => ({
          name: `b${age}`,
          timeMs: NOW - age * 900_000,
          isVerified: rest[i]?.verified ?? false,
          isHeld: rest[i]?.held === 0,
          sizeBytes: rest[i]?.size ?? 0,
        })),
      );
    const tier = fc.integer({ min: 0, max: 30 });
    const policies = fc
      .record({
        keepLast: tier,
        hourly: tier,
        daily: tier,
        weekly: tier,
        monthly: tier,
        yearly: tier,
        minVerified: fc.integer({ min: 1, max: 5 }),
        minAgeMs: fc.integer({ min: 0, max: DAY_MS }),
      })
      .map((fields) => policy(fields));
    const zones = fc.constantFrom(UTC, timeZone("Europe/Berlin") ?? UTC, timeZone("America/Los_Angeles") ?? UTC);

    it("keeps the newest verified ones, everything held, everything young, and one at least", () => {
      fc.assert(
        fc.property(backups, policies, zones, fc.integer({ min: 1, max: 5000 }), (all, asked, zone, limit) => {
          const plan = planRetention(
            all,
            { ...asked, maxTotalSizeBytes: limit, maxAgeMs: limit * HOUR_MS },
            { zone, nowMs: NOW },
          );
          const gone = new Set(plan.deleted);
          const newestVerified = all
            .filter((one) => one.isVerified)
            .sort((a, b) => b.timeMs - a.timeMs)
            .slice(0, asked.minVerified);

          for (const one of newestVerified) expect(gone.has(one.name)).toBe(false);
          for (const one of all) {
            if (one.isHeld || NOW - one.timeMs < asked.minAgeMs) expect(gone.has(one.name)).toBe(false);
          }
        }),
        { numRuns: 200 },
      );
    });

    it("deletes no more once it was carried out: running it again changes nothing", () => {
      fc.assert(
        fc.property(backups, policies, zones, (all, asked, zone) => {
          const gone = new Set(planRetention(all, asked, { zone, nowMs: NOW }).deleted);
          const rest = all.filter(({ name }) => !gone.has(name));

          expect(planRetention(rest, asked, { zone, nowMs: NOW }).deleted).toEqual([]);
        }),
        { numRuns: 200 },
      );
    });
  });
});
