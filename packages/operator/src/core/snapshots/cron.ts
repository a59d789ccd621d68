import { instantOf, type TimeZone } from "./time-zone.ts";
import { DAY_MS, dateOfDay, dayNumber, HOUR_MS, utcMs, weekday } from "./utc-time.ts";

/**
 * When something is due: the minutes whose fields are all in these sets. As in cron, a day is taken if either of the two day fields
 * takes it, unless one of them begins with `*`: then both have to.
 */
export interface CronSchedule {
  readonly text: string;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  /** From 1. */
  readonly daysOfMonth: ReadonlySet<number>;
  /** From 1. */
  readonly months: ReadonlySet<number>;
  /** 0 for Sunday. */
  readonly weekdays: ReadonlySet<number>;
  readonly eitherDay: boolean;
  /** Every hour is due: such a schedule goes by elapsed time when clocks are changed. */
  readonly isHourly: boolean;
}

const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Words for the numbers from `min` on. */
  readonly words: readonly string[];
}

const FIELDS = [
  { name: "minute", min: 0, max: 59, words: [] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of the month", min: 1, max: 31, words: [] },
  { name: "month", min: 1, max: 12, words: MONTHS },
  // 7 is Sunday as well.
  { name: "day of the week", min: 0, max: 7, words: WEEKDAYS },
] as const satisfies readonly FieldKind[];

/** Nothing is looked for further ahead: leap days are at most eight years apart. */
const YEARS_AHEAD = 9;

/** Reads five cron fields or a macro such as `@daily`; what is wrong with the text in one sentence otherwise. */
export function parseCron(
  text: string,
): { readonly schedule: CronSchedule } | { readonly schedule: undefined; readonly problem: string } {
  const fail = (problem: string) => ({ schedule: undefined, problem });
  const trimmed = text.trim();
  const fields = (MACROS[trimmed.toLowerCase()] ?? trimmed).split(/\s+/);
  if (trimmed.startsWith("@") && fields.length !== 5) return fail(`${trimmed} is no schedule`);
  if (fields.length !== 5) return fail(`it has ${trimmed === "" ? 0 : fields.length} fields, not 5`);
  const sets: Set<number>[] = [];
  for (const [i, kind] of FIELDS.entries()) {
    const set = parseField(fields[i] ?? "", kind);
    if (set === undefined) return fail(`${JSON.stringify(fields[i])} is no ${kind.name}`);
    sets.push(set);
  }
  const [minutes, hours, daysOfMonth, months, weekdays] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  if (weekdays.delete(7)) weekdays.add(0);
  const schedule: CronSchedule = {
    text: trimmed,
    minutes,
    hours,
    daysOfMonth,
    months,
    weekdays,
    eitherDay: !(fields[2] ?? "").startsWith("*") && !(fields[4] ?? "").startsWith("*"),
    isHourly: hours.size === 24,
  };
  return hasAnyDay(schedule) ? { schedule } : fail("no month that it names has such a day");
}

/**
 * The first time strictly after `afterMs` at which it is due, in milliseconds since the epoch; undefined if there is none.
 *
 * When clocks are changed: a time that clocks skip is due once, at the moment they jump, and a time that they show twice is due the first
 * time. A schedule that is due in every hour goes by elapsed time instead, or its backups would stop for an hour.
 */
export function nextTime(schedule: CronSchedule, zone: TimeZone, afterMs: number): number | undefined {
  // Where clocks are about to be set back, times of a day that seems over are shown once more.
  const offsetMin = Math.min(...[-DAY_MS, 0, DAY_MS].map((ms) => zone.offsetMs(afterMs + ms)));
  const firstDay = Math.floor((afterMs + offsetMin) / DAY_MS);
  const { year, month } = dateOfDay(firstDay);
  const lastDay = dayNumber(year + YEARS_AHEAD, month, 1);
  for (let days = firstDay; days <= lastDay; days += 1) {
    if (!isDueOn(schedule, days)) continue;
    const found = firstOfDay(schedule, zone, days, afterMs);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The last time at or before `atMs` and after `afterMs` at which it was due; undefined if there was none. */
export function lastTime(
  schedule: CronSchedule,
  zone: TimeZone,
  { afterMs, atMs }: { readonly afterMs: number; readonly atMs: number },
): number | undefined {
  const first = nextTime(schedule, zone, afterMs);
  if (first === undefined || first > atMs) return undefined;
  // Goes back in steps that double until something is due in between, then forward through the few times that are left.
  for (let backMs = HOUR_MS; ; backMs *= 2) {
    const fromMs = Math.max(first - 1, atMs - backMs);
    let found: number | undefined;
    let next = nextTime(schedule, zone, fromMs);
    while (next !== undefined && next <= atMs) {
      found = next;
      next = nextTime(schedule, zone, found);
    }
    if (found !== undefined) return found;
  }
}

/** Milliseconds between the next two times that it is due at; for schedules that are due only once, a year. */
export function intervalMs(schedule: CronSchedule, zone: TimeZone, atMs: number): number {
  const first = nextTime(schedule, zone, atMs);
  const second = first === undefined ? undefined : nextTime(schedule, zone, first);
  return first === undefined || second === undefined ? 366 * DAY_MS : second - first;
}

function firstOfDay(schedule: CronSchedule, zone: TimeZone, days: number, afterMs: number): number | undefined {
  const date = dateOfDay(days);
  const startMs = utcMs({ ...date, hour: 0, minute: 0, second: 0 });
  const offsets = [-DAY_MS, 0, DAY_MS, 2 * DAY_MS].map((ms) => zone.offsetMs(startMs + ms));
  const offsetMin = Math.min(...offsets);
  const offsetMax = Math.max(...offsets);
  let best: number | undefined;
  const take = (ms: number): void => {
    if (ms > afterMs && (best === undefined || ms < best)) best = ms;
  };
  for (const hour of ascending(schedule.hours)) {
    for (const minute of ascending(schedule.minutes)) {
      const wall = { ...date, hour, minute, second: 0 };
      const asUtc = utcMs(wall);
      // Most times need no look at the zone: clocks show them before `afterMs`, or after what was found, whatever they are set to.
      if (asUtc - offsetMin <= afterMs) continue;
      if (best !== undefined && asUtc - offsetMax > best) return best;
      const { ms, isSkipped } = instantOf(zone, wall);
      if (!schedule.isHourly) take(ms);
      else if (!isSkipped) for (const again of bothTimes(zone, ms)) take(again);
    }
  }
  return best;
}

function ascending(values: ReadonlySet<number>): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

/** A moment, and the later one at which clocks show the same, if they are set back in between. */
function bothTimes(zone: TimeZone, ms: number): number[] {
  const offset = zone.offsetMs(ms);
  const later = zone.offsetMs(ms + 3 * HOUR_MS);
  if (later >= offset) return [ms];
  const again = ms + offset - later;
  return zone.offsetMs(again) === later ? [ms, again] : [ms];
}

function isDueOn({ daysOfMonth, months, weekdays, eitherDay }: CronSchedule, days: number): boolean {
  const { month, day } = dateOfDay(days);
  if (!months.has(month)) return false;
  const byDate = daysOfMonth.has(day);
  const byWeekday = weekdays.has(weekday(days));
  return eitherDay ? byDate || byWeekday : byDate && byWeekday;
}

const DAYS_OF_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function hasAnyDay({ daysOfMonth, months, eitherDay }: CronSchedule): boolean {
  if (eitherDay) return true;
  const first = Math.min(...daysOfMonth);
  return [...months].some((month) => first <= (DAYS_OF_MONTHS[month - 1] ?? 0));
}

function parseField(text: string, kind: FieldKind): Set<number> | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:(\*)|([0-9]+|[a-z]{3})(?:-([0-9]+|[a-z]{3}))?)(?:\/([0-9]+))?$/i.exec(part);
    if (match === null) return undefined;
    const [, star, from, to, stepText] = match;
    const step = stepText === undefined ? 1 : Number(stepText);
    const lo = star === undefined ? numberOf(from ?? "", kind) : kind.min;
    // `5/10` means from 5 to the end, as in `5-59/10`.
    const isOpen = star !== undefined || (to === undefined && stepText !== undefined);
    const end = kind.max === 7 ? 6 : kind.max;
    const hi = isOpen ? Math.max(end, lo ?? 0) : numberOf(to ?? from ?? "", kind);
    if (lo === undefined || hi === undefined || lo > hi || step < 1 || step > kind.max + 1) return undefined;
    for (let value = lo; value <= hi; value += step) values.add(value);
  }
  return values;
}

function numberOf(text: string, { min, max, words }: FieldKind): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  const value = word >= 0 ? min + word : /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
