import { setTimeout as pause } from "node:timers/promises";
import type { RunCommand } from "../frame/command.ts";
import { printLine } from "../frame/output.ts";
import { goQuote } from "../go/go-quote.ts";
import { deleteReport } from "../print/key-value-reports.ts";
import { withConnection } from "./connection.ts";
import { deleteRequest } from "./delete-request.ts";

/** The time to think it over that etcdctl gives before it deletes a range. */
const SECOND_THOUGHTS_MS = 2000;

/** `del`. CLI page, A2.3. */
export const runDelete: RunCommand = async (context) => {
  const request = deleteRequest(context.args, context.flags);
  const [from, to] = context.args;
  if (to !== undefined && !context.flags.bool("range")) {
    printLine(
      context.stderr,
      `Warning: Keys between ${goQuote(from ?? "")} and ${goQuote(to)} will be deleted. Please interrupt the command within next 2 seconds to cancel. You can provide \`--range\` flag to avoid the delay.`,
    );
    await pause(SECOND_THOUGHTS_MS);
  }
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(deleteReport(await connection.call(RPC.KV.DeleteRange, request)));
  });
};
