import { isVacant, NODE_FILE_SYSTEM, restoreSnapshot, snapshotDigest } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { Progress } from "../frame/progress.ts";
import { directoryFlag } from "./directory-flag.ts";
import { untilUnlocked } from "./file-lock.ts";
import { interruptible } from "./interruption.ts";
import { logInfo } from "./log-line.ts";
import { newMember } from "./new-member.ts";
import { digestProblem } from "./snapshot-digest.ts";
import { SYSTEM_CLOCK } from "./system-clock.ts";

/** `snapshot restore <file>` (CLI page, B3): the data directory of a member of a new cluster. */
export const runSnapshotRestore: RunCommand = async (context) => {
  const { args, flags, stderr } = context;
  const [path, ...more] = args;
  if (path === undefined || more.length > 0) throw badArguments("snapshot restore requires exactly one argument");
  const bumpRevision = bumpOf(context);
  const member = await newMember({
    name: flags.string("name"),
    initialCluster: flags.string("initial-cluster"),
    initialClusterToken: flags.string("initial-cluster-token"),
    initialAdvertisePeerUrls: flags.string("initial-advertise-peer-urls"),
  });
  const dataDirectory = directoryFlag(flags, "data-dir") ?? `${flags.string("name")}.etcd`;
  const walDirectory = directoryFlag(flags, "wal-dir");
  checkPlace(dataDirectory, walDirectory);
  const fields = { path, "wal-dir": walDirectory ?? `${dataDirectory}/member/wal`, "data-dir": dataDirectory };
  logInfo(stderr, "restoring snapshot", fields);
  await checkDigest(context, path);
  const progress = new Progress(stderr, () => "restoring");
  try {
    const { revision } = await interruptible(context, (signal) =>
      restoreSnapshot({
        fs: NODE_FILE_SYSTEM,
        clock: SYSTEM_CLOCK,
        dataDirectory,
        ...(walDirectory === undefined ? {} : { walDirectory }),
        snapshotPath: path,
        ...member,
        bumpRevision,
        signal,
        onProgress: (done, total) => progress.update(done, total),
      }),
    );
    progress.end();
    logInfo(stderr, "restored snapshot", { ...fields, revision });
  } finally {
    progress.end();
  }
  return ExitCode.success;
};

function bumpOf({ flags }: CommandContext): number {
  const amount = flags.bigint("bump-revision");
  if (amount > 0n !== flags.bool("mark-compacted")) {
    throw badArguments("--mark-compacted required if --revision-bump > 0");
  }
  // Half of what a revision may be: the snapshot's own is far below the rest.
  if (amount > BigInt(Number.MAX_SAFE_INTEGER) / 2n) throw badArguments("--bump-revision is too large");
  return Number(amount);
}

function checkPlace(dataDirectory: string, walDirectory: string | undefined): void {
  if (!isVacant(NODE_FILE_SYSTEM, dataDirectory)) {
    throw new CommandError(ExitCode.error, `data-dir ${JSON.stringify(dataDirectory)} not empty or could not be read`);
  }
  if (walDirectory !== undefined && NODE_FILE_SYSTEM.stat(walDirectory) !== undefined) {
    throw new CommandError(ExitCode.error, `wal-dir ${JSON.stringify(walDirectory)} exists`);
  }
}

async function checkDigest(context: CommandContext, path: string): Promise<void> {
  if (NODE_FILE_SYSTEM.stat(path) === undefined) {
    throw new CommandError(ExitCode.error, `open ${path}: no such file or directory`);
  }
  await untilUnlocked(path, context.flags.milliseconds("timeout"));
  if (context.flags.bool("skip-hash-check")) return;
  const progress = new Progress(context.stderr, () => "checking");
  const digest = await interruptible(context, (signal) =>
    snapshotDigest(NODE_FILE_SYSTEM, path, { signal, onProgress: (done, total) => progress.update(done, total) }),
  ).finally(() => progress.end());
  if (digest === undefined) {
    throw new CommandError(ExitCode.error, "snapshot missing hash but --skip-hash-check=false");
  }
  const problem = digestProblem(digest);
  if (problem !== undefined) throw new CommandError(ExitCode.error, problem);
}
