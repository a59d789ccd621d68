import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { clusterArgument, newMetadata, refuseMore, wantsJson } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import { API_VERSION, BACKUPS, type Backup, CLUSTERS, type Cluster, SCHEDULES, type Schedule } from "./objects.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** `backup`: makes an EtcdBackup, and waits for it if asked. */
export const runBackup: RunCommand = async (context) => {
  const [cluster] = clusterArgument(context, "backup");
  refuseMore(context, 1);
  const json = wantsJson(context);
  const kubectl = new Kubectl(context);
  await kubectl.get<Cluster>(CLUSTERS, cluster);
  const level = context.flags.string("level");
  const spec = {
    ...(await template(context, kubectl, cluster)),
    ...(level === "" ? {} : { verification: { level } }),
    clusterRef: { name: cluster },
  };
  const metadata = newMetadata(context, cluster, Date.now());
  const made = await kubectl.create<Backup>({ apiVersion: API_VERSION, kind: "EtcdBackup", metadata, spec });
  const { name } = made.metadata;
  if (!context.flags.bool("wait")) {
    if (json) context.stdout.write(`${JSON.stringify(made, undefined, 2)}\n`);
    else printLine(context.stdout, `etcdbackup ${name} has been made`);
    return ExitCode.success;
  }
  const ended = await waitForEnd(
    context,
    () => kubectl.get<Backup>(BACKUPS, name),
    context.flags.milliseconds("timeout"),
  );
  if (json) context.stdout.write(`${JSON.stringify(ended, undefined, 2)}\n`);
  else if (ended.status?.phase === "Completed") printLine(context.stdout, endText(ended));
  return ended.status?.phase === "Completed" ? ExitCode.success : ExitCode.error;
};

function endText({ metadata, status }: Backup): string {
  const verified = status?.conditions?.find(({ type }) => type === "Verified")?.status === "True" ? ", verified" : "";
  const where = status?.location === undefined ? "" : ` at ${status.location}`;
  return `etcdbackup ${metadata.name}: revision ${status?.revision ?? "?"}, ${status?.size ?? "?"}${verified}${where}`;
}

/** What the backup is like: as the flags say, or as a schedule's template. */
async function template(context: CommandContext, kubectl: Kubectl, cluster: string): Promise<object> {
  const { flags } = context;
  const [bucket, claim, schedule] = [flags.string("bucket"), flags.string("claim"), flags.string("schedule")];
  if ([bucket, claim, schedule].filter((text) => text !== "").length > 1) {
    throw badArguments("--bucket, --claim and --schedule exclude each other");
  }
  if (bucket !== "") return { destination: { s3: bucketOf(context, bucket) } };
  for (const name of ["prefix", "endpoint", "credentials"]) {
    if (flags.string(name) !== "") throw badArguments(`--${name} is about --bucket`);
  }
  if (claim !== "") return { destination: { pvc: { claimName: claim } } };
  const name = schedule === "" ? cluster : schedule;
  const found = await kubectl.find<Schedule>(SCHEDULES, name);
  if (found !== undefined) return found.spec.template;
  const text = `there is no EtcdBackupSchedule ${name} to take the destination from: give --schedule, --bucket or --claim`;
  throw new CommandError(ExitCode.badArguments, text);
}

function bucketOf({ flags }: CommandContext, bucket: string): object {
  const [prefix, endpoint, credentials] = [
    flags.string("prefix"),
    flags.string("endpoint"),
    flags.string("credentials"),
  ];
  return {
    bucket,
    ...(prefix === "" ? {} : { prefix }),
    ...(endpoint === "" ? {} : { endpoint }),
    ...(credentials === "" ? {} : { credentialsSecretName: credentials }),
  };
}
