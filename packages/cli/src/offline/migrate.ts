import { existsSync, readdirSync } from "node:fs";
import { hexId } from "@quorate/protocol";
import { etcdDatabasePath, etcdWalPath, isVacant, migrateEtcdMember, NODE_FILE_SYSTEM } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { Progress } from "../frame/progress.ts";
import { directoryFlag } from "./directory-flag.ts";
import { untilUnlocked } from "./file-lock.ts";
import { interruptible } from "./interruption.ts";
import { logInfo } from "./log-line.ts";
import { SYSTEM_CLOCK } from "./system-clock.ts";

/**
 * `migrate --from <etcd's data directory> --data-dir <new one>`: the same member, in Quorate's format. etcdutl's command of that name
 * changes the storage version of a directory in place, which Quorate's has none of.
 */
export const runMigrate: RunCommand = async (context) => {
  const { flags, stderr } = context;
  refuseStorageVersion(context);
  const from = directoryFlag(flags, "from");
  const dataDirectory = directoryFlag(flags, "data-dir");
  if (from === undefined || dataDirectory === undefined) throw badArguments("migrate requires --from and --data-dir");
  const place = { dataDirectory: from, ...optional("walDirectory", directoryFlag(flags, "from-wal-dir")) };
  const walDirectory = optional("walDirectory", directoryFlag(flags, "wal-dir"));
  if (!isVacant(NODE_FILE_SYSTEM, dataDirectory)) {
    throw new CommandError(ExitCode.error, `data-dir ${JSON.stringify(dataDirectory)} not empty or could not be read`);
  }
  for (const file of filesInUse(place)) await untilUnlocked(file, flags.milliseconds("timeout"));
  const progress = new Progress(stderr, () => "migrating");
  try {
    const { entryCount, identity, index, revision } = await interruptible(context, (signal) =>
      migrateEtcdMember({
        source: { fs: NODE_FILE_SYSTEM, ...place },
        target: { fs: NODE_FILE_SYSTEM, dataDirectory, ...walDirectory },
        clock: SYSTEM_CLOCK,
        signal,
        onProgress: (done, total) => progress.update(done, total),
      }),
    );
    progress.end();
    logInfo(stderr, "migrated the member", {
      from,
      "data-dir": dataDirectory,
      "member-id": hexId(identity.memberId),
      "cluster-id": hexId(identity.clusterId),
      revision,
      index,
      "entries-behind": entryCount,
    });
  } finally {
    progress.end();
  }
  return ExitCode.success;
};

/** Says what to do instead to those who expect etcdutl's command. */
function refuseStorageVersion({ flags }: CommandContext): void {
  if (!flags.changed("target-version") && !flags.bool("force")) return;
  throw badArguments(
    "a data directory of Quorate has no storage version: it follows the cluster version, see `downgrade`; " +
      "for one of etcd use etcdutl migrate",
  );
}

/** The files of a member that a running etcd has locked. */
function filesInUse(place: { readonly dataDirectory: string; readonly walDirectory?: string }): string[] {
  const wal = etcdWalPath(place);
  const segments = existsSync(wal) ? readdirSync(wal).filter((name) => name.endsWith(".wal")) : [];
  return [etcdDatabasePath(place.dataDirectory), ...segments.map((name) => `${wal}/${name}`)].filter(existsSync);
}

function optional<K extends string>(name: K, value: string | undefined): { readonly [key in K]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: string };
}
