/**
 * `node packages/conformance/dist/operator.js --scenario scale`: the operator in a real Kubernetes on this machine, with real
 * members, under load and faults. `--list` names the scenarios, `--short` runs them as CI does, no `--scenario` runs all.
 * Prints a figure line for each; exit code 1 when something was not as it should be.
 */
import { parseArgs } from "node:util";
import { runMain, targetProgram } from "./command-line.ts";
import { runScenarios, SCENARIOS } from "./operator/run-scenario.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string", multiple: true, default: [] },
    target: { type: "string" },
    short: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  if (values.list) {
    for (const { name, summary } of SCENARIOS) console.log(`${name.padEnd(16)} ${summary}`);
    return 0;
  }
  const unknown = values.scenario.filter((name) => SCENARIOS.every((scenario) => scenario.name !== name));
  if (unknown.length > 0) throw new Error(`no scenario '${unknown.join("', '")}'; --list names them`);
  const chosen = SCENARIOS.filter(({ name }) => values.scenario.length === 0 || values.scenario.includes(name));
  const start = performance.now();
  const progress = (line: string): void => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    console.error(`${seconds} s  ${line}`);
  };
  const reports = await runScenarios(targetProgram(values.target), chosen, { isLong: !values.short, progress });
  return Math.max(...reports.map((report) => printReport(report)));
}

runMain(main);
