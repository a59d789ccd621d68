import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { EtcdNode, requirePeer, type TemporaryMedium, temporaryDirectory } from "@quorate/testkit";
import { programs } from "./contestants.ts";
import { PUT, SMALL } from "./loads.ts";
import { PacedLoad } from "./paced-load.ts";
import { memoryOf, type ProcessMemory, peakOf } from "./process-usage.ts";
import { key, put } from "./requests.ts";
import { measureInRounds, type Row, rowsReport, type Turn } from "./rounds.ts";
import { etcdRestorers, proveRestorable, quorateRestorer, runControl } from "./saved-file.ts";
import { fillStore } from "./store-filling.ts";

/*
 * `etcdctl snapshot save` of a store while clients put at a pace: how fast the store is saved, what the save costs the server in
 * memory, and what it costs the puts. The same etcdctl, load and machine for both. Each server saves once before it is measured, as one
 * that is backed up now and then has; what the first save costs the puts is told as well. In the first round the saved files are restored:
 * ours by etcd, etcd's by ours.
 */

const MIB = 1024 * 1024;
const SAMPLE_MS = 50;
const QUIET_MS = 10_000;
const KEYS = 10_000;

interface Options {
  readonly mib: number;
  readonly perSecond: number;
  /** Where etcdctl writes. In memory, so that its disk is none of the server's, as on another machine. */
  readonly medium: TemporaryMedium;
}

interface Saved {
  /** Data of the store, not bytes of the file, a second: the files of the two have different padding. */
  readonly mibPerSecond: number;
  readonly fileMib: number;
  readonly p99QuietMs: number;
  readonly p99SavingMs: number;
  /** The same of the server's first save, whose code is compiled meanwhile. */
  readonly p99FirstMs: number;
  /** Peak during the save less peak in the time before. */
  readonly growth: ProcessMemory;
}

async function measure({ name, program, round, say }: Turn, options: Options): Promise<Saved> {
  const { mib, perSecond, medium } = options;
  await using node = await EtcdNode.start({ program, flags: ["--quota-backend-bytes=8000000000"] });
  const port = node.clientPort;
  await fillStore(port, mib);
  const requests = Array.from({ length: KEYS }, (_, n) => put(key(n), SMALL));
  const request = (n: number): Uint8Array => requests[n % KEYS] as Uint8Array;
  using load = await PacedLoad.start({ port, path: PUT, connections: 10, perSecond, request });
  const pid = node.process.pid ?? 0;
  await sleep(QUIET_MS);
  using directory = temporaryDirectory("quorate-saving-", medium);
  const first = join(directory.path, "first.db");
  const p99FirstMs = percentile99(await load.latenciesDuring(save(node, first)));
  rmSync(first);
  await sleep(QUIET_MS);
  const quiet = watched(pid, sleep(QUIET_MS));
  const p99QuietMs = percentile99(await load.latenciesDuring(quiet));
  const path = join(directory.path, "saved.db");
  const begin = performance.now();
  let seconds = 0;
  const saving = watched(
    pid,
    save(node, path).then(() => {
      seconds = (performance.now() - begin) / 1000;
    }),
  );
  const p99SavingMs = percentile99(await load.latenciesDuring(saving));
  // The load goes on: what is compared is the state at the file's revision.
  if (round === 1) {
    const restorers = name === "quorate" ? etcdRestorers() : [quorateRestorer(programs("3.4").quorate)];
    for (const restorer of restorers) say(await proveRestorable(path, port, restorer));
  }
  const [before, during] = [await quiet, await saving];
  return {
    mibPerSecond: mib / seconds,
    fileMib: statSync(path).size / MIB,
    p99QuietMs,
    p99SavingMs,
    p99FirstMs,
    growth: { resident: during.resident - before.resident, anonymous: during.anonymous - before.anonymous },
  };
}

function save(node: EtcdNode, path: string): Promise<unknown> {
  return runControl([requirePeer("etcdctl-3.5")], [`--endpoints=${node.endpoint}`, "snapshot", "save", path]);
}

/** The largest memory of a process until `until` resolves. */
async function watched(pid: number, until: Promise<unknown>): Promise<ProcessMemory> {
  let isOver = false;
  const over = until.finally(() => {
    isOver = true;
  });
  let peak = memoryOf(pid);
  while (!isOver) {
    await Promise.race([over, sleep(SAMPLE_MS)]);
    peak = peakOf(peak, memoryOf(pid));
  }
  await over;
  return peak;
}

function percentile99(ascending: Float64Array): number {
  return ascending[Math.floor(ascending.length * 0.99)] ?? Number.NaN;
}

const ROWS: readonly Row<Saved>[] = [
  {
    title: "store saved",
    unit: "MiB/s",
    figure: ({ mibPerSecond }) => mibPerSecond,
    bar: { limit: "etcd", side: "atLeast" },
  },
  { title: "file", unit: "MiB", figure: ({ fileMib }) => fileMib },
  { title: "p99 of puts before", unit: "ms", figure: ({ p99QuietMs }) => p99QuietMs },
  { title: "p99 of puts during the save", unit: "ms", figure: ({ p99SavingMs }) => p99SavingMs },
  { title: "the same during the first save of a server", unit: "ms", figure: ({ p99FirstMs }) => p99FirstMs },
  {
    title: "p99 during to before",
    unit: "x",
    figure: ({ p99QuietMs, p99SavingMs }) => p99SavingMs / p99QuietMs,
    bar: { limit: 2, side: "atMost" },
  },
  {
    title: "server grows by, resident",
    unit: "MiB",
    figure: ({ growth }) => growth.resident,
    bar: { limit: 100, side: "below" },
  },
  { title: "server grows by, without mapped files", unit: "MiB", figure: ({ growth }) => growth.anonymous },
];

const USAGE = `Saves a store with etcdctl while clients put, of Quorate and a real etcd in turn.

  node packages/benchmarks/dist/saving.js [--mib 256] [--puts 3000] [--rounds 5] [--peer 3.4|3.5] [--disk] [--check]

  --disk   etcdctl writes to the disk that the servers use, not to memory
  --check  exit 1 when a bar is not met`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mib: { type: "string", default: "256" },
      puts: { type: "string", default: "3000" },
      rounds: { type: "string", default: "5" },
      peer: { type: "string", default: "3.4" },
      disk: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const medium = values.disk ? "disk" : "memory";
  const options: Options = { mib: Number(values.mib), perSecond: Number(values.puts), medium };
  const results = await measureInRounds(programs(values.peer), Number(values.rounds), ROWS, (turn) =>
    measure(turn, options),
  );
  const { table, notMet } = rowsReport("snapshot save", ROWS, results);
  console.log(table);
  if (!values.check || notMet.length === 0) return;
  console.error(`not met: ${notMet.join("; ")}`);
  process.exitCode = 1;
}

await main();
