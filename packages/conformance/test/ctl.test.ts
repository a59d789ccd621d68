/** quoratectl beside etcdctl, command by command: what is printed and the exit codes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { peerProgram, REPOSITORY_ROOT } from "../src/command-line.ts";
import { type CtlReport, ctlSuite } from "../src/ctl/ctl-suite.ts";
import { rowsOfPage, tableRows } from "../src/ctl/ctl-table.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("quoratectl and etcdctl 3.4", ["etcdctl-3.4"], (target) => {
  it("print the same against the server under test", async () => {
    const report = await ctlSuite({ target, etcdctl: "3.4.23" });
    expectClean(report);
    expectOnPage(report);
  }, 600_000);
});

peerSuite("quoratectl and etcdctl 3.5", ["etcd-3.5", "etcdctl-3.5", "etcdctl-3.4"], () => {
  it("print the same against a real etcd", async () => {
    const report = await ctlSuite({ target: peerProgram("3.5.30"), etcdctl: "3.5.30" });
    expectClean(report);
    expectOnPage(report);
  }, 600_000);
});

/** The page in the documentation is about the very command lines that were compared. */
function expectOnPage({ cells, etcdctl }: CtlReport): void {
  const page = readFileSync(join(REPOSITORY_ROOT, "docs/quoratectl-beside-etcdctl.md"), "utf8");
  expect(rowsOfPage(page, etcdctl)).toEqual(tableRows(cells));
}
