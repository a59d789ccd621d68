import { formatGoDuration } from "../go/go-duration.ts";

/** Starts a clock; calling it tells the time since, as Go prints durations. */
export function stopwatch(): () => string {
  const start = process.hrtime.bigint();
  return () => formatGoDuration(process.hrtime.bigint() - start);
}
