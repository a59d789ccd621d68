/**
 * `node packages/conformance/dist/clients.js [--suite etcdctl,etcd3,python,grpc-js,perf,known-answers]`: real, unmodified clients
 * against the server under test. Prints a figure line a suite; exit code 1 when one of them found something.
 */
import { parseArgs } from "node:util";
import { etcd3Suite } from "./clients/etcd3-suite.ts";
import { checkPerfSuite, etcdctlSuite } from "./clients/etcdctl-suite.ts";
import { grpcJsSuite } from "./clients/grpc-js-suite.ts";
import { pythonSuite } from "./clients/python-suite.ts";
import { peerProgram, runMain, targetProgram } from "./command-line.ts";
import { knownAnswersSuite } from "./known-answers.ts";
import { printReport, type SuiteReport } from "./suite-report.ts";

const SUITES: Readonly<Record<string, (target: readonly string[]) => Promise<SuiteReport>>> = {
  etcdctl: (target) => etcdctlSuite(target, peerProgram("3.4.23")),
  etcd3: etcd3Suite,
  python: pythonSuite,
  "grpc-js": grpcJsSuite,
  perf: checkPerfSuite,
  "known-answers": knownAnswersSuite,
};

const { values } = parseArgs({
  options: { target: { type: "string" }, suite: { type: "string", default: Object.keys(SUITES).join() } },
});

async function main(): Promise<number> {
  const target = targetProgram(values.target);
  let worst = 0;
  for (const name of values.suite.split(",")) {
    const suite = SUITES[name];
    if (suite === undefined) throw new Error(`no such suite: ${name}; there are ${Object.keys(SUITES).join(", ")}`);
    worst = Math.max(worst, printReport(await suite(target)));
  }
  return worst;
}

runMain(main);
