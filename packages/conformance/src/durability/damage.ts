import { execFileSync } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { basename, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdNode, SeededChoice, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import type { SuiteReport } from "../suite-report.ts";
import { type HistoryEvent, readHistory, readState, stateOf } from "./history.ts";
import { Journal, JournaledLoad } from "./journal.ts";
import { SNAPSHOT_OFTEN } from "./kill-rounds.ts";

export interface DamageOptions {
  readonly target: readonly string[];
  /** Cuts of the newest log file at random places of its last 4 KiB; `all` cuts at every byte. */
  readonly cuts: number | "all";
  /** Single bits flipped at random places of the log. */
  readonly flips: number;
  /** With true one flip in four is at a random place of any file of the data directory instead. */
  readonly everywhere: boolean;
  readonly seed: number;
  /** With false a refusal need not name the file and the offset; for servers that do not promise it. */
  readonly strict: boolean;
}

/** One damage done to a copy of the data directory. */
interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly what: string;
  /** How many of the newest revisions may be gone afterwards. */
  readonly mayLose: number;
  readonly apply: (directory: string) => void;
}

const TAIL_BYTES = 4096;
const START_TIMEOUT_MS = 20_000;
const LOAD_MS = 1500;

/**
 * Damages copies of the data directory of a killed server and starts the server on each: it recovers with a part of the
 * history that is true from its beginning, or refuses and names the file and the offset; it never tells anything else.
 */
export async function damageSuite(options: DamageOptions): Promise<SuiteReport> {
  const choice = new SeededChoice(options.seed);
  await using node = await EtcdNode.start({ program: options.target, flags: SNAPSHOT_OFTEN });
  const truth = await fill(node, options.seed);
  using spare = temporaryDirectory("quorate-image-");
  const image = join(spare.path, "image");
  copyDirectory(node.dataDirectory, image);
  const damages = [...cuts(image, options.cuts, choice), ...flips(image, options, choice)];
  const counts = { whole: 0, shortened: 0, refused: 0 };
  const failures: string[] = [];
  for (const damage of damages) {
    rmSync(node.dataDirectory, { recursive: true, force: true });
    copyDirectory(image, node.dataDirectory);
    damage.apply(node.dataDirectory);
    const outcome = await startOn(node, truth, damage, options.strict);
    if (outcome in counts) counts[outcome as keyof typeof counts] += 1;
    else failures.push(`${damage.what}: ${outcome}`);
  }
  const done = `${damages.length} damages: ${counts.whole} recovered whole, ${counts.shortened} shortened, ${counts.refused} refused`;
  return { suite: "durability, damaged files", figure: `${done}, seed ${options.seed}`, failures };
}

/** Writes for a while, kills the server, and returns what was then true. */
async function fill(node: EtcdNode, seed: number): Promise<readonly HistoryEvent[]> {
  {
    using api = new EtcdApi(node.endpoint);
    await api.ready();
    const load = new JournaledLoad(api, new Journal(), seed, 16);
    await sleep(LOAD_MS);
    await load.stop();
  }
  // The truth is read after a restart, so that the damaged image is of a store that was recovered and written since.
  await node.kill();
  await node.restart();
  using api = new EtcdApi(node.endpoint);
  await api.ready();
  const load = new JournaledLoad(api, new Journal(), seed + 1, 4);
  await sleep(LOAD_MS / 5);
  await load.stop();
  const history = await readHistory(api);
  await node.kill();
  return history;
}

async function startOn(
  node: EtcdNode,
  truth: readonly HistoryEvent[],
  damage: Damage,
  strict: boolean,
): Promise<string> {
  const server = node.spawn();
  try {
    const ready = await server.untilReady().then(
      () => true,
      () => false,
    );
    if (!ready && server.exit === undefined) return `neither ready nor ended after ${START_TIMEOUT_MS} ms`;
    if (ready) return await compare(node, truth, damage.mayLose);
    return refusal(server.log(), server.exit?.code ?? null, damage, strict);
  } catch (error) {
    return server.exit === undefined ? String(error) : refusal(server.log(), server.exit.code, damage, strict);
  } finally {
    await node.kill();
  }
}

async function compare(node: EtcdNode, truth: readonly HistoryEvent[], mayLose: number): Promise<string> {
  using api = new EtcdApi(node.endpoint);
  await waitUntil(
    async () => node.process.exit !== undefined || (await api.call("KV/Range", { key: Buffer.from("x") }, 2000)).ok,
    {
      what: "an answer",
      timeoutMs: START_TIMEOUT_MS,
    },
  );
  const [history, state] = [await readHistory(api), await readState(api)];
  const lines = (events: readonly HistoryEvent[]): readonly string[] => events.map((event) => JSON.stringify(event));
  const [told, known] = [lines(history), lines(truth)];
  const wrong = told.findIndex((line, i) => line !== known[i]);
  if (wrong >= 0) return `a wrong answer: ${told[wrong]?.slice(0, 200)} instead of ${known[wrong]?.slice(0, 200)}`;
  if (state.join("\n") !== stateOf(history).join("\n")) return "keys that the history does not end with";
  if (told.length === known.length) return "whole";
  const lost = (truth.at(-1)?.revision ?? 1) - (history.at(-1)?.revision ?? 1);
  return lost <= mayLose ? "shortened" : `served although the newest ${lost} revisions are gone`;
}

function refusal(log: string, code: number | null, damage: Damage, strict: boolean): string {
  if (!strict) return "refused";
  if (code === 0 || code === null) return `ended with code ${code} on damage`;
  const namesFile = log.includes(basename(damage.file));
  const namesOffset = /offset["':= ]+\d+|at byte \d+/i.test(log);
  if (namesFile && namesOffset) return "refused";
  return `refused without naming ${basename(damage.file)} and the offset: ${log.trim().split("\n").at(-1)?.slice(0, 400)}`;
}

function cuts(image: string, wanted: number | "all", choice: SeededChoice): readonly Damage[] {
  const file = newestLog(image);
  const end = writtenEnd(join(image, file));
  const span = Math.min(TAIL_BYTES, end);
  const offsets =
    wanted === "all"
      ? Array.from({ length: span }, (_, i) => end - 1 - i)
      : Array.from({ length: wanted }, () => end - 1 - choice.below(span));
  return offsets.map((offset) => ({
    file,
    offset,
    mayLose: Number.POSITIVE_INFINITY,
    what: `${file} cut at ${offset}, ${end - offset} bytes before its end`,
    apply: (directory) => truncateSync(join(directory, file), offset),
  }));
}

function flips(image: string, options: DamageOptions, choice: SeededChoice): readonly Damage[] {
  const files = filesBelow(image).filter((file) => writtenEnd(join(image, file)) > 0);
  const logs = files.filter((file) => file.endsWith(".wal"));
  return Array.from({ length: options.flips }, () => {
    const file = options.everywhere && choice.oneIn(4) ? choice.pick(files) : choice.pick(logs);
    const offset = choice.below(writtenEnd(join(image, file)));
    const bit = choice.below(8);
    return {
      file,
      offset,
      // A damaged last record looks like one that was never finished; anything before it is damage.
      mayLose: 1,
      what: `bit ${bit} of byte ${offset} of ${file} flipped`,
      apply: (directory: string) => flipBit(join(directory, file), offset, bit),
    };
  });
}

function flipBit(path: string, offset: number, bit: number): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}

function newestLog(image: string): string {
  const logs = filesBelow(image).filter((file) => file.endsWith(".wal"));
  const newest = logs.sort().at(-1);
  if (newest === undefined) throw new Error(`no log file (*.wal) below ${image}`);
  return newest;
}

/** Files are allocated ahead of what is written: the end is behind the last byte that is not zero. */
function writtenEnd(path: string): number {
  const bytes = readFileSync(path);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

function copyDirectory(from: string, to: string): void {
  statSync(from);
  execFileSync("cp", ["-a", "--sparse=always", from, to]);
}
