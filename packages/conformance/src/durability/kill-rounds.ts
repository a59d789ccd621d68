import { setTimeout as sleep } from "node:timers/promises";
import { EtcdNode, SeededChoice } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import type { SuiteReport } from "../suite-report.ts";
import { checkHistory, readHistory, readState, stateOf } from "./history.ts";
import { Journal, JournaledLoad } from "./journal.ts";

export interface KillOptions {
  readonly target: readonly string[];
  readonly rounds: number;
  readonly seed: number;
}

/** So that log segments are cut and snapshots taken while the rounds go on. */
export const SNAPSHOT_OFTEN: readonly string[] = ["--snapshot-count=1000"];
const WORKERS = 16;
const KILL_AFTER_MS_MAX = 400;
const PROBLEMS_MAX = 10;

/**
 * Kills the server with SIGKILL at random moments under load and compares what it holds after each restart with the
 * journal of its clients: every acknowledged write is there, at its revision; no other is there in part or twice.
 */
export async function killRounds(options: KillOptions): Promise<SuiteReport> {
  const choice = new SeededChoice(options.seed);
  const journal = new Journal();
  const failures: string[] = [];
  const restartsMs: number[] = [];
  await using node = await EtcdNode.start({ program: options.target, flags: SNAPSHOT_OFTEN });
  let applied = 0;
  for (let round = 1; round <= options.rounds && failures.length < PROBLEMS_MAX; round++) {
    using api = new EtcdApi(node.endpoint);
    await api.ready();
    const load = new JournaledLoad(api, journal, options.seed * 1000 + round, WORKERS);
    await sleep(choice.between(1, KILL_AFTER_MS_MAX));
    await node.kill();
    await load.stop();
    const started = performance.now();
    await node.restart();
    restartsMs.push(performance.now() - started);
    using after = new EtcdApi(node.endpoint);
    await after.ready();
    const history = await readHistory(after);
    const problems = [...checkHistory(history, journal)];
    const [held, told] = [await readState(after), stateOf(history)];
    if (held.join("\n") !== told.join("\n")) problems.push("the keys held are not those that the history ends with");
    failures.push(...problems.slice(0, PROBLEMS_MAX).map((problem) => `round ${round}: ${problem}`));
    applied = new Set(history.map((event) => event.revision)).size;
  }
  const sent = journal.entries.size;
  const median = restartsMs.sort((a, b) => a - b)[restartsMs.length >> 1] ?? 0;
  return {
    suite: "durability, kill -9",
    figure: `${options.rounds} rounds, ${journal.acknowledged} acknowledged writes of ${sent} sent, ${applied} applied, restart ${median.toFixed(0)} ms, seed ${options.seed}`,
    failures,
  };
}
