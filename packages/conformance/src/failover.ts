/**
 * `node packages/conformance/dist/failover.js --rounds 10 --peer 3.5.30`: how long no write is acknowledged when the leader
 * is killed, moved on request, or ended by SIGTERM; the server under test and a real etcd in turn. Prints medians, the worst
 * and ratios; exit code 1 when a bar is missed (`--no-bars` only measures).
 */
import { parseArgs } from "node:util";
import { peerProgram, runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { FailoverRun, type LeaderLoss } from "./faults/failover-run.ts";

const LOSSES: readonly LeaderLoss[] = ["kill", "move", "terminate"];
/** Without the leader killed: the longest time without an acknowledged write. */
const HANDOVER_MS_MAX = 150;
/** Leader killed: median compared to etcd's. */
const KILL_RATIO_MAX = 1;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    peer: { type: "string", default: "3.5.30" },
    rounds: { type: "string", default: "10" },
    members: { type: "string", default: "3" },
    losses: { type: "string", default: LOSSES.join() },
    medium: { type: "string", default: "disk" },
    bars: { type: "boolean", default: true },
    write: { type: "string", short: "w", default: "simple" },
  },
  allowNegative: true,
});

interface Figures {
  readonly loss: LeaderLoss;
  readonly target: readonly number[];
  readonly peer: readonly number[];
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

async function measure(rounds: number, losses: readonly LeaderLoss[]): Promise<readonly Figures[]> {
  const members = wholeNumber("members", values.members);
  const medium = values.medium === "memory" ? "memory" : "disk";
  await using target = await FailoverRun.start(targetProgram(values.target), members, medium);
  await using peer = await FailoverRun.start(peerProgram(values.peer), members, medium);
  const figures = losses.map((loss) => ({ loss, target: [] as number[], peer: [] as number[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { loss, ...sides } of figures) {
      sides.target.push(await target.measure(loss));
      sides.peer.push(await peer.measure(loss));
      const last = `${sides.target.at(-1)?.toFixed(0)} ms, etcd ${sides.peer.at(-1)?.toFixed(0)} ms`;
      process.stderr.write(`round ${round}, ${loss}: ${last}\n`);
    }
  }
  return figures;
}

function failuresOf({ loss, target, peer }: Figures): readonly string[] {
  if (loss === "kill") {
    const ratio = median(target) / median(peer);
    return ratio <= KILL_RATIO_MAX
      ? []
      : [`kill: ${ratio.toFixed(2)} times etcd's median, the bar is ${KILL_RATIO_MAX}`];
  }
  const middle = median(target);
  return middle < HANDOVER_MS_MAX ? [] : [`${loss}: ${middle.toFixed(0)} ms, the bar is ${HANDOVER_MS_MAX} ms`];
}

function summary(numbers: readonly number[]): string {
  return `median ${median(numbers).toFixed(0)} ms, worst ${Math.max(...numbers).toFixed(0)} ms`;
}

async function main(): Promise<number> {
  const losses = LOSSES.filter((loss) => values.losses.split(",").includes(loss));
  const figures = await measure(wholeNumber("rounds", values.rounds), losses);
  const failures = values.bars ? figures.flatMap(failuresOf) : [];
  if (values.write === "json") {
    console.log(JSON.stringify({ figures, failures }, undefined, 2));
  } else {
    for (const { loss, target, peer } of figures) {
      const ratio = (median(target) / median(peer)).toFixed(2);
      console.log(
        `leader ${loss}: ${summary(target)}; etcd ${values.peer}: ${summary(peer)}; ratio of medians ${ratio}`,
      );
    }
    for (const failure of failures) console.log(`  ${failure}`);
  }
  return failures.length === 0 ? 0 : 1;
}

runMain(main);
