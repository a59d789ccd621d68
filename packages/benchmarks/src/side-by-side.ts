import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "./loads.ts";
import type { Subject, Workload } from "./workloads.ts";

/** Two programs that take etcd's flags. */
export interface Programs {
  readonly etcd: readonly string[];
  readonly quorate: readonly string[];
}

/** A server or cluster that loads are sent to. */
export interface Contestant<Target> extends AsyncDisposable {
  /** Where to send them now. */
  target(): Promise<Target>;
  /** CPU time that its processes have spent since they were started last. */
  cpuSeconds(): number;
  /** Ends and starts it on its own data. */
  restart(): Promise<void>;
}

/** How a workload is compared. */
export interface ComparisonOptions<Target> {
  readonly programs: Programs;
  /** Starts a contestant with a fresh data directory. */
  readonly open: (program: readonly string[]) => Promise<Contestant<Target>>;
  /** Rounds that count. */
  readonly rounds: number;
  /** Before each run, so that what the one before left to do in the background does not count; default 0. */
  readonly restMs?: number;
  readonly progress: (line: string) => void;
}

/** What one workload came to: a figure of each contestant for each round, and the ratio of each round's pair. */
export interface Comparison {
  readonly workload: Subject;
  readonly unit: string;
  readonly etcd: readonly number[];
  readonly quorate: readonly number[];
  /** Median over the rounds of quorate divided by etcd. */
  readonly ratio: number;
  /** CPU time of all processes of a contestant for an operation, median in microseconds: the steadiest figure on a busy machine. */
  readonly cpuMicros: { readonly etcd: number; readonly quorate: number };
  /** Undefined where there is no bar. */
  readonly met: boolean | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/**
 * Runs a workload on both contestants in turn, A B B A …, each with a fresh data directory that stays over the rounds, both on
 * the disk and both syncing before they answer. The first round warms up and does not count.
 */
export async function compare<Target>(
  workload: Workload<Target>,
  { programs, open, rounds, restMs = 0, progress }: ComparisonOptions<Target>,
): Promise<Comparison> {
  await using etcd = await open(programs.etcd);
  await using quorate = await open(programs.quorate);
  for (const contestant of [etcd, quorate]) {
    await workload.prepare?.(await contestant.target());
    // etcd's read buffer keeps the size of the last burst of writes, which would make its reads several times slower.
    if (workload.reads) await contestant.restart();
  }
  const figures = { etcd: [] as number[], quorate: [] as number[] };
  const cpuMicros = { etcd: [] as number[], quorate: [] as number[] };
  let unit = "";
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? (["etcd", "quorate"] as const) : (["quorate", "etcd"] as const);
    for (const name of order) {
      await sleep(restMs);
      const { figure, micros } = await runOnce(workload, name === "etcd" ? etcd : quorate);
      unit = figure.unit;
      if (round > 0) {
        figures[name].push(figure.value);
        cpuMicros[name].push(micros);
      }
      const spent = `${micros.toFixed(1)} us of CPU each`;
      progress(
        `${workload.name} round ${round}/${rounds} ${name}: ${figure.value.toFixed(3)} ${figure.unit}, ${spent}`,
      );
    }
  }
  const ratio = median(figures.quorate.map((value, i) => value / (figures.etcd[i] as number)));
  const { bar } = workload;
  const met = bar === undefined ? undefined : bar.side === "atLeast" ? ratio >= bar.ratio : ratio <= bar.ratio;
  return {
    workload,
    unit,
    etcd: figures.etcd,
    quorate: figures.quorate,
    ratio,
    cpuMicros: { etcd: median(cpuMicros.etcd), quorate: median(cpuMicros.quorate) },
    met,
  };
}

async function runOnce<Target>(
  workload: Workload<Target>,
  contestant: Contestant<Target>,
): Promise<{ readonly figure: Figure; readonly micros: number }> {
  const target = await contestant.target();
  const before = contestant.cpuSeconds();
  const figure = await workload.run(target);
  return { figure, micros: ((contestant.cpuSeconds() - before) * 1e6) / figure.operations };
}
