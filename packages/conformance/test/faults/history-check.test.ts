/** Every check of a fault run must notice what it is for. */
import { describe, expect, it } from "@jest/globals";
import type { HistoryEvent } from "../../src/durability/history.ts";
import { checkAnswers, DEFAULT_BOUNDS, longestWriteGap } from "../../src/faults/answer-check.ts";
import type { Call } from "../../src/faults/call.ts";
import {
  CheckedHistory,
  linearizableCalls,
  lostWrites,
  staleAnswers,
  wrongReads,
} from "../../src/faults/history-check.ts";
import { earlyExpiries } from "../../src/faults/lease-keeper.ts";
import { MemberTimeline } from "../../src/faults/timeline.ts";

const put = (revision: number, key: string, value: string, version = 1): HistoryEvent => {
  return { revision, deleted: false, key, value, createRevision: 2, version };
};
const gone = (revision: number, key: string): HistoryEvent => ({
  ...put(revision, key, ""),
  deleted: true,
  version: 0,
});

const BASIS = { client: 0, key: "k", also: [], member: 0, serializable: false, failure: undefined };

function wrote(value: string, called: number, revision: number | undefined, also: readonly string[] = []): Call {
  const ended = called + 1;
  const answer = revision === undefined ? undefined : ({ kind: "put" } as const);
  const returned = revision === undefined ? Number.POSITIVE_INFINITY : ended;
  return { ...BASIS, also, called, ended, returned, revision, input: { kind: "put", value }, output: answer };
}

function read(called: number, revision: number, value?: string, version = 1): Call {
  const found = value === undefined ? undefined : { value, version };
  const times = { called, ended: called + 1, returned: called + 1 };
  return { ...BASIS, ...times, revision, input: { kind: "get" }, output: { kind: "get", found } };
}

function deleted(called: number, revision: number | undefined): Call {
  const output = revision === undefined ? undefined : ({ kind: "delete", deleted: true } as const);
  const times = { called, ended: called + 1, returned: output === undefined ? Number.POSITIVE_INFINITY : called + 1 };
  return { ...BASIS, ...times, revision, input: { kind: "delete" }, output };
}

const CALLS = [wrote("a", 0, 2), wrote("b", 10, 3)];
const HISTORY = [put(2, "k", "a"), put(3, "k", "b", 2)];

describe("CheckedHistory", () => {
  const problems = (history: readonly HistoryEvent[], calls: readonly Call[] = CALLS): readonly string[] =>
    new CheckedHistory(history, calls).problems;

  it("accepts what was sent, answered or not, and leases that end", () => {
    expect(problems(HISTORY)).toEqual([]);
    expect(problems([...HISTORY, put(4, "k", "c", 3)], [...CALLS, wrote("c", 20, undefined)])).toEqual([]);
    expect(problems([...HISTORY, gone(4, "k")], [...CALLS, deleted(20, undefined)])).toEqual([]);
    expect(problems([...HISTORY, put(4, "lease/1", "1"), gone(5, "lease/1")])).toEqual([]);
  });

  it.each<[string, readonly HistoryEvent[], RegExp]>([
    ["a gap", [put(2, "k", "a"), put(4, "k", "b", 2)], /revision 4 follows 2/],
    ["a write of nobody", [...HISTORY, put(4, "k", "z", 3)], /'z' that nobody sent/],
    ["a write twice", [...HISTORY, put(4, "k", "b", 3)], /happened at revision 3 and again at 4/],
    ["a wrong version", [put(2, "k", "a"), put(3, "k", "b", 7)], /version 7 instead of 2/],
    ["a write to another key", [put(2, "k", "a"), put(3, "j", "b")], /holds j of a write of k/],
    ["a delete of nobody", [...HISTORY, gone(4, "k")], /delete that nobody sent/],
    ["a delete of nothing", [...HISTORY, gone(4, "j")], /deletes absent j/],
  ])("notices %s", (_, history, expected) => {
    expect(problems(history).join("\n")).toMatch(expected);
  });

  it("notices half a transaction and a delete that explains two", () => {
    const both = wrote("c", 20, undefined, ["twin"]);
    expect(problems([...HISTORY, put(4, "k", "c", 3), put(4, "twin", "c")], [...CALLS, both])).toEqual([]);
    expect(problems([...HISTORY, put(4, "k", "c", 3)], [...CALLS, both]).join()).toMatch(
      /holds k of a write of k,twin/,
    );
    const again = [...HISTORY, gone(4, "k"), put(5, "k", "c"), gone(6, "k")];
    const calls = [...CALLS, wrote("c", 20, 5), deleted(20, undefined)];
    expect(problems(again, calls)).toEqual(["revision 6 is a delete that nobody sent"]);
  });
});

describe("what answers told, against the history", () => {
  const history = new CheckedHistory(HISTORY, CALLS);

  it("notices acknowledged writes that are gone or elsewhere", () => {
    expect(lostWrites(CALLS, history)).toEqual([]);
    expect(lostWrites([wrote("b", 10, 5)], history)).toHaveLength(1);
    expect(lostWrites([wrote("never", 10, 4)], history)).toHaveLength(1);
    expect(lostWrites([deleted(20, 3)], history)).toHaveLength(1);
    expect(lostWrites([deleted(20, 4)], history)).toHaveLength(1);
  });

  it("notices reads of what was not there at their revision", () => {
    expect(wrongReads([read(20, 2, "a"), read(20, 3, "b", 2), read(20, 1)], history)).toEqual([]);
    expect(wrongReads([read(20, 3, "a")], history)).toHaveLength(1);
    expect(wrongReads([read(20, 2)], history)).toHaveLength(1);
  });

  it("notices linearizable answers that are older than what was answered before", () => {
    const stale = read(20, 2, "a");
    expect(staleAnswers([...CALLS, read(20, 3, "b", 2)])).toEqual([]);
    expect(staleAnswers([...CALLS, stale])).toHaveLength(1);
    expect(staleAnswers([...CALLS, { ...stale, serializable: true }])).toEqual([]);
    expect(staleAnswers([...CALLS, { ...stale, called: 10.5 }])).toEqual([]);
    expect(staleAnswers([wrote("a", 0, 3), wrote("b", 10, 3)])).toHaveLength(1);
  });

  it("hands the linearizability checker only what it can use", () => {
    const calls = [...CALLS, wrote("never", 20, undefined), { ...read(20, 2, "a"), serializable: true }];
    expect(linearizableCalls(calls, history)).toEqual(CALLS);
    const unanswered = { ...wrote("b", 10, undefined) };
    expect(linearizableCalls([unanswered], history)).toEqual([{ ...unanswered, output: { kind: "put" } }]);
  });
});

describe("when and how calls were answered", () => {
  const failed = (called: number, ended: number, code: number, message: string): Call => {
    return { ...wrote("x", called, undefined), ended, failure: { code, message } };
  };
  const check = (calls: readonly Call[], timeline = new MemberTimeline()): readonly string[] =>
    checkAnswers(calls, [timeline], DEFAULT_BOUNDS).problems;
  const TIMED_OUT = "etcdserver: request timed out";

  it("takes etcd's errors in time, and broken connections of a member that was down", () => {
    const timeline = new MemberTimeline();
    timeline.down.push({ from: 100, to: 200 });
    expect(check([...CALLS, failed(0, 7000, 14, TIMED_OUT)])).toEqual([]);
    expect(check([failed(90, 110, 14, "read ECONNRESET")], timeline)).toEqual([]);
    expect(check([failed(90, 95, 14, "read ECONNRESET")], timeline)).toHaveLength(1);
  });

  it("notices errors that are not etcd's, late answers, and serializable reads that fail", () => {
    expect(check([failed(0, 20_000, 4, "Deadline exceeded after 20.001s")])).toHaveLength(2);
    expect(check([failed(0, 10_000, 14, TIMED_OUT)])).toHaveLength(1);
    const local = { ...failed(0, 100, 14, TIMED_OUT), serializable: true, input: { kind: "get" } as const };
    expect(check([local])).toHaveLength(1);
  });

  it("notices linearizable answers of a member without a majority", () => {
    const timeline = new MemberTimeline();
    timeline.cutOff.push({ from: 1000, to: 5000 });
    expect(check([read(3000, 3, "b", 2)], timeline)).toHaveLength(1);
    expect(check([{ ...read(3000, 3, "b", 2), serializable: true }], timeline)).toEqual([]);
    expect(check([read(1100, 3, "b", 2), read(4999.5, 3, "b", 2)], timeline)).toEqual([]);
  });

  it("measures the time without writes from the end of an outage", () => {
    const calls = [wrote("a", 0, 2), wrote("b", 1000, 3), wrote("c", 9000, 4)];
    expect(longestWriteGap(calls, [])).toEqual([8000, 1001]);
    expect(longestWriteGap(calls, [{ from: 500, to: 8500 }])).toEqual([501, 8500]);
    expect(longestWriteGap(calls, [{ from: 900, to: 8900 }])).toEqual([101, 8900]);
  });
});

describe("earlyExpiries", () => {
  it("notices a key that went before its lease could end", () => {
    const lease = { id: "1", key: "lease/1", aliveUntil: 6000, abandoned: true };
    expect(earlyExpiries([lease], new Map([["lease/1", 6100]]))).toEqual([]);
    expect(earlyExpiries([lease], new Map())).toEqual([]);
    expect(earlyExpiries([lease], new Map([["lease/1", 5000]]))).toHaveLength(1);
  });
});
