/** RFC 3339 in UTC with milliseconds, as status fields hold times. `ms` counts from the Unix epoch. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds since the Unix epoch, or undefined if there is no time or it cannot be read. */
export function millisecondsOf(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
