import type { RunCommand } from "../frame/command.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { Progress } from "../frame/progress.ts";
import { withConnection } from "./connection.ts";
import { failureText } from "./failure.ts";
import { endpointsToAsk } from "./member-endpoints.ts";
import { stopwatch } from "./stopwatch.ts";

const MS_PER_SECOND = 1000;

/** `defrag`: one member after the other, so that never more than one is busy with it. CLI page, A3.3. */
export const runDefrag: RunCommand = async (context) =>
  await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    let exitCode: number = ExitCode.success;
    const endpoints = await endpointsToAsk(connection);
    for (const [i, endpoint] of endpoints.entries()) {
      const took = stopwatch();
      const beginMs = performance.now();
      const progress = new Progress(
        context.stderr,
        () => `defragmenting ${endpoint}, ${Math.floor((performance.now() - beginMs) / MS_PER_SECOND)} s`,
      );
      try {
        const call = connection.call(RPC.Maintenance.Defragment, {}, { endpoint });
        await progress.during(call, i, endpoints.length > 1 ? endpoints.length : undefined);
        printLine(context.stdout, `Finished defragmenting etcd member[${endpoint}]. took ${took()}`);
      } catch (error) {
        const text = `Failed to defragment etcd member[${endpoint}]. took ${took()}. (${failureText(error)})`;
        printLine(context.stderr, text);
        exitCode = ExitCode.error;
      }
    }
    return exitCode;
  });
