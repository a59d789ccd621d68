import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { keepAliveReport } from "../print/lease-reports.ts";
import { leaseHex } from "../print/parts.ts";
import { type Connection, withConnection } from "./connection.ts";
import { isCallError } from "./failure.ts";
import { leaseId } from "./lease.ts";

/** The lease is no more. */
const ENDS: ReadonlySet<string> = new Set(["leaseNotFound", "leaseLost"]);

/** `lease keep-alive`. CLI page, A2.7. */
export const runKeepAlive: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("lease keep-alive command needs lease ID as argument");
  const id = leaseId(text);
  return await withConnection(
    context,
    async (connection) => {
      if (context.flags.bool("once")) await renewOnce(connection, id);
      else await keepAlive(connection, id);
    },
    { failureCode: ExitCode.badConnection },
  );
};

/** Renews it; answers the time to live in seconds. */
async function renewOnce(connection: Connection, id: bigint): Promise<number> {
  const renewal = await connection.client.lease.keepAliveOnce(id);
  connection.print(keepAliveReport(renewal));
  return renewal.ttl;
}

/** Renews it until it is no more, over lost connections and members that hang. */
async function keepAlive(connection: Connection, id: bigint): Promise<void> {
  try {
    // By itself first: what is wrong with the login or the server is told at once, not when the lease could not be renewed in time.
    const ttlSeconds = await renewOnce(connection, id);
    let isFirst = true;
    for await (const renewal of connection.client.lease.keepAlive(id, { ttlSeconds })) {
      // It comes at once, and that the lease was renewed has just been said.
      if (!isFirst) connection.print(keepAliveReport(renewal));
      isFirst = false;
    }
  } catch (error) {
    if (!isCallError(error) || !ENDS.has(error.code)) throw error;
  }
  const { context, style } = connection;
  if (style.format === "simple") printLine(context.stdout, `lease ${leaseHex(id)} expired or revoked.`);
}
