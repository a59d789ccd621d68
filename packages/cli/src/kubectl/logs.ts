import type { RunCommand } from "../frame/command.ts";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { clusterArgument, refuseMore } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import { CLUSTERS, type Cluster } from "./objects.ts";

/** `logs`: what `kubectl logs` shows of a member's server. */
export const runLogs: RunCommand = async (context) => {
  const [cluster, given] = clusterArgument(context, "logs");
  refuseMore(context, 2);
  const kubectl = new Kubectl(context);
  const { status } = await kubectl.get<Cluster>(CLUSTERS, cluster);
  const known = (status?.members ?? []).map(({ name }) => name);
  const member = given ?? status?.leader?.member;
  if (member === undefined) {
    const those = known.length === 0 ? "" : `: ${known.join(", ")}`;
    throw new CommandError(ExitCode.error, `${cluster} has no leader; name a member${those}`);
  }
  if (given !== undefined && known.length > 0 && !known.includes(given)) {
    throw new CommandError(ExitCode.error, `${cluster} has no member ${given}; it has ${known.join(", ")}`);
  }
  const { flags } = context;
  const since = flags.string("since");
  return await kubectl.run(
    [
      "logs",
      member,
      `--container=${flags.string("container")}`,
      `--tail=${flags.bigint("tail")}`,
      ...(flags.bool("follow") ? ["--follow"] : []),
      ...(flags.bool("previous") ? ["--previous"] : []),
      ...(since === "" ? [] : [`--since=${since}`]),
    ],
    context,
  );
};
