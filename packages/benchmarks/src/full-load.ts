import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { EtcdCluster } from "@quorate/testkit";
import { compact } from "./compaction.ts";
import { type Member, programs, rolesOf, statuses } from "./contestants.ts";
import { type H2load, TimedH2load } from "./h2load.ts";
import { PUT, putAllKeys, RANGE, SMALL } from "./loads.ts";
import { leaderChangesSeen } from "./member-status.ts";
import { busyShare, cpuTime } from "./process-usage.ts";
import { get, key, put } from "./requests.ts";

/*
 * Three members under more load than the machine can carry, for minutes: 10 x 50 callers put to the leader, as many get from each
 * follower. Nothing fails, so nobody may be elected: the term and the leader stay, and no member counts a change of leader.
 */

const SHAPE = { connections: 10, streams: 50 };
const LOOK_MS = 1000;
/** Each so many looks the history is compacted, as an API server does: else the store would grow beyond any quota. */
const COMPACTION_LOOKS = 10;
const KEPT_REVISIONS = 1000;

interface Outcome {
  readonly minutes: number;
  readonly termsSeen: readonly number[];
  readonly leadersSeen: number;
  /** Counted by the members themselves, all together. */
  readonly leaderChanges: number;
  readonly busy: number;
  readonly putsPerSecond: number;
  readonly getsPerSecond: number;
}

async function measure(program: readonly string[], minutes: number, say: (line: string) => void): Promise<Outcome> {
  const member = { program };
  const flags = ["--quota-backend-bytes=8000000000"];
  await using cluster = await EtcdCluster.start({ members: [member, member, member], flags });
  const { leader, followers } = await rolesOf(cluster);
  await putAllKeys(leader.port);
  const changesBefore = await changesSeen(cluster);
  const from = cpuTime();
  const puts: H2load = { port: leader.port, path: PUT, ...SHAPE, request: put(key(0), SMALL) };
  await using putting = TimedH2load.start(puts, minutes * 60);
  await using getting0 = TimedH2load.start(gets(followers[0]), minutes * 60);
  await using getting1 = TimedH2load.start(gets(followers[1]), minutes * 60);
  const rates = Promise.all([putting.rate(), getting0.rate(), getting1.rate()]);
  const { terms, leaders } = await look(cluster, leader.port, rates, say);
  const [putsPerSecond, gets0, gets1] = await rates;
  return {
    minutes,
    termsSeen: [...terms],
    leadersSeen: leaders.size,
    leaderChanges: (await changesSeen(cluster)) - changesBefore,
    busy: busyShare(from, cpuTime()),
    putsPerSecond,
    getsPerSecond: gets0 + gets1,
  };
}

function gets(follower: Member | undefined): H2load {
  return { port: follower?.port ?? 0, path: RANGE, ...SHAPE, request: get(key(0), false) };
}

/** Asks every member for its term and leader each second until `until` settles. */
async function look(
  cluster: EtcdCluster,
  leaderPort: number,
  until: Promise<unknown>,
  say: (line: string) => void,
): Promise<{ readonly terms: ReadonlySet<number>; readonly leaders: ReadonlySet<bigint> }> {
  const terms = new Set<number>();
  const leaders = new Set<bigint>();
  let over = false;
  const stop = (): void => {
    over = true;
  };
  until.then(stop, stop);
  for (let looks = 1; !over; looks++) {
    const seen: readonly Member[] = await statuses(cluster);
    for (const { term, leaderId } of seen) {
      if (!terms.has(term)) say(`term ${term}`);
      terms.add(term);
      leaders.add(leaderId);
    }
    if (looks % COMPACTION_LOOKS === 0)
      await compact(leaderPort, Math.min(...seen.map(({ revision }) => revision)), KEPT_REVISIONS);
    await sleep(LOOK_MS);
  }
  return { terms, leaders };
}

async function changesSeen(cluster: EtcdCluster): Promise<number> {
  let changes = 0;
  for (const node of cluster.nodes) changes += await leaderChangesSeen(node.clientPort);
  return changes;
}

function report(name: string, outcome: Outcome): string {
  const elections = outcome.termsSeen.length - 1;
  return `| ${[
    name,
    `${outcome.minutes} min`,
    `${Math.round(outcome.putsPerSecond).toLocaleString("en-US")} /s`,
    `${Math.round(outcome.getsPerSecond).toLocaleString("en-US")} /s`,
    `${(100 * outcome.busy).toFixed(1)} %`,
    `${elections}`,
    `${outcome.leadersSeen - 1}`,
    `${outcome.leaderChanges}`,
  ].join(" | ")} |`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      peer: { type: "string", default: "3.4" },
    },
  });
  const minutes = values.quick ? 1 : Number(values.minutes);
  const contestants = programs(values.peer);
  const lines: string[] = [];
  for (const name of ["quorate", "etcd"] as const) {
    if (values.only !== undefined && values.only !== name) continue;
    const outcome = await measure(contestants[name], minutes, (line) => console.error(`${name}: ${line}`));
    lines.push(report(name === "etcd" ? "etcd" : "Quorate", outcome));
    const quiet = outcome.termsSeen.length === 1 && outcome.leadersSeen === 1 && outcome.leaderChanges === 0;
    if (name === "quorate" && !quiet) process.exitCode = 1;
  }
  const header =
    "| full load | for | puts | gets | cores busy | new terms | other leaders seen | changes counted by members |";
  console.log([header, `|${" --- |".repeat(8)}`, ...lines].join("\n"));
}

await main();
