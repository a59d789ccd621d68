import type { EtcdClient } from "@quorate/client";
import type { RunCommand } from "../frame/command.ts";
import { CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { clusterArgument, wantsJson } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import { credentialsOf, withMember } from "./member-connection.ts";
import { CLUSTERS, type Cluster, type ClusterMember } from "./objects.ts";
import { bytesText } from "./status-text.ts";

interface Defragmented {
  readonly member: string;
  /** Bytes. */
  readonly before?: number;
  /** Bytes. */
  readonly after?: number;
  readonly seconds: number;
  readonly error?: string;
}

/** `defrag`: one member after the other, the leader last; it stops at the first that fails, so that no second one is harmed. */
export const runDefrag: RunCommand = async (context) => {
  const [name, ...wanted] = clusterArgument(context, "defrag");
  const json = wantsJson(context);
  const kubectl = new Kubectl(context);
  const cluster = await kubectl.get<Cluster>(CLUSTERS, name);
  const credentials = await credentialsOf(kubectl, cluster);
  const timeoutMs = context.flags.milliseconds("member-timeout");
  const done: Defragmented[] = [];
  for (const member of inOrder(name, cluster.status?.members ?? [], wanted)) {
    const startedMs = performance.now();
    const seconds = (): number => Math.round((performance.now() - startedMs) / 100) / 10;
    try {
      const sizes = await withMember(kubectl, member, credentials, (client) => defragment(client, timeoutMs));
      done.push({ member, ...sizes, seconds: seconds() });
      if (!json)
        printLine(
          context.stdout,
          `${member}: ${bytesText(sizes.before)} -> ${bytesText(sizes.after)} in ${seconds()} s`,
        );
    } catch (error) {
      done.push({ member, seconds: seconds(), error: messageOf(error) });
      printLine(context.stderr, `${member}: ${messageOf(error)}`);
      break;
    }
  }
  if (json) context.stdout.write(`${JSON.stringify(done)}\n`);
  return done.every(({ error }) => error === undefined) ? ExitCode.success : ExitCode.error;
};

/** Voters and learners but the leader, then the leader. */
function inOrder(cluster: string, members: readonly ClusterMember[], wanted: readonly string[]): readonly string[] {
  const names = members.map(({ name }) => name);
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CommandError(ExitCode.error, `${cluster} has no member ${unknown}; it has ${names.join(", ")}`);
  }
  if (members.length === 0) throw new CommandError(ExitCode.error, `${cluster} has no members`);
  const chosen = members.filter(({ name, role }) => (wanted.length === 0 ? role !== "Learner" : wanted.includes(name)));
  return [...chosen.filter(({ role }) => role !== "Leader"), ...chosen.filter(({ role }) => role === "Leader")].map(
    ({ name }) => name,
  );
}

async function defragment(client: EtcdClient, timeoutMs: number): Promise<{ before: number; after: number }> {
  const { RPC } = await import("@quorate/client");
  const before = await client.unary(RPC.Maintenance.Status, {});
  await client.unary(RPC.Maintenance.Defragment, {}, { deadlineMs: Math.max(1, timeoutMs) });
  const after = await client.unary(RPC.Maintenance.Status, {});
  return { before: Number(before.dbSize), after: Number(after.dbSize) };
}
