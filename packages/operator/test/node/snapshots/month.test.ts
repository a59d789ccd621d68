import { afterAll, describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { temporaryDirectory } from "@quorate/testkit";
import {
  DAY_MS,
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  type EtcdBackupSchedule,
  type EtcdBackupScheduleSpecInput,
  HOUR_MS,
  jitterMs,
  KubeError,
  LABELS,
  MINUTE_MS,
  parseRfc3339,
  rfc3339,
  scheduleWithDefaults,
  withDefaults,
} from "../../../src/core/index.ts";
import { Simulation } from "./simulation.ts";

// Bar 7: a month of simulated time, with clocks that are set back in the middle of it. What should be there is worked out here in another
// way than in the operator: minute by minute from what the clocks on the wall show, and period by period from names of days and weeks.

const ROOT = temporaryDirectory("quorate-month-");
const KEY = { namespace: "default", name: "nightly" };
const START = at("2026-10-05T09:00:00Z");
const END = START + 31 * DAY_MS;

afterAll(() => ROOT.remove());

function at(text: string): number {
  return parseRfc3339(text) ?? Number.NaN;
}

async function begin(spec: Partial<EtcdBackupScheduleSpecInput>): Promise<Simulation> {
  const simulation = new Simulation(START);
  simulation.scratch = ROOT.path;
  await simulation.api.create(
    ETCD_CLUSTERS,
    withDefaults({
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdCluster",
      metadata: { name: "demo", namespace: "default" },
      spec: { replicas: 3 },
      status: { clusterID: "abc" },
    }),
  );
  await simulation.api.create(
    ETCD_BACKUP_SCHEDULES,
    scheduleWithDefaults({
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdBackupSchedule",
      metadata: { ...KEY },
      spec: {
        clusterRef: { name: "demo" },
        schedule: "0 */6 * * *",
        timeZone: "Europe/Berlin",
        template: { destination: { pvc: { claimName: "backups" } } },
        ...spec,
      },
    }),
  );
  return simulation;
}

interface Timeline {
  readonly zoneAt: (ms: number) => string;
  /** The first moment from then on at which there is an operator. */
  readonly upFrom: (ms: number) => number;
  readonly deadlineMs: number;
  readonly hours: ReadonlySet<number>;
}

/** Minute by minute: when a time is on the clocks for the first time it is due; clocks that jump over it make it due when they have jumped. */
function expectedRuns({ zoneAt, upFrom, deadlineMs, hours }: Timeline, startMs: number, endMs: number): number[] {
  const jitter = jitterMs("default/nightly", 60, 6 * HOUR_MS);
  const due: number[] = [];
  let shown = new Set<string>();
  for (let ms = startMs - 26 * HOUR_MS; ms <= endMs; ms += MINUTE_MS) {
    const [date, hour, minute] = wall(ms, zoneAt(ms));
    const mark = `${date} ${hour}:${minute}`;
    if (hours.has(hour) && minute === 0 && !shown.has(mark) && ms > startMs) due.push(ms);
    if (minute === 0) shown.add(mark);
    if (shown.size > 5000) shown = new Set([...shown].slice(-2000));
  }
  const made: number[] = [];
  for (const [i, time] of due.entries()) {
    const ms = upFrom(time + jitter);
    const isOvertaken = due[i + 1] !== undefined && (due[i + 1] ?? 0) + jitter <= ms;
    if (ms <= endMs && ms <= time + jitter + deadlineMs && !isOvertaken) made.push(time);
  }
  return made;
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function wall(ms: number, zone: string): [date: string, hour: number, minute: number] {
  let format = FORMATS.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
    FORMATS.set(zone, format);
  }
  const [date = "", time = ""] = format.format(ms).split(" ");
  return [date, Number(time.slice(0, 2)), Number(time.slice(3, 5))];
}

function nameOf(ms: number): string {
  return `nightly-${rfc3339(ms).slice(0, 16).replaceAll(/[-:]/g, "").toLowerCase()}`;
}

/** The documented set, by names of periods. */
function expectedKept(
  names: readonly string[],
  tiers: { readonly last: number; readonly daily: number; readonly weekly: number; readonly monthly: number },
  zone: string,
  verified: (name: string) => boolean = () => true,
): string[] {
  const newestFirst = [...names].sort().reverse();
  const kept = new Set(newestFirst.slice(0, tiers.last));
  const take = (count: number, periodOf: (date: string) => string): void => {
    const periods = new Map<string, string[]>();
    for (const name of newestFirst) {
      const period = periodOf(wall(timeOf(name), zone)[0]);
      periods.set(period, [...(periods.get(period) ?? []), name]);
    }
    for (const members of [...periods.values()].slice(0, count)) kept.add(members.find(verified) ?? members[0] ?? "");
  };
  take(tiers.daily, (date) => date);
  take(tiers.weekly, isoWeek);
  take(tiers.monthly, (date) => date.slice(0, 7));
  return [...kept].sort();
}

function timeOf(name: string): number {
  const [, year, month, day, hour, minute] = /(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)$/.exec(name) ?? [];
  return at(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
}

/** The Monday of the week. */
function isoWeek(date: string): string {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

const EVERY_SIX = new Set([0, 6, 12, 18]);
const KEEP_ALL = { keepLast: 1000 };
const ALWAYS = { upFrom: (ms: number) => ms, zoneAt: () => "Europe/Berlin", deadlineMs: HOUR_MS, hours: EVERY_SIX };

describe("a month of a schedule", () => {
  it("makes every run at its time, also on the day that has 25 hours", async () => {
    const simulation = await begin({ retention: KEEP_ALL });

    await simulation.runUntil(END);

    const expected = expectedRuns(ALWAYS, START, END - HOUR_MS).map(nameOf);
    expect(expected.length).toBe(31 * 4);
    expect(simulation.taken).toEqual(expected);
    expect(simulation.stored()).toEqual(expected);
    expect(simulation.failures).toEqual([]);
    expect(simulation.names("jobs")).toEqual([]);
  }, 300_000);

  it("makes up for the last of the runs that an operator missed, or skips it, and says so", async () => {
    const down: readonly (readonly [string, string])[] = [
      // Over one run, back within the deadline; past it; over several; at the very moment of a run; on the night of the long day.
      ["2026-10-07T03:50:00Z", "2026-10-07T04:40:00Z"],
      ["2026-10-09T09:50:00Z", "2026-10-09T11:30:00Z"],
      ["2026-10-11T09:00:00Z", "2026-10-14T10:20:00Z"],
      ["2026-10-16T10:00:30Z", "2026-10-16T10:00:31Z"],
      ["2026-10-24T21:50:00Z", "2026-10-24T22:20:00Z"],
      ["2026-10-25T04:59:00Z", "2026-10-25T05:50:00Z"],
      ["2026-10-28T00:00:00Z", "2026-11-01T00:00:00Z"],
    ];
    const windows = down.map(([from, to]) => [at(from), at(to)] as const);
    const upFrom = (ms: number): number => windows.find(([from, to]) => ms >= from && ms < to)?.[1] ?? ms;
    const simulation = await begin({ retention: KEEP_ALL });
    for (const [from, to] of down) {
      simulation.at(at(from), () => simulation.stopOperator());
      simulation.at(at(to), () => simulation.startOperator());
    }

    await simulation.runUntil(END);

    const expected = expectedRuns({ ...ALWAYS, upFrom }, START, END - HOUR_MS);
    expect(simulation.stored()).toEqual(expected.map(nameOf));
    expect(expected.length).toBeLessThan(31 * 4 - 20);
    expect(simulation.events.filter(({ reason }) => reason === "RunSkipped").map(({ message }) => message)).toEqual(
      [
        "the run of 2026-10-09T10:00:00Z is skipped: it is more than 3600 s late",
        "the run of 2026-10-31T23:00:00Z is skipped: it is more than 3600 s late",
      ].filter((message) => expected.every((time) => !message.includes(rfc3339(time)))),
    );
  }, 300_000);

  it("goes on in another zone when the schedule is moved there, each time once", async () => {
    const moved = at("2026-10-15T15:00:00Z");
    const simulation = await begin({ retention: KEEP_ALL });
    simulation.at(moved, () => {
      simulation.api.edit(ETCD_BACKUP_SCHEDULES, KEY, { spec: { timeZone: "America/New_York" } });
    });

    await simulation.runUntil(END);

    const before = expectedRuns(ALWAYS, START, moved);
    const after = expectedRuns({ ...ALWAYS, zoneAt: () => "America/New_York" }, moved, END - HOUR_MS);
    expect(simulation.stored()).toEqual([...before, ...after].map(nameOf));
  }, 300_000);

  it("fails runs while the store is away, raises the alarm, and goes on when it is back", async () => {
    const simulation = await begin({ retention: { keepLast: 8, daily: 5 }, failedHistoryLimit: 2 });
    const [from, to] = [at("2026-10-12T00:00:00Z"), at("2026-10-14T01:00:00Z")];
    simulation.at(from, () => {
      simulation.store.isAway = true;
    });
    simulation.at(to, () => {
      simulation.store.isAway = false;
    });
    let stale: EtcdBackupSchedule | undefined;
    simulation.at(to - MINUTE_MS, () => {
      stale = simulation.api.peek(ETCD_BACKUP_SCHEDULES, KEY);
    });

    await simulation.runUntil(to + HOUR_MS);

    const runs = expectedRuns(ALWAYS, START, to).filter((ms) => ms < from || ms > to - 4 * MINUTE_MS);
    expect(simulation.taken).toEqual(runs.map(nameOf));
    expect(stale?.status?.conditions?.find(({ type }) => type === "Fresh")).toMatchObject({
      status: "False",
      reason: "Stale",
    });
    expect(stale?.status?.lastFailure).toMatchObject({ reason: "DestinationUnreachable" });
    const failed = simulation.api.all(ETCD_BACKUPS).filter(({ status }) => status?.phase === "Failed");
    expect(failed.length).toBe(2);

    await simulation.runUntil(END);

    const schedule = simulation.api.peek(ETCD_BACKUP_SCHEDULES, KEY);
    expect(schedule?.status?.conditions?.find(({ type }) => type === "Fresh")).toMatchObject({ status: "True" });
    // Retention did not run on what an absent store had left over, and the set is the documented one now.
    const all = simulation.taken;
    const kept = expectedKept(all, { last: 8, daily: 5, weekly: 4, monthly: 12 }, "Europe/Berlin");
    expect(simulation.stored()).toEqual(withHourly(all, kept));
  }, 300_000);

  it("keeps exactly the documented set, and one object for each artifact", async () => {
    const simulation = await begin({ retention: { keepLast: 3, hourly: 0, daily: 7, weekly: 4, monthly: 12 } });

    await simulation.runUntil(END);

    const kept = expectedKept(simulation.taken, { last: 3, daily: 7, weekly: 4, monthly: 12 }, "Europe/Berlin");
    expect(simulation.stored()).toEqual(kept);
    expect(simulation.names("backups")).toEqual(kept);
    const { status } = simulation.api.peek(ETCD_BACKUP_SCHEDULES, KEY) ?? {};
    expect(status?.kept).toMatchObject({ total: kept.length, last: 3, daily: 7, weekly: 4, monthly: 2 });
    const planned = simulation.events.filter(({ reason }) => reason === "RetentionPlanned");
    expect(planned.length).toBe(1);
  }, 300_000);

  it("never deletes a labelled backup, nor the last verified one, and drills find what was corrupted", async () => {
    const simulation = await begin({
      retention: { keepLast: 2, hourly: 0, daily: 0, weekly: 0, monthly: 0 },
      verification: { drill: { schedule: "30 9 * * *" } },
    });
    let labelled = "";
    simulation.at(at("2026-10-08T05:00:00Z"), () => {
      labelled = simulation.taken.at(-1) ?? "";
      simulation.api.edit(
        ETCD_BACKUPS,
        { namespace: "default", name: labelled },
        { metadata: { labels: { [LABELS.keep]: "" } } },
      );
    });
    // At 07:00 the two newest artifacts lose a byte; the drill of 07:30 (09:30 in Berlin) has to find both, and what is good beneath.
    let rotten: string[] = [];
    simulation.at(at("2026-10-20T07:00:00Z"), () => {
      rotten = simulation.stored().slice(-2);
      for (const { key, backup } of simulation.manifests()) {
        const object = simulation.store.objects.get(key);
        if (rotten.includes(backup.name) && object !== undefined) object.bytes[20] = (object.bytes[20] ?? 0) ^ 1;
      }
    });

    await simulation.runUntil(at("2026-10-20T08:30:00Z"));

    const schedule = simulation.api.peek(ETCD_BACKUP_SCHEDULES, KEY);
    const results = simulation.api
      .all(ETCD_BACKUPS)
      .map(({ metadata, status }) => [metadata.name, status?.verification?.result] as const);
    expect(results).toEqual([[labelled, "Passed"], ...rotten.map((name) => [name, "Failed"] as const)]);
    expect(schedule?.status?.lastDrill).toMatchObject({ backup: labelled, result: "Passed" });
    expect(
      simulation.events
        .filter(({ reason, about }) => reason === "VerificationFailed" && about !== "nightly")
        .map(({ about }) => about),
    ).toEqual([...rotten].reverse());

    await simulation.runUntil(END);

    // The damaged ones were thinned out like any other; the labelled one is there still.
    expect(simulation.stored()).toEqual([labelled, ...simulation.taken.slice(-2)]);
  }, 300_000);

  it("rests while it is suspended or the cluster is hibernated, and does not cry wolf when they are over", async () => {
    const simulation = await begin({ retention: KEEP_ALL });
    const suspended = [at("2026-10-08T08:00:00Z"), at("2026-10-12T08:00:00Z")] as const;
    const hibernated = [at("2026-10-20T08:00:00Z"), at("2026-10-26T08:00:00Z")] as const;
    const fresh: string[] = [];
    const look = (): void => {
      const found = simulation.api
        .peek(ETCD_BACKUP_SCHEDULES, KEY)
        ?.status?.conditions?.find(({ type }) => type === "Fresh");
      fresh.push(`${found?.status} ${found?.reason}`);
    };
    simulation.at(suspended[0], () => simulation.api.edit(ETCD_BACKUP_SCHEDULES, KEY, { spec: { suspend: true } }));
    simulation.at(suspended[1] - MINUTE_MS, look);
    simulation.at(suspended[1], () => simulation.api.edit(ETCD_BACKUP_SCHEDULES, KEY, { spec: { suspend: false } }));
    simulation.at(suspended[1] + 10 * MINUTE_MS, look);
    const cluster = { namespace: "default", name: "demo" };
    simulation.at(hibernated[0], () => simulation.api.edit(ETCD_CLUSTERS, cluster, { spec: { replicas: 0 } }));
    simulation.at(hibernated[1] - MINUTE_MS, look);
    simulation.at(hibernated[1], () => simulation.api.edit(ETCD_CLUSTERS, cluster, { spec: { replicas: 3 } }));
    simulation.at(hibernated[1] + 10 * MINUTE_MS, look);

    await simulation.runUntil(END);

    const rests = [suspended, hibernated];
    const expected = expectedRuns(ALWAYS, START, END - HOUR_MS).filter(
      (ms) => !rests.some(([from, to]) => ms > from && ms < to),
    );
    expect(simulation.stored()).toEqual(expected.map(nameOf));
    expect(fresh).toEqual(["Unknown Suspended", "True Fresh", "Unknown Hibernated", "True Fresh"]);
  }, 300_000);

  it.each([1, 2])(
    "comes to the same end when the operator dies at random calls (seed %i)",
    async (seed) => {
      const simulation = await begin({ retention: { keepLast: 3, hourly: 0, daily: 7, weekly: 4, monthly: 12 } });
      const prng = new SeededPrng(seed);
      let deaths = 0;
      // One call in eight fails, before or after it was carried out, and takes the operator with it; another is there seconds later.
      simulation.api.disturb = (call, isDone) => {
        if (call.startsWith("create Pod") || prng.below(16) !== 0) return;
        deaths += 1;
        simulation.stopOperator();
        simulation.at(simulation.nowMs + 5_000 + prng.below(60_000), () => simulation.startOperator());
        throw new KubeError("Timeout", isDone ? "no answer came" : "the API server is away");
      };

      await simulation.runUntil(END - HOUR_MS);
      simulation.api.disturb = () => {};
      simulation.startOperator();
      await simulation.runUntil(END);

      expect(deaths).toBeGreaterThan(100);
      const expected = expectedRuns(ALWAYS, START, END - HOUR_MS).map(nameOf);
      expect(simulation.taken).toEqual(expected);
      const kept = expectedKept(expected, { last: 3, daily: 7, weekly: 4, monthly: 12 }, "Europe/Berlin");
      expect(simulation.stored()).toEqual(kept);
      expect(simulation.names("backups")).toEqual(kept);
      expect(simulation.names("jobs")).toEqual([]);
    },
    120_000,
  );
});

describe("a schedule at rest", () => {
  it("writes nothing between its runs", async () => {
    const simulation = await begin({ schedule: "0 6 * * *", retention: KEEP_ALL });
    await simulation.runUntil(START + 2 * DAY_MS);
    const before = simulation.api.writes;

    await simulation.runUntil(START + 2 * DAY_MS + 10 * HOUR_MS);

    expect(simulation.api.writes).toBe(before);
  }, 300_000);
});

/** Of tests whose policy keeps 24 hours as well: six hours apart that is the newest 24 runs. */
function withHourly(all: readonly string[], kept: readonly string[]): string[] {
  return [...new Set([...kept, ...[...all].sort().slice(-24)])].sort();
}
