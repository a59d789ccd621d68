import type { RunCommand } from "../frame/command.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { Progress } from "../frame/progress.ts";
import {
  deleteKeys,
  type LoadName,
  loadNamed,
  moreClients,
  printCleanupFailure,
  printErrors,
  randomPuts,
  refuseInterrupted,
  requireEmpty,
  tidyUp,
} from "./check-parts.ts";
import { type Connection, withConnection } from "./connection.ts";
import { Interruption } from "./interruption.ts";
import { type LoadResult, runLoad } from "./load-run.ts";

/** Puts a second and how many clients make them. CLI page, A6. */
const LOADS: Readonly<Record<LoadName, { readonly rate: number; readonly clients: number }>> = {
  s: { rate: 150, clients: 50 },
  m: { rate: 1000, clients: 200 },
  l: { rate: 8000, clients: 500 },
  xl: { rate: 15_000, clients: 1000 },
};
const DURATION_MS = 60_000;
const SIZES = { keyBytes: 256, valueBytes: 1024 } as const;
/** Clients share connections beyond so many: a thousand of one process would measure this program. */
const CONNECTIONS_MAX = 50;

/** What passes. */
const RATE_SHARE_MIN = 0.9;
const SLOWEST_SECONDS_MAX = 0.5;
const DEVIATION_SECONDS_MAX = 0.1;

/** `check perf`. CLI page, A6. */
export const runCheckPerf: RunCommand = async (context) => {
  const { rate, clients } = LOADS[loadNamed(context.flags.string("load"))];
  return await withConnection(context, async (connection) => {
    const prefix = context.flags.string("prefix");
    await requireEmpty(connection, prefix, "'");
    const result = await putForAMinute(connection, { prefix, rate, clients });
    try {
      await tidyUp(connection, await deleteKeys(connection, prefix));
    } catch (error) {
      printCleanupFailure(connection, error);
    }
    refuseInterrupted(result);
    const failed = printErrors(connection, result.errors);
    return judge(context, result, rate) && !failed ? passed(context) : notPassed(context);
  });
};

async function putForAMinute(
  connection: Connection,
  load: { readonly prefix: string; readonly rate: number; readonly clients: number },
): Promise<LoadResult> {
  const { context } = connection;
  using interruption = new Interruption(context);
  const clients = await moreClients(connection, Math.min(load.clients, CONNECTIONS_MAX));
  const progress = new Progress(context.stderr, (done) => `${done} writes`);
  const startMs = performance.now();
  try {
    return await runLoad({
      clients,
      concurrency: load.clients,
      rate: load.rate,
      durationMs: DURATION_MS,
      putCount: Number.POSITIVE_INFINITY,
      nextPut: randomPuts(load.prefix, SIZES),
      signal: interruption.signal,
      onProgress: (done) => progress.update(done, (done * DURATION_MS) / Math.max(1, performance.now() - startMs)),
    });
  } finally {
    progress.end();
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Prints the verdict on each figure; true if all pass. */
export function judge(context: Pick<CommandContext, "stdout">, result: LoadResult, rate: number): boolean {
  const { putsPerSecond, slowest, deviation } = result;
  const say = (isGood: boolean, good: string, bad: string): boolean => {
    printLine(context.stdout, isGood ? good : bad);
    return isGood;
  };
  const shown = Math.trunc(putsPerSecond) + 1;
  return [
    say(
      putsPerSecond / rate > RATE_SHARE_MIN,
      `PASS: Throughput is ${shown} writes/s`,
      `FAIL: Throughput too low: ${shown} writes/s`,
    ),
    say(
      slowest <= SLOWEST_SECONDS_MAX,
      `PASS: Slowest request took ${slowest.toFixed(6)}s`,
      `Slowest request took too long: ${slowest.toFixed(6)}s`,
    ),
    say(
      deviation <= DEVIATION_SECONDS_MAX,
      `PASS: Stddev is ${deviation.toFixed(6)}s`,
      `Stddev too high: ${deviation.toFixed(6)}s`,
    ),
  ].every((isGood) => isGood);
}

function passed(context: CommandContext): number {
  printLine(context.stdout, "PASS");
  return ExitCode.success;
}

function notPassed(context: CommandContext): number {
  printLine(context.stdout, "FAIL");
  return ExitCode.error;
}
