import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { clusterArgument, newMetadata, refuseMore, wantsJson } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import {
  API_VERSION,
  BACKUPS,
  type Backup,
  CLUSTERS,
  type Cluster,
  type List,
  RESTORES,
  type Restore,
} from "./objects.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** `restore`: makes an EtcdRestore, and waits for it if asked. */
export const runRestore: RunCommand = async (context) => {
  const [cluster] = clusterArgument(context, "restore");
  refuseMore(context, 1);
  const json = wantsJson(context);
  const kubectl = new Kubectl(context);
  const spec = await restoreSpec(context, kubectl, cluster);
  const metadata = newMetadata(context, cluster, Date.now());
  const made = await kubectl.create<Restore>({ apiVersion: API_VERSION, kind: "EtcdRestore", metadata, spec });
  const { name } = made.metadata;
  if (!context.flags.bool("wait")) {
    if (json) context.stdout.write(`${JSON.stringify(made, undefined, 2)}\n`);
    else printLine(context.stdout, `etcdrestore ${name} has been made`);
    return ExitCode.success;
  }
  const ended = await waitForEnd(
    context,
    () => kubectl.get<Restore>(RESTORES, name),
    context.flags.milliseconds("timeout"),
  );
  if (json) context.stdout.write(`${JSON.stringify(ended, undefined, 2)}\n`);
  else if (ended.status?.phase === "Completed") printLine(context.stdout, endText(ended));
  return ended.status?.phase === "Completed" ? ExitCode.success : ExitCode.error;
};

function endText({ metadata, status }: Restore): string {
  const bumped = status?.bumpedTo === undefined ? "" : `, raised to ${status.bumpedTo}`;
  const id = status?.newClusterID === undefined ? "" : `; the cluster's ID is ${status.newClusterID} now`;
  return `etcdrestore ${metadata.name}: revision ${status?.restoredRevision ?? "?"}${bumped}${id}`;
}

async function restoreSpec(context: CommandContext, kubectl: Kubectl, cluster: string): Promise<object> {
  const { flags } = context;
  const [backup, survivor, to, confirm] = ["backup", "survivor", "to", "confirm"].map((name) => flags.string(name));
  if ((backup === "") === (survivor === "")) throw badArguments("give one of --backup and --survivor");
  const dryRun = flags.bool("dry-run") ? { dryRun: true } : {};
  if (to !== "") {
    if (survivor !== "") throw badArguments("--survivor is about the cluster itself, not about a new one");
    if (confirm !== "") throw badArguments("--confirm is about the cluster itself, not about a new one");
    const source = { backupName: await backupName(kubectl, cluster, backup ?? "") };
    return { source, target: { clusterName: to }, mode: "NewCluster", ...dryRun };
  }
  const present = await kubectl.get<Cluster>(CLUSTERS, cluster);
  if (confirm !== present.status?.clusterID) {
    const why =
      confirm === "" ? "a restore in place replaces the cluster's data" : `${confirm} is not the cluster's ID`;
    throw badArguments(`${why}: give --confirm with its present ID, as \`kubectl quorate status ${cluster}\` shows it`);
  }
  const source = survivor === "" ? { backupName: await backupName(kubectl, cluster, backup ?? "") } : { survivor };
  return { source, target: { clusterName: cluster }, mode: "InPlace", confirm, ...dryRun };
}

/** The name as given, or that of the newest verified backup of the cluster for `latest`. */
async function backupName(kubectl: Kubectl, cluster: string, given: string): Promise<string> {
  if (given !== "latest") return given;
  const { items } = await kubectl.get<List<Backup>>(BACKUPS);
  const verified = items.filter(
    ({ spec, status }) =>
      spec.clusterRef.name === cluster &&
      status?.phase === "Completed" &&
      status.conditions?.some((condition) => condition.type === "Verified" && condition.status === "True") === true,
  );
  const [newest] = verified.toSorted((a, b) => timeOf(b) - timeOf(a));
  if (newest === undefined) throw new CommandError(ExitCode.error, `${cluster} has no verified backup`);
  return newest.metadata.name;
}

function timeOf({ status }: Backup): number {
  return Date.parse(status?.completedAt ?? "") || 0;
}
