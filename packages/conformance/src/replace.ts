/**
 * `node packages/conformance/dist/replace.js --etcd 3.5.30`: every member of a three-member etcd is replaced by the server
 * under test under a load of writes. `--count 2 --back` replaces two and then those by etcd again: a third etcd keeps the
 * cluster's version where an older release may join. Prints a figure line; exit code 1 when a write is lost.
 */
import { parseArgs } from "node:util";
import { replaceRun } from "./cluster/replace-run.ts";
import { peerProgram, runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    etcd: { type: "string", default: "3.5.30" },
    target: { type: "string" },
    count: { type: "string", default: "3" },
    back: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const report = await replaceRun({
    from: peerProgram(values.etcd),
    to: targetProgram(values.target),
    replaced: wholeNumber("count", values.count),
    back: values.back,
    title: `etcd ${values.etcd} by ${values.target ?? "the server under test"}${values.back ? " and back" : ""}`,
    seed: wholeNumber("seed", values.seed),
    ...(values.verbose ? { progress: (line: string) => console.error(line) } : {}),
  });
  return printReport(report);
}

runMain(main);
