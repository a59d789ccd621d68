/**
 * `node packages/conformance/dist/faults.js --members 3 --seconds 120 --seed 1`: a cluster of processes under kill -9, pause
 * and partitions, with clients whose history is checked. `--program` takes one command line (or 3.4.23, 3.5.30) for all
 * members, or one a member if given more than once. Exit code 1 when something was wrong.
 */
import { parseArgs } from "node:util";
import { runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { describeReport } from "./faults/fault-report.ts";
import { FAULT_KINDS, type FaultKind } from "./faults/nemesis.ts";
import { runFaults } from "./faults/run-faults.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    program: { type: "string", multiple: true },
    members: { type: "string", default: "3" },
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: "1" },
    clients: { type: "string", default: "10" },
    flags: { type: "string", default: "--snapshot-count=500" },
    medium: { type: "string", default: "memory" },
    logs: { type: "string" },
    only: { type: "string", default: "" },
    write: { type: "string", short: "w", default: "simple" },
  },
});

function faultKinds(text: string): readonly FaultKind[] {
  return text.split(",").flatMap((name) => {
    if (name === "") return [];
    const kind = FAULT_KINDS.find((each) => each === name);
    if (kind === undefined) throw new Error(`no such fault: ${name}; there are ${FAULT_KINDS.join(", ")}`);
    return [kind];
  });
}

async function main(): Promise<number> {
  const programs = (values.program ?? [undefined]).map((program) => targetProgram(program));
  const count = wholeNumber("members", values.members);
  const json = values.write === "json";
  const report = await runFaults({
    programs: Array.from({ length: count }, (_, index) => programs[index % programs.length] ?? []),
    seconds: wholeNumber("seconds", values.seconds),
    seed: wholeNumber("seed", values.seed),
    clients: wholeNumber("clients", values.clients),
    flags: values.flags.split(/\s+/).filter((flag) => flag !== ""),
    medium: values.medium === "disk" ? "disk" : "memory",
    only: faultKinds(values.only),
    ...(values.logs === undefined ? {} : { logsFolder: values.logs }),
    log: (text) => process.stderr.write(`${text}\n`),
  });
  if (json) {
    console.log(JSON.stringify(report, undefined, 2));
    return report.failures.length === 0 ? 0 : 1;
  }
  for (const line of describeReport(report)) console.log(`  ${line}`);
  return printReport(report);
}

runMain(main);
