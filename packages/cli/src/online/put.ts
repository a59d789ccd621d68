import type { RunCommand } from "../frame/command.ts";
import { putReport } from "../print/key-value-reports.ts";
import { readAll } from "./command-line-input.ts";
import { withConnection } from "./connection.ts";
import { putRequest } from "./put-request.ts";

/** `put`. CLI page, A2.2. */
export const runPut: RunCommand = async (context) => {
  const request = await putRequest(context.args, context.flags, () => readAll(context.stdin));
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(putReport(await connection.call(RPC.KV.Put, request)));
  });
};
