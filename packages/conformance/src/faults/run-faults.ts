import { setTimeout as sleep } from "node:timers/promises";
import { SeededChoice, type TemporaryMedium, waitUntil } from "@quorate/testkit";
import { byRevision, type HistoryEvent, readHistory } from "../durability/history.ts";
import { EtcdApi } from "../etcd-api.ts";
import { type AnswerBounds, checkAnswers, DEFAULT_BOUNDS, longestWriteGap } from "./answer-check.ts";
import { type Call, didWrite, mayWrite } from "./call.ts";
import { checkConvergence } from "./convergence.ts";
import type { FaultReport } from "./fault-report.ts";
import { FaultWatcher } from "./fault-watcher.ts";
import { FaultyCluster } from "./faulty-cluster.ts";
import { CheckedHistory, linearizableCalls, lostWrites, staleAnswers, wrongReads } from "./history-check.ts";
import { KeySource } from "./key-source.ts";
import { earlyExpiries, LeaseKeeper } from "./lease-keeper.ts";
import { checkLinearizability, type KeyVerdict } from "./linearizability.ts";
import { LoadClient } from "./load-client.ts";
import { type FaultKind, Nemesis } from "./nemesis.ts";

export interface FaultOptions {
  /** Command line of each member. */
  readonly programs: readonly (readonly string[])[];
  readonly seconds: number;
  readonly seed: number;
  readonly clients?: number;
  readonly flags?: readonly string[];
  readonly medium?: TemporaryMedium;
  /** Restricts the faults; empty for all. */
  readonly only?: readonly FaultKind[];
  readonly bounds?: AnswerBounds;
  readonly writeGapMsMax?: number;
  readonly log?: (text: string) => void;
  /** Where to keep the members' logs; undefined to drop them. */
  readonly logsFolder?: string;
}

const CLIENTS = 10;
const PROBLEMS_MAX = 10;
/** Two elections that find no winner on a busy machine, and the clients' own pace. */
const WRITE_GAP_MS_MAX = 12_000;
const HISTORY_TIMEOUT_MS = 120_000;
const PROGRESS_EVERY_MS = 10_000;

interface Observed {
  readonly calls: readonly Call[];
  readonly watchers: readonly FaultWatcher[];
  readonly keeper: LeaseKeeper;
}

/** Runs clients, watchers and a lease keeper against a cluster under random faults, heals it, and checks all they saw. */
export async function runFaults(options: FaultOptions): Promise<FaultReport> {
  const log = options.log ?? ((): void => {});
  await using cluster = await FaultyCluster.start({
    programs: options.programs,
    flags: options.flags ?? [],
    medium: options.medium ?? "memory",
  });
  const choice = new SeededChoice(options.seed);
  const started = performance.now();
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
  const nemesis = new Nemesis(cluster, choice, options.only ?? [], (text) => log(`${elapsed()} ${text}`));
  const load = new Load(cluster, options);
  const progress = setInterval(() => log(`${elapsed()} ${load.calls.length} calls`), PROGRESS_EVERY_MS);
  try {
    await nemesis.run(started + options.seconds * 1000);
    const { problems, revision } = await checkConvergence(cluster.cluster.endpoints);
    await load.stop();
    log(`${elapsed()} all members agree at revision ${revision}; ${load.calls.length} calls; checking`);
    await sleep(LeaseKeeper.GONE_AFTER_MS);
    // Once more when nothing is under way.
    const settled = await checkConvergence(cluster.cluster.endpoints);
    const histories = await readHistories(cluster);
    await load.untilWatched(histories[0]?.at(-1)?.revision ?? 1);
    const failures = [...cluster.unexpectedEnds(), ...problems, ...settled.problems, ...sameHistories(histories)];
    return judge(options, cluster, nemesis, load, histories[0] ?? [], failures, started);
  } catch (error) {
    const ends = cluster.unexpectedEnds();
    if (ends.length === 0) throw error;
    throw new Error(`${String(error)}\n${ends.join("\n")}`, { cause: error });
  } finally {
    clearInterval(progress);
    if (options.logsFolder !== undefined) cluster.saveLogs(options.logsFolder);
    await load.close();
  }
}

/** Everything that uses the cluster while the faults go on. */
class Load implements Observed {
  readonly calls: Call[] = [];
  readonly watchers: readonly FaultWatcher[];
  readonly keeper: LeaseKeeper;
  readonly #clients: readonly LoadClient[];

  constructor(cluster: FaultyCluster, options: FaultOptions) {
    const { endpoints } = cluster.cluster;
    const keys = new KeySource();
    const record = (call: Call): void => void this.calls.push(call);
    this.#clients = Array.from(
      { length: options.clients ?? CLIENTS },
      (_, client) => new LoadClient(client, endpoints, keys, options.seed * 1000 + client, record),
    );
    this.watchers = endpoints.map((endpoint, index) => new FaultWatcher(`m${index}`, endpoint));
    this.keeper = new LeaseKeeper(endpoints, options.seed);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#clients.map((client) => client.stop()), this.keeper.stop()]);
  }

  async untilWatched(revision: number): Promise<void> {
    await waitUntil(() => this.watchers.every((watcher) => watcher.revision >= revision), {
      what: `all watchers to see revision ${revision}`,
      timeoutMs: HISTORY_TIMEOUT_MS,
      everyMs: 50,
      detail: () => this.watchers.map((watcher) => watcher.revision).join(", "),
    });
  }

  async close(): Promise<void> {
    await this.stop();
    for (const watcher of this.watchers) watcher.close();
  }
}

async function readHistories(cluster: FaultyCluster): Promise<readonly (readonly HistoryEvent[])[]> {
  const histories: (readonly HistoryEvent[])[] = [];
  for (const endpoint of cluster.cluster.endpoints) {
    using api = new EtcdApi(endpoint);
    histories.push(await readHistory(api, HISTORY_TIMEOUT_MS));
  }
  return histories;
}

function judge(
  options: FaultOptions,
  cluster: FaultyCluster,
  nemesis: Nemesis,
  observed: Observed,
  told: readonly HistoryEvent[],
  failures: string[],
  started: number,
): FaultReport {
  const { calls, watchers, keeper } = observed;
  const history = new CheckedHistory(told, calls);
  const verdicts = checkLinearizability(linearizableCalls(calls, history));
  const answers = checkAnswers(calls, cluster.timelines, options.bounds ?? DEFAULT_BOUNDS);
  const [gap, gapFrom] = longestWriteGap(calls, cluster.outages);
  const deletions = new Map(
    watchers.flatMap(({ events }) => events.filter(({ deleted }) => deleted).map(({ key, arrived }) => [key, arrived])),
  );
  const found: readonly (readonly string[])[] = [
    failures,
    history.problems,
    lostWrites(calls, history),
    wrongReads(calls, history),
    staleAnswers(calls),
    verdicts.flatMap(describeVerdict),
    answers.problems,
    watchers.flatMap((watcher) => watcher.problems),
    watchers.flatMap((watcher, index) => differences(`watcher of m${index}`, watcher.events, told)),
    keeper.problems,
    earlyExpiries(keeper.leases, deletions),
    remainingLeases(keeper, history),
    gap > (options.writeGapMsMax ?? WRITE_GAP_MS_MAX)
      ? [
          `no write was acknowledged for ${gap.toFixed(0)} ms with a majority (from ${((gapFrom - started) / 1000).toFixed(1)} s on)`,
        ]
      : [],
  ];
  const report = {
    seed: options.seed,
    members: cluster.size,
    seconds: options.seconds,
    calls: calls.length,
    acknowledgedWrites: calls.filter(didWrite).length,
    unansweredWrites: calls.filter((call) => mayWrite(call) && call.failure !== undefined).length,
    refusedWithoutMajority: answers.refusedWithoutMajority,
    revisions: history.last,
    keysChecked: verdicts.length,
    searchSteps: verdicts.reduce((sum, { steps }) => sum + steps, 0),
    watchStreams: watchers.reduce((sum, { streams }) => sum + streams, 0),
    watchedEvents: watchers.reduce((sum, { events }) => sum + events.length, 0),
    leaseRenewals: keeper.renewals,
    longestWriteGap: gap,
    longestWriteGapAt: (gapFrom - started) / 1000,
    slowest: answers.slowest,
    faults: Object.fromEntries(nemesis.counts),
    errors: answers.errors,
    failures: found.flatMap((list) => shortened(list)),
  };
  return { ...report, suite: `faults, ${report.members} members`, figure: figureOf(report) };
}

function figureOf(report: Omit<FaultReport, "suite" | "figure">): string {
  const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
  return (
    `${report.seconds} s, ${faults} faults, ${report.calls} calls, ${report.acknowledgedWrites} acknowledged writes, ` +
    `${report.unansweredWrites} unanswered, ${report.keysChecked} keys linearizable, ` +
    `${report.watchedEvents} events over ${report.watchStreams} watch streams, ${report.leaseRenewals} renewals, ` +
    `longest gap ${report.longestWriteGap.toFixed(0)} ms, seed ${report.seed}`
  );
}

function describeVerdict({ key, verdict, operations, steps, evidence }: KeyVerdict): readonly string[] {
  if (verdict === "linearizable") return [];
  return [`${key}: ${verdict} after ${steps} steps over ${operations} calls`, ...evidence.map((line) => `    ${line}`)];
}

function sameHistories(histories: readonly (readonly HistoryEvent[])[]): readonly string[] {
  const [first, ...others] = histories;
  return others.flatMap((other, index) => differences(`history of m${index + 1}`, other, first ?? []));
}

/** The first event at which two histories differ. */
function differences(
  name: string,
  actual: readonly HistoryEvent[],
  expected: readonly HistoryEvent[],
): readonly string[] {
  const [left, right] = [[...byRevision(actual)].map(textOf), [...byRevision(expected)].map(textOf)];
  const at = left.findIndex((text, index) => text !== right[index]);
  if (at < 0 && left.length === right.length) return [];
  const index = at < 0 ? left.length : at;
  return [`${name} has ${left[index] ?? "nothing"} where m0's history has ${right[index] ?? "nothing"}`];
}

/** Events of one revision are told sorted by what was written first; their order within it is not compared. */
function textOf(events: readonly HistoryEvent[]): string {
  const texts = events.map(({ key, value, deleted, version, createRevision }) =>
    deleted ? `delete ${key}` : `put ${key}=${value} (version ${version}, created at ${createRevision})`,
  );
  return `${events[0]?.revision}: ${texts.sort().join(", ")}`;
}

function remainingLeases(keeper: LeaseKeeper, history: CheckedHistory): readonly string[] {
  return keeper.leases
    .filter(({ key }) => history.keyAt(key, Number.POSITIVE_INFINITY) !== undefined)
    .map(({ key }) => `${key} outlived its lease`);
}

function shortened(list: readonly string[]): readonly string[] {
  if (list.length <= PROBLEMS_MAX) return list;
  return [...list.slice(0, PROBLEMS_MAX), `… and ${list.length - PROBLEMS_MAX} more of this kind`];
}
