/**
 * `node packages/conformance/dist/mixed.js --etcd 3.4.23 --quorate 1 --requests 50000 --seed 1`: random requests against a
 * three-member cluster of which one or two are the server under test and the others a real etcd (`--etcd 3.4.23,3.5.30`
 * takes them in turn), with leader changes and restarts. Prints a figure line; exit code 1 when members differ.
 */
import { parseArgs } from "node:util";
import { mixedRun } from "./cluster/mixed-run.ts";
import { peerProgram, runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { printReport } from "./suite-report.ts";

const MEMBERS = 3;

const { values } = parseArgs({
  options: {
    etcd: { type: "string", default: "3.4.23" },
    quorate: { type: "string", default: "1" },
    target: { type: "string" },
    requests: { type: "string", default: "50000" },
    seed: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const own = wholeNumber("quorate", values.quorate);
  if (own > MEMBERS) throw new Error(`--quorate takes 0 to ${MEMBERS}`);
  const releases = values.etcd.split(",");
  const programs = Array.from({ length: MEMBERS }, (_, i) =>
    i < own ? targetProgram(values.target) : peerProgram(releases[(i - own) % releases.length] ?? values.etcd),
  );
  const report = await mixedRun({
    programs,
    title: `${own} under test, ${MEMBERS - own} etcd ${values.etcd}`,
    requests: wholeNumber("requests", values.requests),
    seed: wholeNumber("seed", values.seed),
    ...(values.verbose ? { progress: (line: string) => console.error(line) } : {}),
  });
  return printReport(report);
}

runMain(main);
