/**
 * `node packages/conformance/dist/gateway.js [--peer 3.5.30]`: the API as JSON over HTTP, every path of it, at the server under test and
 * at a real etcd. Prints a table of paths and a figure line; exit code 1 when answers differ.
 */
import { parseArgs } from "node:util";
import { peerProgram, runMain, targetProgram } from "./command-line.ts";
import { gatewaySuite } from "./gateway/gateway-suite.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: { target: { type: "string" }, peer: { type: "string", default: "3.5.30" } },
});

async function main(): Promise<number> {
  const report = await gatewaySuite(targetProgram(values.target), peerProgram(values.peer));
  for (const { asked, different, path } of report.paths) {
    console.log(`${path.padEnd(40)} ${String(asked).padStart(4)} asked ${String(different).padStart(4)} different`);
  }
  return printReport(report);
}

runMain(main);
