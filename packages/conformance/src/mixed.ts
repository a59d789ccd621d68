/**
 * `node packages/conformance/dist/mixed.js --etcd 3.4.23 --quorate 1 --requests 50000 --seed 1`: random requests against a
 * cluster of three (`--members`) of which one or two are the server under test and the others a real etcd (`--etcd
 * 3.4.23,3.5.30` takes them in turn), with leader changes and restarts. Prints a figure line; exit code 1 when members differ.
 */
import { parseArgs } from "node:util";
import { etcdMember } from "./cluster/etcd-member.ts";
import { mixedRun } from "./cluster/mixed-run.ts";
import { runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    etcd: { type: "string", default: "3.4.23" },
    quorate: { type: "string", default: "1" },
    target: { type: "string" },
    members: { type: "string", default: "3" },
    requests: { type: "string", default: "50000" },
    seed: { type: "string", default: "1" },
    logs: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const own = wholeNumber("quorate", values.quorate);
  const count = wholeNumber("members", values.members);
  if (own > count) throw new Error(`--quorate takes 0 to ${count}`);
  const releases = values.etcd.split(",");
  const members = Array.from({ length: count }, (_, i) =>
    i < own
      ? { program: targetProgram(values.target) }
      : etcdMember(releases[(i - own) % releases.length] ?? values.etcd),
  );
  const report = await mixedRun({
    members,
    title: `${own} under test, ${count - own} etcd ${values.etcd}`,
    requests: wholeNumber("requests", values.requests),
    seed: wholeNumber("seed", values.seed),
    logs: values.logs,
    ...(values.verbose ? { progress: (line: string) => console.error(line) } : {}),
  });
  return printReport(report);
}

runMain(main);
