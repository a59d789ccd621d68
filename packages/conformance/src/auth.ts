/**
 * `node packages/conformance/dist/auth.js --pairs 5000 --peer 3.5.30`: random requests of random users, over random roles and
 * ranges, against a real etcd and the server under test side by side. `--mixed`: with that etcd twice and the server under test in one cluster, whose members must
 * agree. Prints a figure line; exit code 1 on a difference.
 */
import { parseArgs } from "node:util";
import { AUTH_CHANGES } from "./auth/auth-changes.ts";
import { authRun } from "./auth/auth-run.ts";
import { mixedAuthRun } from "./auth/mixed-auth.ts";
import { etcdMember } from "./cluster/etcd-member.ts";
import { peerProgram, runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { BEHAVIOUR_CHANGES } from "./differential/behaviour-changes.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "5000" },
    peer: { type: "string", default: "3.5.30" },
    target: { type: "string" },
    seed: { type: "string", default: "1" },
    mixed: { type: "boolean", default: false },
    coverage: { type: "boolean", default: false },
  },
});

function byName(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function mixed(): Promise<number> {
  const etcd = etcdMember(values.peer);
  const report = await mixedAuthRun({
    members: [{ program: targetProgram(values.target) }, etcd, etcd],
    title: `one under test, two etcd ${values.peer}`,
    steps: wholeNumber("pairs", values.pairs),
    seed: wholeNumber("seed", values.seed),
  });
  return printReport(report);
}

async function main(): Promise<number> {
  if (values.mixed) return await mixed();
  const result = await authRun({
    seed: wholeNumber("seed", values.seed),
    pairs: wholeNumber("pairs", values.pairs),
    peer: { program: peerProgram(values.peer), medium: "memory" },
    target: { program: targetProgram(values.target), medium: "memory" },
  });
  for (const difference of result.differences) console.log(`  ${difference}`);
  const reasons = new Map([...BEHAVIOUR_CHANGES, ...AUTH_CHANGES].map(({ id, reason }) => [id, reason]));
  for (const [ids, uses] of byName(result.excused)) {
    for (const id of ids.split("+")) console.log(`excused ${uses} x ${id}: ${reasons.get(id)}`);
  }
  if (values.coverage) for (const [what, uses] of byName(result.coverage)) console.log(`${uses} x ${what}`);
  const found = result.differences.length;
  console.log(
    `auth against ${values.peer}: ${result.pairs} pairs, ${found} differences, ${result.seconds.toFixed(0)} s`,
  );
  return found === 0 ? 0 : 1;
}

runMain(main);
