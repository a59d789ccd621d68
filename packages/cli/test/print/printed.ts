import { printReport, type Report, type Style } from "../../src/print/report.ts";
import { CapturedOutput } from "../captured-run.ts";

/** What a report prints in one format. */
export function printed(report: Report, style: Partial<Style> = {}): string {
  return Buffer.from(printedBytes(report, style)).toString();
}

export function printedBytes(report: Report, style: Partial<Style> = {}): Uint8Array {
  const output = new CapturedOutput();
  printReport(output, report, { format: "simple", hex: false, ...style });
  return output.bytes;
}
