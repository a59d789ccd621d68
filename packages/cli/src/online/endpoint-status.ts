import type { RunCommand } from "../frame/command.ts";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { type EndpointHash, type EndpointStatus, hashReport, statusReport } from "../print/endpoint-reports.ts";
import { withConnection } from "./connection.ts";
import { failureText } from "./failure.ts";
import { endpointsToAsk } from "./member-endpoints.ts";

/** `endpoint status`: one endpoint after the other; those that fail are told on standard error. CLI page, A3.2. */
export const runStatus: RunCommand = async (context) =>
  await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const list: EndpointStatus[] = [];
    let exitCode: number = ExitCode.success;
    for (const endpoint of await endpointsToAsk(connection)) {
      try {
        list.push({ endpoint, status: await connection.call(RPC.Maintenance.Status, {}, { endpoint }) });
      } catch (error) {
        printLine(context.stderr, `Failed to get the status of endpoint ${endpoint} (${failureText(error)})`);
        exitCode = ExitCode.error;
      }
    }
    connection.print(statusReport(list));
    return exitCode;
  });

/** `endpoint hashkv`. */
export const runHashKv: RunCommand = async (context) =>
  await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const revision = context.flags.integer("rev");
    const list: EndpointHash[] = [];
    let failed: unknown;
    for (const endpoint of await endpointsToAsk(connection)) {
      try {
        list.push({ endpoint, hash: await connection.call(RPC.Maintenance.HashKV, { revision }, { endpoint }) });
      } catch (error) {
        printLine(context.stderr, `Failed to get the hash of endpoint ${endpoint} (${failureText(error)})`);
        failed = error;
      }
    }
    connection.print(hashReport(list));
    if (failed !== undefined) throw new CommandError(ExitCode.error, failureText(failed), { cause: failed });
  });
