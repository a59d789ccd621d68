import { byRevision, type HistoryEvent } from "../durability/history.ts";
import { type Call, didWrite, mayWrite, valueOf } from "./call.ts";
import type { KeyState } from "./operation.ts";

/** Keys that come and go with leases; their writer is not among the load clients. */
const LEASE_PREFIX = "lease/";

interface KeyAt {
  readonly revision: number;
  readonly state: KeyState | undefined;
}

/**
 * A history as the final word on what happened: which write each revision is, and what each key held at each revision.
 * Breaches of the rules of a history itself, and writes that nobody sent, are in `problems`.
 */
export class CheckedHistory {
  readonly problems: string[] = [];
  /** Revision of each write that is named by its value. */
  readonly #revisionOf = new Map<string, number>();
  readonly #keys = new Map<string, KeyAt[]>();
  readonly last: number;

  constructor(history: readonly HistoryEvent[], calls: readonly Call[]) {
    const byValue = new Map<string, Call>();
    for (const call of calls) {
      const value = valueOf(call);
      if (value !== undefined) byValue.set(value, call);
    }
    const deletes = new Deletes(calls);
    let expected = 2;
    for (const events of byRevision(history)) {
      const revision = events[0]?.revision ?? 0;
      if (revision !== expected) this.problems.push(`revision ${revision} follows ${expected - 1}`);
      expected = revision + 1;
      for (const event of events) this.#apply(event);
      this.#explain(revision, events, byValue, deletes);
    }
    this.last = expected - 1;
  }

  /** Where a write with this value is; undefined when it never took effect. */
  revisionOf(value: string): number | undefined {
    return this.#revisionOf.get(value);
  }

  /** What a key held at a revision; undefined for absent. */
  keyAt(key: string, revision: number): KeyState | undefined {
    const list = this.#keys.get(key) ?? [];
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return list[low - 1]?.state;
  }

  #apply(event: HistoryEvent): void {
    const { key, revision } = event;
    const before = this.keyAt(key, revision);
    const state = event.deleted ? undefined : { value: event.value, version: (before?.version ?? 0) + 1 };
    if (event.deleted && before === undefined) this.problems.push(`revision ${revision} deletes absent ${key}`);
    if (state !== undefined && state.version !== event.version) {
      this.problems.push(`revision ${revision} has ${key} at version ${event.version} instead of ${state.version}`);
    }
    const list = this.#keys.get(key);
    if (list === undefined) this.#keys.set(key, [{ revision, state }]);
    else list.push({ revision, state });
  }

  #explain(
    revision: number,
    events: readonly HistoryEvent[],
    byValue: ReadonlyMap<string, Call>,
    deletes: Deletes,
  ): void {
    // Leases that end together are revoked one by one, each at a revision of its own.
    if (events.every(({ key }) => key.startsWith(LEASE_PREFIX))) return;
    const put = events.find((event) => !event.deleted);
    if (put === undefined) {
      if (!deletes.take(revision, events)) this.problems.push(`revision ${revision} is a delete that nobody sent`);
      return;
    }
    const call = byValue.get(put.value);
    if (call === undefined) {
      this.problems.push(`revision ${revision} is a write of '${put.value}' that nobody sent`);
      return;
    }
    const keys = [call.key, ...call.also].sort().join();
    const actual = events
      .map(({ key }) => key)
      .sort()
      .join();
    const whole = events.every((event) => !event.deleted && event.value === put.value);
    if (keys !== actual || !whole) this.problems.push(`revision ${revision} holds ${actual} of a write of ${keys}`);
    const other = this.#revisionOf.get(put.value);
    if (other !== undefined)
      this.problems.push(`'${put.value}' happened at revision ${other} and again at ${revision}`);
    this.#revisionOf.set(put.value, revision);
  }
}

/** Deletes carry no value; answered ones are known by their revision, the others explain one delete of their key each. */
class Deletes {
  readonly #answered = new Map<number, string>();
  readonly #unknown = new Map<string, number>();

  constructor(calls: readonly Call[]) {
    for (const call of calls) {
      if (call.input.kind !== "delete") continue;
      if (didWrite(call)) this.#answered.set(call.revision ?? 0, call.key);
      else if (call.output === undefined) this.#unknown.set(call.key, (this.#unknown.get(call.key) ?? 0) + 1);
    }
  }

  /** True when the events are what one delete that was sent may have done. */
  take(revision: number, events: readonly HistoryEvent[]): boolean {
    const [event] = events;
    if (event === undefined || events.length > 1) return false;
    if (this.#answered.get(revision) === event.key) return true;
    const left = this.#unknown.get(event.key) ?? 0;
    this.#unknown.set(event.key, left - 1);
    return left > 0;
  }
}

/** Acknowledged writes that are not at their revision. */
export function lostWrites(calls: readonly Call[], history: CheckedHistory): readonly string[] {
  return calls.filter(didWrite).flatMap((call) => {
    const value = valueOf(call);
    const at = value === undefined ? undefined : history.revisionOf(value);
    const revision = call.revision ?? 0;
    const held = history.keyAt(call.key, revision);
    const there = value === undefined ? held === undefined && revision <= history.last : at === revision;
    if (there) return [];
    return [
      `acknowledged ${call.input.kind} of ${call.key} at revision ${revision} by m${call.member} is at ${at ?? "none"}`,
    ];
  });
}

/** Answers, serializable ones included, that tell of a key what it was not at the revision of the answer. */
export function wrongReads(calls: readonly Call[], history: CheckedHistory): readonly string[] {
  return calls.flatMap((call) => {
    const { output, revision, key } = call;
    if (output === undefined || revision === undefined || didWrite(call)) return [];
    const held = history.keyAt(key, revision);
    const told = output.kind === "get" || (output.kind === "cas" && !output.succeeded) ? output.found : undefined;
    if (
      output.kind === "delete" ? held === undefined : held?.value === told?.value && held?.version === told?.version
    ) {
      return [];
    }
    const what = JSON.stringify([told ?? null, held ?? null]);
    return [
      `m${call.member} answered a ${call.input.kind} of ${key} at revision ${revision} wrongly (told, held): ${what}`,
    ];
  });
}

/** Linearizable answers with a revision older than one that was already answered when they were asked for. */
export function staleAnswers(calls: readonly Call[]): readonly string[] {
  const answered = calls.filter((call) => call.revision !== undefined);
  const asked = answered.filter((call) => !call.serializable).sort((a, b) => a.called - b.called);
  const ends = answered.sort((a, b) => a.ended - b.ended);
  const problems: string[] = [];
  let [newest, next] = [0, 0];
  for (const call of asked) {
    for (; next < ends.length && (ends[next]?.ended ?? 0) < call.called; next++) {
      newest = Math.max(newest, ends[next]?.revision ?? 0);
    }
    const revision = call.revision ?? 0;
    if (revision < newest || (revision === newest && didWrite(call))) {
      problems.push(`m${call.member} answered a ${call.input.kind} at revision ${revision}, asked for after ${newest}`);
    }
  }
  return problems;
}

/**
 * The calls for the linearizability checker: serializable reads and reads without an answer are left out, as are unanswered
 * writes that the history does not hold; those that it does hold have taken effect, at a time unknown.
 */
export function linearizableCalls(calls: readonly Call[], history: CheckedHistory): readonly Call[] {
  return calls.flatMap((call) => {
    if (call.serializable || (call.output === undefined && !mayWrite(call))) return [];
    const value = valueOf(call);
    if (call.output !== undefined || value === undefined) return [call];
    if (history.revisionOf(value) === undefined) return [];
    const output = call.input.kind === "put" ? ({ kind: "put" } as const) : ({ kind: "cas", succeeded: true } as const);
    return [{ ...call, output }];
  });
}
