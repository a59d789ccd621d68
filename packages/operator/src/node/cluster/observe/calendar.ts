import {
  type Calendar,
  type EtcdClusterSpec,
  lastTime,
  nextTime,
  parseCron,
  parseDuration,
  timeZone,
  UTC,
} from "../../../core/index.ts";

/** Defragmentation that was due longer ago is made up for with the next time. */
const DEFRAG_LOOK_BACK_MS = 8 * 24 * 3_600_000;

/** What the clock says by the schedules of a spec. A schedule that cannot be read opens no window and makes nothing due. */
export function calendarOf({ maintenance }: EtcdClusterSpec, nowMs: number): Calendar {
  const { window, defragmentation } = maintenance;
  return {
    ...(window === undefined ? { isWindowOpen: true, nextWindowMs: undefined } : windowOf(window, nowMs)),
    defragDueSinceMs: defragmentation.enabled ? lastDue(defragmentation.schedule, nowMs) : undefined,
  };
}

function windowOf(
  window: NonNullable<EtcdClusterSpec["maintenance"]["window"]>,
  nowMs: number,
): Pick<Calendar, "isWindowOpen" | "nextWindowMs"> {
  const { schedule } = parseCron(window.schedule);
  const zone = timeZone(window.timeZone);
  const lengthMs = parseDuration(window.duration) ?? 0;
  if (schedule === undefined || zone === undefined) return { isWindowOpen: false, nextWindowMs: undefined };
  const opened = lastTime(schedule, zone, { afterMs: nowMs - lengthMs, atMs: nowMs });
  return { isWindowOpen: opened !== undefined, nextWindowMs: nextTime(schedule, zone, nowMs) };
}

function lastDue(text: string, nowMs: number): number | undefined {
  const { schedule } = parseCron(text);
  if (schedule === undefined) return undefined;
  return lastTime(schedule, UTC, { afterMs: nowMs - DEFRAG_LOOK_BACK_MS, atMs: nowMs });
}
