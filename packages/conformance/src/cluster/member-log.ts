/**
 * What counts as an error in a member's log. Both sides write one JSON object a line (`--logger=zap`), so the level says
 * it: error, dpanic, panic and fatal, beside anything that is no such line (a Go panic, a Node.js stack). Warnings are not
 * errors: every member warns while a peer is down. A few are counted all the same, for they mean that two members
 * misunderstood each other or hold different data; and a few errors are not, for a peer's restart causes them rightfully.
 */

/** An error or alarming line, and how often it is there; times and numbers are masked so that repetitions count as one. */
export interface LogFinding {
  readonly line: string;
  readonly count: number;
}

interface LogLine {
  readonly level?: unknown;
  readonly msg?: unknown;
  readonly error?: unknown;
}

const ERROR_LEVELS: ReadonlySet<unknown> = new Set(["error", "dpanic", "panic", "fatal"]);

/** Warnings that no restart explains: foreign bytes on a stream, another cluster's ID, different data. */
const ALARMING_WARNING =
  /mismatch|corrupt|inconsisten|incompatible|panic|unmarshal|decode|unknown (message|field)|invalid (header|message)|out of range/i;

/** Lines that are right although they match, each with the reason. */
export const EXPECTED_LINES: readonly { readonly pattern: RegExp; readonly reason: string }[] = [];

/** The findings of a whole log, in the order of their first line. */
export function findErrors(log: string): readonly LogFinding[] {
  const counts = new Map<string, number>();
  for (const line of log.split("\n")) {
    if (line === "" || !isFinding(line)) continue;
    const masked = line.replace(/"ts":"[^"]*",?/, "").replaceAll(/\d{3,}/g, "N");
    counts.set(masked, (counts.get(masked) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => ({ line: line.slice(0, 600), count }));
}

function isFinding(line: string): boolean {
  if (EXPECTED_LINES.some(({ pattern }) => pattern.test(line))) return false;
  const entry = parse(line);
  if (entry === undefined) return !isFlagNotice(line);
  if (ERROR_LEVELS.has(entry.level)) return true;
  return entry.level === "warn" && ALARMING_WARNING.test(`${String(entry.msg)} ${String(entry.error)}`);
}

/** Before its logger is set up, 3.4 prints where flags come from in a text form of its own. */
function isFlagNotice(line: string): boolean {
  return /^\[?(WARNING|\d{4}-\d\d-\d\d .* [IW] \|)/.test(line);
}

function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
