import { defragmentEngine, NODE_FILE_SYSTEM } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { Progress } from "../frame/progress.ts";
import { withoutSlash } from "./directory-flag.ts";
import { logInfo } from "./log-line.ts";

const MS_PER_SECOND = 1000;

/** `defrag --data-dir <dir>`: gives the space of deleted records back, in the directory of a member that is stopped. */
export const runOfflineDefrag: RunCommand = async (context) => {
  const directory = withoutSlash(context.flags.string("data-dir"));
  const beginMs = performance.now();
  try {
    const progress = new Progress(
      context.stderr,
      () => `defragmenting, ${Math.floor((performance.now() - beginMs) / MS_PER_SECOND)} s`,
    );
    const work = defragmentEngine(NODE_FILE_SYSTEM, directory);
    const { bytesAfter, bytesBefore } = await progress.during(work, 0, undefined);
    const took = `${((performance.now() - beginMs) / MS_PER_SECOND).toFixed(3)}s`;
    const fields = { "data-dir": directory, "bytes-before": bytesBefore, "bytes-after": bytesAfter, took };
    logInfo(context.stderr, "finished defragmenting directory", fields);
  } catch (error) {
    throw new CommandError(ExitCode.error, `Failed to defragment etcd data[${directory}] (${messageOf(error)})`, {
      cause: error,
    });
  }
  return ExitCode.success;
};
