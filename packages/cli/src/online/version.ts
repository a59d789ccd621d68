import { readFileSync } from "node:fs";
import type { RunCommand } from "../frame/command.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";

/** The version of etcd's API that the commands speak. */
const API_VERSION = "3.7";

/** `version`. */
export const runVersion: RunCommand = async (context) => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  printLine(context.stdout, `${context.programName} version: ${manifest.version}`);
  printLine(context.stdout, `API version: ${API_VERSION}`);
  return ExitCode.success;
};
