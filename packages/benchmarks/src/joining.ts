import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { EtcdCluster } from "@quorate/testkit";
import { compact } from "./compaction.ts";
import { type Member, programs, rolesOf } from "./contestants.ts";
import { TimedH2load } from "./h2load.ts";
import { PUT, SMALL } from "./loads.ts";
import { statusOf } from "./member-status.ts";
import { addMember, removeMember } from "./membership.ts";
import { memoryOf, type ProcessMemory, peakOf } from "./process-usage.ts";
import { key, put } from "./requests.ts";
import { measureInRounds, type Row, rowsReport, type Turn } from "./rounds.ts";
import { fillStore } from "./store-filling.ts";

/*
 * One of three members is lost with its disk and replaced, while 10 x 50 callers put to the leader: how much of the leader's
 * throughput stays while the new member gets the store as a snapshot and then the log, how long that takes, and what it costs
 * in memory on both sides. The load is compacted away all the time, so that the store stays what it is.
 */

const SAMPLE_MS = 100;
/** The load must not make the store larger: this many revisions are kept, and the others removed so often. */
const KEPT_REVISIONS = 100_000;
const COMPACTION_LOOKS = 20;
/** V8's heap and etcd's page cache have found their size by then. */
const WARM_UP_SECONDS = 15;
const QUIET_SECONDS = 10;
const JOIN_TIMEOUT_MS = 120_000;
/** Low enough that the log of the filling is gone: only a snapshot can bring the new member up. The same for both. */
const FLAGS = ["--snapshot-count=50000", "--quota-backend-bytes=8000000000"];
const NOTHING: ProcessMemory = { resident: 0, anonymous: 0 };

interface Joined {
  readonly putsBefore: number;
  readonly putsDuring: number;
  readonly catchUpMs: number;
  /** Peak during the join less peak in the time before. */
  readonly leaderGrowth: ProcessMemory;
  /** Peak until it had caught up less its peak under the same load when started again, with the store on its disk. */
  readonly joinerGrowth: ProcessMemory;
  readonly leaderPeak: ProcessMemory;
  readonly joinerPeak: ProcessMemory;
}

/** What was seen from one look to another. */
interface Watched {
  readonly puts: number;
  readonly seconds: number;
  readonly peak: ProcessMemory;
}

/** Looks at the leader all the time until `done`, which hears its revision and may look at others. */
async function watch(
  cluster: EtcdCluster,
  leader: Member,
  load: TimedH2load,
  done: (revision: number) => boolean | Promise<boolean>,
): Promise<Watched> {
  const pid = cluster.node(leader.index).process.pid ?? 0;
  const begin = performance.now();
  const from = (await statusOf(leader.port)).revision;
  let peak = memoryOf(pid);
  let looks = 0;
  for (;;) {
    await sleep(SAMPLE_MS);
    load.assertRunning();
    const { revision } = await statusOf(leader.port);
    peak = peakOf(peak, memoryOf(pid));
    const seconds = (performance.now() - begin) / 1000;
    if (++looks % COMPACTION_LOOKS === 0) await compact(leader.port, revision, KEPT_REVISIONS);
    if (await done(revision)) return { puts: revision - from, seconds, peak };
    if (seconds * 1000 > JOIN_TIMEOUT_MS) throw new Error("not caught up in time");
  }
}

function forSeconds(seconds: number): () => boolean {
  const until = performance.now() + seconds * 1000;
  return () => performance.now() >= until;
}

function startLoad(port: number): TimedH2load {
  const shape = { connections: 10, streams: 50 };
  return TimedH2load.start({ port, path: PUT, ...shape, request: put(key(0), SMALL) }, 300);
}

async function measure({ program, say }: Turn, mib: number): Promise<Joined> {
  const member = { program };
  await using cluster = await EtcdCluster.start({
    members: [member, member, member],
    flags: FLAGS,
    readyTimeoutMs: JOIN_TIMEOUT_MS,
  });
  const { leader, followers } = await rolesOf(cluster);
  await fillStore(leader.port, mib);
  say(`${mib} MiB put`);
  await using load = startLoad(leader.port);
  await watch(cluster, leader, load, forSeconds(WARM_UP_SECONDS));
  const before = await watch(cluster, leader, load, forSeconds(QUIET_SECONDS));
  const lost = followers[1] as Member;
  await cluster.kill(lost.index);
  await removeMember(leader.port, lost.memberId);
  const joiner = await addMember(cluster, leader.port, program);
  say("member replaced");
  const { during, peak: joinerPeak } = await join(cluster, leader, load, joiner);
  say(`caught up in ${during.seconds.toFixed(1)} s`);
  // The same member under the same load without a snapshot to take in: what it weighs anyhow.
  await cluster.terminate(joiner.index);
  await cluster.restart(joiner.index);
  const own = await ownPeak(cluster, leader, load, joiner.index, Math.max(during.seconds, QUIET_SECONDS));
  return {
    putsBefore: before.puts / before.seconds,
    putsDuring: during.puts / during.seconds,
    catchUpMs: during.seconds * 1000,
    leaderGrowth: difference(during.peak, before.peak),
    joinerGrowth: difference(joinerPeak, own),
    leaderPeak: during.peak,
    joinerPeak,
  };
}

/** From the start of the new member until it is not a sample behind the leader any more. */
async function join(
  cluster: EtcdCluster,
  leader: Member,
  load: TimedH2load,
  joiner: { readonly index: number; start(): Promise<void> },
): Promise<{ readonly during: Watched; readonly peak: ProcessMemory }> {
  let peak = NOTHING;
  let lastOfLeader = Number.POSITIVE_INFINITY;
  const started = joiner.start();
  const caughtUp = async (revision: number): Promise<boolean> => {
    peak = peakOf(peak, memoryOf(cluster.node(joiner.index).process.pid ?? 0));
    const own = await statusOf(cluster.node(joiner.index).clientPort).then(
      (status) => status.revision,
      // It does not listen yet.
      () => 0,
    );
    const done = own >= lastOfLeader;
    lastOfLeader = revision;
    return done;
  };
  const [during] = await Promise.all([watch(cluster, leader, load, caughtUp), started]);
  return { during, peak };
}

async function ownPeak(
  cluster: EtcdCluster,
  leader: Member,
  load: TimedH2load,
  index: number,
  seconds: number,
): Promise<ProcessMemory> {
  let peak = NOTHING;
  const over = forSeconds(seconds);
  await watch(cluster, leader, load, () => {
    peak = peakOf(peak, memoryOf(cluster.node(index).process.pid ?? 0));
    return over();
  });
  return peak;
}

function difference(a: ProcessMemory, b: ProcessMemory): ProcessMemory {
  return { resident: a.resident - b.resident, anonymous: a.anonymous - b.anonymous };
}

const ROWS: readonly Row<Joined>[] = [
  { title: "puts before", unit: "/s", figure: ({ putsBefore }) => putsBefore },
  { title: "puts while a member joins", unit: "/s", figure: ({ putsDuring }) => putsDuring },
  {
    title: "throughput that stays",
    unit: "%",
    figure: ({ putsBefore, putsDuring }) => (100 * putsDuring) / putsBefore,
    bar: { limit: 60, side: "atLeast" },
  },
  { title: "from the start of the process until caught up", unit: "ms", figure: ({ catchUpMs }) => catchUpMs },
  {
    title: "leader grows by, resident",
    unit: "MiB",
    figure: ({ leaderGrowth }) => leaderGrowth.resident,
    bar: { limit: 150, side: "atMost" },
  },
  { title: "leader grows by, without mapped files", unit: "MiB", figure: ({ leaderGrowth }) => leaderGrowth.anonymous },
  {
    title: "joiner grows by, resident",
    unit: "MiB",
    figure: ({ joinerGrowth }) => joinerGrowth.resident,
    bar: { limit: 150, side: "atMost" },
  },
  { title: "joiner grows by, without mapped files", unit: "MiB", figure: ({ joinerGrowth }) => joinerGrowth.anonymous },
  { title: "leader's peak, resident", unit: "MiB", figure: ({ leaderPeak }) => leaderPeak.resident },
  { title: "joiner's peak, resident", unit: "MiB", figure: ({ joinerPeak }) => joinerPeak.resident },
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mib: { type: "string", default: "256" },
      rounds: { type: "string", default: "5" },
      peer: { type: "string", default: "3.4" },
    },
  });
  const mib = Number(values.mib);
  const measureOne = (turn: Turn): Promise<Joined> => measure(turn, mib);
  const results = await measureInRounds(programs(values.peer), Number(values.rounds), ROWS, measureOne);
  console.log(rowsReport("a member joins", ROWS, results).table);
}

await main();
