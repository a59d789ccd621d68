import { type Call, mayWrite } from "./call.ts";
import type { Interval, MemberTimeline } from "./timeline.ts";

/** How long a member that runs may take. Milliseconds. */
export interface AnswerBounds {
  readonly writeMs: number;
  /** A read may wait for the round before its own to fail. */
  readonly linearizableReadMs: number;
  readonly serializableReadMs: number;
}

/** etcd answers after 7 s with default ticks (5 s and two election timeouts); the rest is for machines that are busy. */
export const DEFAULT_BOUNDS: AnswerBounds = { writeMs: 9_500, linearizableReadMs: 17_000, serializableReadMs: 4_000 };

const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;
/** What was on its way when a link closed may still arrive. */
const CUT_OFF_MARGIN_MS = 700;

/** etcd's own words for a request that the cluster could not decide. */
const ETCD_ERRORS =
  /^etcdserver: (request timed out(, possibly due to (previous leader failure|connection lost))?|no leader|leader changed|too many requests|server stopped)$|^raft proposal dropped$/;

export interface AnswerReport {
  readonly problems: readonly string[];
  /** How often each error text came, most frequent first. */
  readonly errors: readonly (readonly [string, number])[];
  /** Slowest answer of an undisturbed member, milliseconds. */
  readonly slowest: Readonly<Record<"write" | "linearizable read" | "serializable read", number>>;
  /** Calls that a member without a majority refused, as it should. */
  readonly refusedWithoutMajority: number;
}

/** Checks when and how each call was answered against what was done to its member at the time. */
export function checkAnswers(
  calls: readonly Call[],
  timelines: readonly MemberTimeline[],
  bounds: AnswerBounds,
): AnswerReport {
  const problems: string[] = [];
  const errors = new Map<string, number>();
  const slowest = { write: 0, "linearizable read": 0, "serializable read": 0 };
  let refusedWithoutMajority = 0;
  for (const call of calls) {
    const timeline = timelines[call.member];
    if (timeline === undefined) throw new Error(`no member ${call.member}`);
    const cutOff = !call.serializable && timeline.cutOffThroughout(call.called, call.ended, CUT_OFF_MARGIN_MS);
    if (call.failure !== undefined) {
      const text = `${call.failure.code} ${call.failure.message.replace(/127\.0\.0\.1:\d+|\d+\.\d+s/g, "…")}`;
      errors.set(text, (errors.get(text) ?? 0) + 1);
      refusedWithoutMajority += Number(!call.serializable && timeline.cutOffAt(call.ended));
    } else if (cutOff) {
      problems.push(`m${call.member} answered a ${call.input.kind} while it was without a majority ${at(call)}`);
    }
    if (!timeline.undisturbed(call.called, call.ended)) continue;
    const kind = mayWrite(call) ? "write" : call.serializable ? "serializable read" : "linearizable read";
    const tookMs = call.ended - call.called;
    slowest[kind] = Math.max(slowest[kind], tookMs);
    if (tookMs > boundOf(kind, bounds))
      problems.push(`m${call.member} took ${tookMs.toFixed(0)} ms for a ${kind} ${at(call)}`);
    if (call.failure !== undefined && !allowed(call)) {
      problems.push(`m${call.member} failed a ${kind} with ${call.failure.code} '${call.failure.message}' ${at(call)}`);
    }
  }
  return { problems, errors: [...errors].sort((a, b) => b[1] - a[1]), slowest, refusedWithoutMajority };
}

function allowed(call: Call): boolean {
  if (call.serializable || call.failure === undefined) return false;
  const { code, message } = call.failure;
  if (code === UNAVAILABLE || code === DEADLINE_EXCEEDED || code === 2) return ETCD_ERRORS.test(message);
  return code === 8 && ETCD_ERRORS.test(message);
}

function boundOf(kind: "write" | "linearizable read" | "serializable read", bounds: AnswerBounds): number {
  if (kind === "write") return bounds.writeMs;
  return kind === "linearizable read" ? bounds.linearizableReadMs : bounds.serializableReadMs;
}

function at(call: Call): string {
  return `(${(call.called / 1000).toFixed(2)} s to ${(call.ended / 1000).toFixed(2)} s)`;
}

/**
 * The longest time, milliseconds, between two acknowledged writes, counted from the end of the last outage between them:
 * `[gap, when it began]`.
 */
export function longestWriteGap(calls: readonly Call[], outages: readonly Interval[]): readonly [number, number] {
  const ends = calls.filter((call) => mayWrite(call) && call.revision !== undefined).map((call) => call.ended);
  ends.sort((a, b) => a - b);
  let longest: readonly [number, number] = [0, 0];
  for (const [index, end] of ends.entries()) {
    const before = ends[index - 1] ?? end;
    const between = outages.filter(({ from, to }) => from < end && to > before);
    const from = Math.min(end, Math.max(before, ...between.map(({ to }) => to)));
    if (end - from > longest[0]) longest = [end - from, from];
  }
  return longest;
}
