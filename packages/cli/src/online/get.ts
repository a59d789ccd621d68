import { type RangeRequest, type RangeResponse, RangeResponseDescriptor } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import { rangeReport } from "../print/key-value-reports.ts";
import { type Connection, withConnection } from "./connection.ts";
import { rangeRequest } from "./range-request.ts";

/** `get`. CLI page, A2.1. */
export const runGet: RunCommand = async (context) => {
  const { flags } = context;
  const request = rangeRequest(context.args, flags);
  return await withConnection(context, async (connection) => {
    const { format } = connection.style;
    const valuesOnly = flags.bool("print-value-only");
    const response = flags.bool("stream") ? await streamed(connection, request) : await whole(connection, request);
    if (flags.bool("count-only") && format !== "fields")
      throw badArguments("--count-only is only for `--write-out=fields`");
    if (valuesOnly && format !== "simple") throw badArguments("print-value-only is only for `--write-out=simple`");
    connection.print(rangeReport(response), { ...connection.style, valuesOnly });
  });
};

async function whole(connection: Connection, request: RangeRequest): Promise<RangeResponse> {
  const { RPC } = await import("@quorate/client");
  return await connection.call(RPC.KV.Range, request);
}

/** The pieces of RangeStream put together: keys of all of them, the rest as the last has it. */
async function streamed(connection: Connection, request: RangeRequest): Promise<RangeResponse> {
  const { RPC } = await import("@quorate/client");
  const stream = await connection.client.stream(RPC.KV.RangeStream, request, { deadlineMs: connection.timeoutMs });
  let response = RangeResponseDescriptor.create();
  const kvs: RangeResponse["kvs"][number][] = [];
  for await (const { rangeResponse } of stream) {
    if (rangeResponse === undefined) continue;
    kvs.push(...rangeResponse.kvs);
    response = { ...rangeResponse, header: rangeResponse.header ?? response.header };
  }
  return { ...response, kvs };
}
