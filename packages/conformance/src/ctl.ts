import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runMain, targetProgram } from "./command-line.ts";
import { type CtlReport, ctlSuite, type EtcdctlRelease } from "./ctl/ctl-suite.ts";
import { ctlTable } from "./ctl/ctl-table.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    etcdctl: { type: "string", default: "3.4.23,3.5.30" },
    scenes: { type: "string" },
    table: { type: "string" },
    processes: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
  },
});

/**
 * quoratectl beside etcdctl; `--table FILE` writes the comparison as a page, `--processes` runs each call of quoratectl as a process,
 * `--long` takes what needs a minute and more as well.
 */
async function main(): Promise<number> {
  const target = targetProgram(values.target);
  const reports: CtlReport[] = [];
  let worst = 0;
  for (const release of values.etcdctl.split(",")) {
    const scenes = values.scenes === undefined ? {} : { scenes: values.scenes.split(",") };
    const [processes, takesLong] = [values.processes, values.long];
    const report = await ctlSuite({ target, etcdctl: releaseNamed(release), processes, takesLong, ...scenes });
    worst = Math.max(worst, printReport(report));
    reports.push(report);
  }
  if (values.table !== undefined) writeFileSync(values.table, ctlTable(reports));
  return worst;
}

function releaseNamed(name: string): EtcdctlRelease {
  if (name === "3.4.23" || name === "3.5.30") return name;
  throw new Error(`no etcdctl ${name} to compare with; there are 3.4.23 and 3.5.30`);
}

runMain(main);
