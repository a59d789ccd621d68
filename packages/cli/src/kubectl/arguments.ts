import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** True for `-o json`. */
export function wantsJson(context: CommandContext): boolean {
  const format = context.flags.string("output");
  if (format === "json" || format === "text") return format === "json";
  throw new CommandError(ExitCode.badFeature, `there is no output format ${JSON.stringify(format)}: text or json`);
}

/** The cluster and what follows it. */
export function clusterArgument(context: CommandContext, command: string): readonly [string, ...string[]] {
  const [cluster, ...rest] = context.args;
  if (cluster === undefined) throw badArguments(`${command} needs the name of a cluster`);
  return [cluster, ...rest];
}

export function refuseMore(context: CommandContext, most: number): void {
  const extra = context.args[most];
  if (extra !== undefined) throw badArguments(`${JSON.stringify(extra)} is one argument too many`);
}

/**
 * Name and labels of a new object about a cluster: `<cluster>-<UTC time>-` and what the API server appends, so that two of one second
 * are two objects, unless --name says otherwise.
 */
export function newMetadata(context: CommandContext, cluster: string, nowMs: number): object {
  const labels = { "etcd.quorate.dev/cluster": cluster };
  const name = context.flags.string("name");
  if (name !== "") return { name, labels };
  const time = new Date(nowMs).toISOString().replace(/[-:]/g, "").slice(0, 15).replace("T", "-");
  return { generateName: `${cluster}-${time}-`, labels };
}
