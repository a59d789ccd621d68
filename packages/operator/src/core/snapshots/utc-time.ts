// Dates without `Date`: proleptic Gregorian days are counted from 1970-01-01, as in Howard Hinnant's "chrono-Compatible Low-Level Date
// Algorithms". Years begin in March there, so that the leap day is the last of its year.

/** A time as a clock on a wall shows it, in whatever zone. Months and days count from 1. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Days from 1970-01-01 to a date; negative before it. */
export function dayNumber(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The date that is so many days after 1970-01-01. */
export function dateOfDay(days: number): Pick<WallTime, "year" | "month" | "day"> {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

/** Day of the week, 0 for Sunday. */
export function weekday(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** Milliseconds since the epoch at which clocks in UTC show this. */
export function utcMs({ year, month, day, hour, minute, second }: WallTime): number {
  return dayNumber(year, month, day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
}

/** What clocks in UTC show. */
export function utcWall(ms: number): WallTime {
  const days = Math.floor(ms / DAY_MS);
  const rest = Math.floor((ms - days * DAY_MS) / SECOND_MS);
  return {
    ...dateOfDay(days),
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
  };
}

/** As Kubernetes writes times: `2026-01-31T04:05:00Z`. */
export function rfc3339(ms: number): string {
  const { year, month, day, hour, minute, second } = utcWall(ms);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}Z`;
}

/** For keys and names: `20260131T040500Z`. */
export function utcStamp(ms: number): string {
  return rfc3339(ms).replace(/[-:]/g, "");
}

/** Milliseconds since the epoch of a time in RFC 3339 with any offset; undefined if it is none. */
export function parseRfc3339(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "0", zone = "Z"] = match;
  const offset = /^[+-]/.test(zone)
    ? (zone.startsWith("-") ? -1 : 1) * (Number(zone.slice(1, 3)) * HOUR_MS + Number(zone.slice(4)) * MINUTE_MS)
    : 0;
  const wall = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  };
  const ms = utcMs(wall) + Math.round(Number(fraction) * 1000) - offset;
  return Number.isFinite(ms) ? ms : undefined;
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, "0");
}
