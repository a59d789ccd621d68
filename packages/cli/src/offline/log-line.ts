import type { Output } from "../frame/output.ts";

/** Prints a line of log to standard error as etcdutl does: time, level, message and fields, separated by tabs. */
export function logInfo(output: Output, message: string, fields: Readonly<Record<string, string | number>>): void {
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  output.write(`${time}\tinfo\t${message}\t${JSON.stringify(fields)}\n`);
}
