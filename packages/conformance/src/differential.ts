/**
 * `node packages/conformance/dist/differential.js --seeds 10 --requests 20000 --peer 3.4.23`: random requests against a
 * real etcd and the server under test side by side. Prints one line a seed and a figure line; exit code 1 on a difference.
 */
import { parseArgs } from "node:util";
import { peerProgram, runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { BEHAVIOUR_CHANGES } from "./differential/behaviour-changes.ts";
import { runSeed, type SeedResult } from "./differential/run-seed.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    requests: { type: "string", default: "20000" },
    peer: { type: "string", default: "3.4.23" },
    target: { type: "string" },
    seed: { type: "string" },
    coverage: { type: "boolean", default: false },
  },
});

function tally(
  results: readonly SeedResult[],
  of: (result: SeedResult) => ReadonlyMap<string, number>,
): [string, number][] {
  const sums = new Map<string, number>();
  for (const result of results) {
    for (const [key, count] of of(result)) sums.set(key, (sums.get(key) ?? 0) + count);
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function main(): Promise<number> {
  const requests = wholeNumber("requests", values.requests);
  const first = values.seed === undefined ? 1 : wholeNumber("seed", values.seed);
  const count = values.seed === undefined ? wholeNumber("seeds", values.seeds) : 1;
  const peer = { program: peerProgram(values.peer), medium: "memory" } as const;
  const target = { program: targetProgram(values.target), medium: "memory" } as const;
  const results: SeedResult[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed({ seed, requests, peer, target });
    results.push(result);
    const speed = Math.round(result.requests / result.seconds);
    console.log(
      `seed ${seed}: ${result.requests} requests, ${result.events} events, ${result.differences.length} differences, ${speed} requests/s`,
    );
    for (const difference of result.differences) console.log(`  ${difference}`);
  }
  for (const [id, uses] of tally(results, (result) => result.excused)) {
    console.log(`excused ${uses} x ${id}: ${BEHAVIOUR_CHANGES.find((change) => change.id === id)?.reason}`);
  }
  if (values.coverage) {
    for (const [what, uses] of tally(results, (result) => result.coverage)) console.log(`${uses} x ${what}`);
  }
  const found = results.reduce((sum, result) => sum + result.differences.length, 0);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  console.log(
    `differential against ${values.peer}: ${count} seeds x ${requests} requests, ${found} differences, ${seconds.toFixed(0)} s`,
  );
  return found === 0 ? 0 : 1;
}

runMain(main);
