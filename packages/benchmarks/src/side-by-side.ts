import { EtcdNode } from "@quorate/testkit";
import type { Workload } from "./workloads.ts";

/** Two programs that take etcd's flags. */
export interface Contestants {
  readonly etcd: readonly string[];
  readonly quorate: readonly string[];
}

/** What one workload came to: a figure of each server for each round, and the ratio of each round's pair. */
export interface Comparison {
  readonly workload: Workload;
  readonly unit: string;
  readonly etcd: readonly number[];
  readonly quorate: readonly number[];
  /** Median over the rounds of quorate divided by etcd. */
  readonly ratio: number;
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
 * Runs a workload on both servers in turn, A B B A …, each with a fresh data directory that stays over the rounds, both on
 * the disk and both syncing before they answer. The first round warms up and does not count.
 */
export async function compare(
  workload: Workload,
  contestants: Contestants,
  rounds: number,
  progress: (line: string) => void,
): Promise<Comparison> {
  await using etcd = await EtcdNode.start({ program: contestants.etcd });
  await using quorate = await EtcdNode.start({ program: contestants.quorate });
  for (const node of [etcd, quorate]) {
    await workload.prepare?.(node.clientPort);
    if (workload.reads) {
      // etcd's read buffer keeps the size of the last burst of writes, which would make its reads several times slower.
      await node.terminate();
      await node.restart();
    }
  }
  const figures = { etcd: [] as number[], quorate: [] as number[] };
  let unit = "";
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? (["etcd", "quorate"] as const) : (["quorate", "etcd"] as const);
    for (const name of order) {
      const figure = await workload.run((name === "etcd" ? etcd : quorate).clientPort);
      unit = figure.unit;
      if (round > 0) figures[name].push(figure.value);
      progress(`${workload.name} round ${round}/${rounds} ${name}: ${figure.value.toFixed(3)} ${figure.unit}`);
    }
  }
  const ratio = median(figures.quorate.map((value, i) => value / (figures.etcd[i] as number)));
  const { bar } = workload;
  const met = bar === undefined ? undefined : bar.side === "atLeast" ? ratio >= bar.ratio : ratio <= bar.ratio;
  return { workload, unit, etcd: figures.etcd, quorate: figures.quorate, ratio, met };
}
