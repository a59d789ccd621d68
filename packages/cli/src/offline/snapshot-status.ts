import { NODE_FILE_SYSTEM, snapshotDigest, snapshotStatus } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { Progress } from "../frame/progress.ts";
import { untilUnlocked } from "./file-lock.ts";
import { interruptible } from "./interruption.ts";
import { checkFormat, printFileReport, statusReport } from "./reports.ts";
import { digestProblem } from "./snapshot-digest.ts";

/** `snapshot status <file>` (CLI page, B1). */
export const runSnapshotStatus: RunCommand = async (context) => {
  const [path, ...more] = context.args;
  if (path === undefined || more.length > 0) throw badArguments("snapshot status requires exactly one argument");
  checkFormat(context);
  await untilUnlocked(path, context.flags.milliseconds("timeout"));
  const progress = new Progress(context.stderr, () => "checking");
  const onProgress = (done: number, total: number): void => progress.update(done, total);
  try {
    const status = await interruptible(context, async (signal) => {
      const digest = await snapshotDigest(NODE_FILE_SYSTEM, path, { signal, onProgress });
      const found = await snapshotStatus(NODE_FILE_SYSTEM, path, { signal, onProgress }).catch(refuse);
      const problem = digest === undefined ? undefined : digestProblem(digest);
      if (problem !== undefined) refuse(new Error(problem));
      return found;
    });
    progress.end();
    printFileReport(context, statusReport(status));
  } finally {
    progress.end();
  }
  return ExitCode.success;
};

/** etcd lists what it finds; here the first thing found ends the check. */
function refuse(error: unknown): never {
  const { code, exitCode } = error as { readonly code?: unknown; readonly exitCode?: unknown };
  if (exitCode !== undefined || (code !== undefined && code !== "damaged")) throw error;
  throw new CommandError(ExitCode.error, `snapshot file integrity check failed. 1 errors found.\n${messageOf(error)}`, {
    cause: error,
  });
}
