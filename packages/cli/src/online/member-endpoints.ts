import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import type { Connection } from "./connection.ts";
import { failureText } from "./failure.ts";

/** The endpoints that a command asks one by one: those given, or with --cluster those of all members. CLI page, A3.2. */
export async function endpointsToAsk(connection: Connection): Promise<readonly string[]> {
  if (!connection.context.flags.bool("cluster")) return connection.endpoints;
  const { RPC } = await import("@quorate/client");
  try {
    const { members } = await connection.call(RPC.Cluster.MemberList, { linearizable: true });
    return members.flatMap((member) => member.clientUrls);
  } catch (error) {
    const text = `failed to fetch endpoints from etcd cluster member list: ${failureText(error)}`;
    throw new CommandError(ExitCode.error, text, { cause: error });
  }
}
