import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { parseGoInt } from "../go/go-integer.ts";
import { grantReport, leasesReport, revokeReport, timeToLiveReport } from "../print/lease-reports.ts";
import { withConnection } from "./connection.ts";
import { commandFailure, failureText } from "./failure.ts";

/** `lease grant`. CLI page, A2.7. */
export const runGrant: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("lease grant command needs TTL argument");
  const ttl = parseGoInt(text, 10);
  if ("error" in ttl) throw badArguments(`bad TTL (${ttl.error})`);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const granted = connection.call(RPC.Lease.LeaseGrant, { ttl: Number(ttl.value), id: 0n });
    connection.print(grantReport(await orFailedTo("grant", granted)));
  });
};

/** `lease revoke`. */
export const runRevoke: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("lease revoke command needs 1 argument");
  const id = leaseId(text);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(revokeReport(id, await orFailedTo("revoke", connection.call(RPC.Lease.LeaseRevoke, { id }))));
  });
};

/** `lease timetolive`. */
export const runTimeToLive: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("lease timetolive command needs lease ID as argument");
  const [id, keys] = [leaseId(text), context.flags.bool("keys")];
  return await withConnection(
    context,
    async (connection) => {
      const { RPC } = await import("@quorate/client");
      const response = await connection.callWithoutEnd(RPC.Lease.LeaseTimeToLive, { id, keys });
      connection.print(timeToLiveReport(response, keys));
    },
    { failureCode: ExitCode.badConnection },
  );
};

/** `lease list`. */
export const runLeases: RunCommand = async (context) =>
  await withConnection(
    context,
    async (connection) => {
      const { RPC } = await import("@quorate/client");
      connection.print(leasesReport(await connection.callWithoutEnd(RPC.Lease.LeaseLeases, {})));
    },
    { failureCode: ExitCode.badConnection },
  );

/** A lease as typed, in hexadecimal. */
export function leaseId(text: string): bigint {
  const id = parseGoInt(text, 16);
  if ("error" in id) throw badArguments(`bad lease ID arg (${id.error}), expecting ID in Hex`);
  return id.value;
}

async function orFailedTo<T>(verb: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { exitCode } = commandFailure(error);
    throw new CommandError(exitCode, `failed to ${verb} lease (${failureText(error)})`, { cause: error });
  }
}
