import { MINUTE_MS, SECOND_MS, utcMs, utcWall, type WallTime } from "./utc-time.ts";

/** The clocks of one region, by the IANA database that the runtime carries. */
export interface TimeZone {
  readonly name: string;
  /** What its clocks show. */
  wall(ms: number): WallTime;
  /** How far its clocks are ahead of UTC, in milliseconds. */
  offsetMs(ms: number): number;
}

/** Made once each: that takes the runtime far longer than everything that is then asked of them. There are some 600 names. */
const zones = new Map<string, TimeZone>();

/** The zone of an IANA name, such as `Europe/Berlin`; undefined if there is none. */
export function timeZone(name: string): TimeZone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = makeZone(name);
  if (zone !== undefined) zones.set(name, zone);
  return zone;
}

function makeZone(name: string): TimeZone | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
      era: "short",
    });
  } catch {
    return undefined;
  }
  // Clocks are only ever changed at full quarters of an hour, and what is asked lies close together.
  const offsets = new Map<number, number>();
  const offsetMs = (ms: number): number => {
    const quarter = Math.floor(ms / QUARTER_MS);
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    const offset = utcMs(shownBy(format, quarter * QUARTER_MS)) - quarter * QUARTER_MS;
    if (offsets.size >= OFFSETS_MAX) offsets.clear();
    offsets.set(quarter, offset);
    return offset;
  };
  return { name, offsetMs, wall: (ms) => utcWall(ms + offsetMs(ms)) };
}

const QUARTER_MS = 15 * MINUTE_MS;
/** Numbers that a zone remembers at most. */
const OFFSETS_MAX = 4096;

function shownBy(format: Intl.DateTimeFormat, ms: number): WallTime {
  const fields: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(ms)) fields[type] = value;
  const year = Number(fields["year"]);
  return {
    year: fields["era"] === "BC" ? 1 - year : year,
    month: Number(fields["month"]),
    day: Number(fields["day"]),
    hour: Number(fields["hour"]),
    minute: Number(fields["minute"]),
    second: Number(fields["second"]),
  };
}

/** Coordinated universal time. */
export const UTC: TimeZone = must(timeZone("UTC"));

/**
 * When clocks show this time for the first time. Where they skip it, the moment at which they jump; `isSkipped` says so. Where they show
 * it twice, the first.
 */
export function instantOf(zone: TimeZone, wall: WallTime): { readonly ms: number; readonly isSkipped: boolean } {
  const asUtc = utcMs(wall);
  // Offsets differ from what holds a day before and after only if clocks are changed in between.
  const before = zone.offsetMs(asUtc - DAY_OF_DOUBT_MS);
  const after = zone.offsetMs(asUtc + DAY_OF_DOUBT_MS);
  const early = asUtc - Math.max(before, after);
  const late = asUtc - Math.min(before, after);
  if (early + zone.offsetMs(early) === asUtc) return { ms: early, isSkipped: false };
  if (late + zone.offsetMs(late) === asUtc) return { ms: late, isSkipped: false };
  return { ms: jumpBetween(zone, early, late), isSkipped: true };
}

/** Clocks are changed less often than every 36 hours, and never by more than a day. */
const DAY_OF_DOUBT_MS = 36 * 60 * MINUTE_MS;

/** The moment in `(lo, hi]` at which the offset becomes another. */
function jumpBetween(zone: TimeZone, lo: number, hi: number): number {
  const old = zone.offsetMs(lo);
  let low = Math.floor(lo / SECOND_MS);
  let high = Math.ceil(hi / SECOND_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetMs(middle * SECOND_MS) === old) low = middle;
    else high = middle;
  }
  return high * SECOND_MS;
}

function must(zone: TimeZone | undefined): TimeZone {
  if (zone === undefined) throw new Error("the runtime has no time zone UTC");
  return zone;
}
