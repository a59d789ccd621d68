import type { RunCommand } from "../frame/command.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { Progress } from "../frame/progress.ts";
import {
  deleteKeys,
  type LoadName,
  loadNamed,
  moreClients,
  printErrors,
  randomPuts,
  refuseInterrupted,
  requireEmpty,
  tidyUp,
} from "./check-parts.ts";
import { type Connection, withConnection } from "./connection.ts";
import { Interruption } from "./interruption.ts";
import { type LoadResult, runLoad } from "./load-run.ts";
import { residentMemoryBytes } from "./server-memory.ts";

/** How many keys, and how many clients put them. CLI page, A6. */
const LOADS: Readonly<Record<LoadName, { readonly keys: number; readonly clients: number }>> = {
  s: { keys: 10_000, clients: 50 },
  m: { keys: 100_000, clients: 200 },
  l: { keys: 1_000_000, clients: 500 },
  xl: { keys: 3_000_000, clients: 1000 },
};
const SIZES = { keyBytes: 512, valueBytes: 512 } as const;
const CONNECTIONS_MAX = 50;
const BYTES_PER_MB = 1024 * 1024;

/** `check datascale`: how much more memory the first endpoint has for it. CLI page, A6. */
export const runCheckDatascale: RunCommand = async (context) => {
  const { keys, clients } = LOADS[loadNamed(context.flags.string("load"))];
  return await withConnection(context, async (connection) => {
    const prefix = context.flags.string("prefix");
    await requireEmpty(connection, prefix);
    const before = await residentMemoryBytes(connection);
    if (before === undefined) return unreadable(connection, "before");
    printLine(
      context.stdout,
      `Start data scale check for work load [${keys} key-value pairs, ${SIZES.keyBytes + SIZES.valueBytes} bytes per key-value, ${clients} concurrent clients].`,
    );
    const result = await putAll(connection, { prefix, keys, clients });
    const after = await residentMemoryBytes(connection);
    await tidyUp(connection, await deleteKeys(connection, prefix));
    refuseInterrupted(result);
    if (after === undefined) return unreadable(connection, "after");
    if (printErrors(connection, result.errors)) return ExitCode.error;
    const used = ((after - before) / BYTES_PER_MB).toFixed(2);
    printLine(context.stdout, `PASS: Approximate system memory used : ${used} MB.`);
    return ExitCode.success;
  });
};

async function putAll(
  connection: Connection,
  load: { readonly prefix: string; readonly keys: number; readonly clients: number },
): Promise<LoadResult> {
  const { context } = connection;
  using interruption = new Interruption(context);
  const clients = await moreClients(connection, Math.min(load.clients, CONNECTIONS_MAX));
  const progress = new Progress(context.stderr, (done, total) => `${done} of ${total} keys`);
  try {
    return await runLoad({
      clients,
      concurrency: load.clients,
      rate: undefined,
      durationMs: Number.POSITIVE_INFINITY,
      putCount: load.keys,
      nextPut: randomPuts(load.prefix, SIZES),
      signal: interruption.signal,
      onProgress: (done) => progress.update(done, load.keys),
    });
  } finally {
    progress.end();
    await Promise.all(clients.map((client) => client.close()));
  }
}

function unreadable(connection: Connection, when: "before" | "after"): number {
  const text = `FAIL: Could not read process_resident_memory_bytes ${when} the put operations.`;
  printLine(connection.context.stdout, text);
  return ExitCode.error;
}
