import { waitUntil } from "@quorate/testkit";
import type { EtcdApi, Message } from "../etcd-api.ts";
import type { Journal } from "./journal.ts";

/** One event of a history, with what is needed to check it. */
export interface HistoryEvent {
  readonly revision: number;
  readonly deleted: boolean;
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly version: number;
}

const HISTORY_TIMEOUT_MS = 30_000;
/** The `key` and `range_end` of everything. */
export const WHOLE_KEY_SPACE: Message = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

/** Everything that a server says ever happened, by a watch from revision 1 to its current revision. */
export async function readHistory(
  api: EtcdApi,
  timeoutMs: number = HISTORY_TIMEOUT_MS,
): Promise<readonly HistoryEvent[]> {
  const now = await api.must("KV/Range", { ...WHOLE_KEY_SPACE, count_only: true });
  const current = Number((now["header"] as Message)["revision"]);
  const history: HistoryEvent[] = [];
  let failure: string | undefined;
  const stream = api.duplex("Watch/Watch");
  stream.on("error", (error: Error) => {
    failure ??= error.message;
  });
  stream.on("data", (response: Message) => {
    if (response["canceled"] === true) failure = `cancelled: ${JSON.stringify(response)}`;
    for (const event of response["events"] as readonly Message[]) history.push(historyEvent(event));
  });
  stream.write({ create_request: { ...WHOLE_KEY_SPACE, start_revision: "1" } });
  try {
    await waitUntil(() => failure !== undefined || (history.at(-1)?.revision ?? 1) >= current, {
      what: `the history up to revision ${current}`,
      timeoutMs,
    });
  } finally {
    stream.cancel();
  }
  if (failure !== undefined) throw new Error(`watch of the history: ${failure}`);
  return history;
}

/** The keys and values that a history ends with, sorted by key. */
export function stateOf(history: readonly HistoryEvent[]): readonly string[] {
  const state = new Map<string, string>();
  for (const event of history) {
    if (event.deleted) state.delete(event.key);
    else state.set(event.key, event.value);
  }
  return [...state].map(([key, value]) => `${key}=${value}`).sort();
}

/** The keys and values that a server holds now, sorted by key. */
export async function readState(api: EtcdApi): Promise<readonly string[]> {
  const all = await api.must("KV/Range", WHOLE_KEY_SPACE);
  const kvs = all["kvs"] as readonly { key: Buffer; value: Buffer }[];
  return kvs.map((kv) => `${kv.key.toString()}=${kv.value.toString()}`).sort();
}

/**
 * Compares a history with what its clients know: revisions without a gap; each explained by exactly one write that was
 * sent, with all of its keys; every acknowledged write at the revision it was acknowledged with. Returns what is wrong.
 */
export function checkHistory(history: readonly HistoryEvent[], journal: Journal): readonly string[] {
  const problems: string[] = [];
  const seen = new Map<string, number>();
  const state = new Map<string, { createRevision: number; version: number }>();
  let expectedRevision = 2;
  for (const events of byRevision(history)) {
    const revision = events[0]?.revision ?? 0;
    if (revision !== expectedRevision) problems.push(`revision ${revision} follows ${expectedRevision - 1}`);
    expectedRevision = revision + 1;
    problems.push(...checkRevision(revision, events, journal, state));
    const value = events.find((event) => !event.deleted)?.value ?? "";
    if (seen.has(value)) problems.push(`${label(value)} happened at ${seen.get(value)} and again at ${revision}`);
    seen.set(value, revision);
  }
  for (const [value, entry] of journal.entries) {
    if (entry.revision === undefined || entry.revision === seen.get(value)) continue;
    problems.push(
      `${label(value)} was acknowledged at ${entry.revision} and is at ${seen.get(value) ?? "no revision"}`,
    );
  }
  return problems;
}

function checkRevision(
  revision: number,
  events: readonly HistoryEvent[],
  journal: Journal,
  state: Map<string, { createRevision: number; version: number }>,
): readonly string[] {
  const value = events.find((event) => !event.deleted)?.value ?? "";
  const entry = journal.entries.get(value);
  if (entry === undefined) return [`revision ${revision}: nobody sent ${label(value)}`];
  const expected = [
    ...entry.puts.map((key) => `put ${key}`),
    ...entry.deletes.filter((key) => state.has(key)).map((key) => `delete ${key}`),
  ];
  const actual = events.map((event) => `${event.deleted ? "delete" : "put"} ${event.key}`);
  const problems: string[] = [];
  if (actual.join() !== expected.join()) {
    problems.push(
      `revision ${revision}: ${label(value)} is there as [${actual.join()}] instead of [${expected.join()}]`,
    );
  }
  for (const event of events) {
    const before = state.get(event.key);
    if (event.deleted) {
      state.delete(event.key);
      continue;
    }
    const now = { createRevision: before?.createRevision ?? revision, version: (before?.version ?? 0) + 1 };
    state.set(event.key, now);
    const right = event.value === value && event.createRevision === now.createRevision && event.version === now.version;
    if (!right)
      problems.push(`revision ${revision}: ${event.key} has value, create revision or version of another write`);
  }
  return problems;
}

/** The events of each revision, in order. */
export function* byRevision<E extends HistoryEvent>(history: readonly E[]): Generator<readonly E[]> {
  let group: E[] = [];
  for (const event of history) {
    if (group[0] !== undefined && group[0].revision !== event.revision) {
      yield group;
      group = [];
    }
    group.push(event);
  }
  if (group.length > 0) yield group;
}

/** The event as it came over the wire. */
export function historyEvent(event: Message): HistoryEvent {
  const kv = event["kv"] as Message;
  return {
    revision: Number(kv["mod_revision"]),
    deleted: event["type"] === 1,
    key: (kv["key"] as Buffer).toString(),
    value: (kv["value"] as Buffer).toString(),
    createRevision: Number(kv["create_revision"]),
    version: Number(kv["version"]),
  };
}

function label(value: string): string {
  return `write '${value.slice(0, 30)}'`;
}
