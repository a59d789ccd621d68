/**
 * `node packages/conformance/dist/kubernetes.js [--objects 1000]`: a real kube-apiserver on the server under test.
 * Prints a figure line; exit code 1 when something was lost, told twice or logged as an error.
 */
import { parseArgs } from "node:util";
import { runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { kubernetesSuite } from "./kubernetes/suite.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: { target: { type: "string" }, objects: { type: "string", default: "1000" } },
});

runMain(async () =>
  printReport(await kubernetesSuite(targetProgram(values.target), wholeNumber("objects", values.objects))),
);
