import type { EtcdClient } from "@quorate/client";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { commandFailure } from "../online/failure.ts";
import { clusterArgument, refuseMore, wantsJson } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import { credentialsOf, withMember } from "./member-connection.ts";
import { CLUSTERS, type Cluster } from "./objects.ts";

type Outcome = "leader already" | "leader now" | "voter now";

/** `promote`: a voter becomes the leader, a learner a voter. */
export const runPromote: RunCommand = async (context) => {
  const [name, member] = clusterArgument(context, "promote");
  if (member === undefined) throw badArguments("promote needs the name of a member");
  refuseMore(context, 2);
  const json = wantsJson(context);
  const kubectl = new Kubectl(context);
  const cluster = await kubectl.get<Cluster>(CLUSTERS, name);
  const leader = cluster.status?.leader?.member;
  if (leader === undefined) throw new CommandError(ExitCode.error, `${name} has no leader that could do it`);
  const credentials = await credentialsOf(kubectl, cluster);
  const outcome = await withMember(kubectl, leader, credentials, (client) => promote(client, member)).catch(
    (error: unknown) => {
      throw error instanceof CommandError ? error : commandFailure(error);
    },
  );
  if (json) context.stdout.write(`${JSON.stringify({ cluster: name, member, outcome })}\n`);
  else printLine(context.stdout, `${member} is the ${outcome}`.replace("the voter", "a voter"));
  return ExitCode.success;
};

/** `client` asks the leader: only it can hand over. */
async function promote(client: EtcdClient, member: string): Promise<Outcome> {
  const { RPC } = await import("@quorate/client");
  const { members } = await client.unary(RPC.Cluster.MemberList, { linearizable: true });
  const found = members.find(({ name }) => name === member);
  if (found === undefined) {
    const names = members
      .map(({ name }) => name)
      .sort()
      .join(", ");
    throw new CommandError(ExitCode.error, `etcd knows no member ${member}; it knows ${names}`);
  }
  if (found.isLearner) {
    await client.unary(RPC.Cluster.MemberPromote, { id: found.id });
    return "voter now";
  }
  const { leader } = await client.unary(RPC.Maintenance.Status, {});
  if (leader === found.id) return "leader already";
  await client.unary(RPC.Maintenance.MoveLeader, { targetId: found.id });
  return "leader now";
}
