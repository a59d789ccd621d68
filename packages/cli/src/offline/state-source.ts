import {
  BboltReader,
  type BboltRecord,
  EngineView,
  etcdDatabasePath,
  hasMarker,
  NODE_FILE_SYSTEM,
} from "@quorate/storage";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { withoutSlash } from "./directory-flag.ts";
import { untilUnlocked } from "./file-lock.ts";

/** The state of a stopped member, of etcd or Quorate, by buckets. */
export interface StateSource {
  /** The file or directory it is read from. */
  readonly path: string;
  /** Names as latin1, in order. */
  readonly bucketNames: readonly string[];
  /** The records of a bucket in lists, in the order of their keys or backward; undefined if there is no such bucket. */
  records(
    bucket: string,
    backward: boolean,
  ): AsyncIterable<readonly BboltRecord[]> | Iterable<readonly BboltRecord[]> | undefined;
  close(): Promise<void>;
}

/** Where the database of etcd is that a path means: that of a data directory, or the file itself. */
export function databasePath(path: string): string {
  return path.endsWith("db") ? path : etcdDatabasePath(path);
}

/**
 * Opens what a path means: a database file of etcd, or a data directory of etcd or Quorate. Waits so long until nobody uses it.
 * Rejects with a CommandError or StorageError.
 */
export async function openState(given: string, timeoutMs: number): Promise<StateSource> {
  const path = withoutSlash(given);
  const directory = /^(.*)\/member\/db$/.exec(path)?.[1] ?? path;
  if (hasMarker(NODE_FILE_SYSTEM, directory)) return await openEngine(directory);
  const file = databasePath(path);
  if (NODE_FILE_SYSTEM.stat(file)?.kind !== "file") {
    throw new CommandError(ExitCode.error, `${JSON.stringify(file)} does not exist`);
  }
  await untilUnlocked(file, timeoutMs);
  const reader = BboltReader.open(NODE_FILE_SYSTEM, file);
  const buckets = new Map(reader.buckets().map((bucket) => [bucket.name, bucket]));
  return {
    path: file,
    bucketNames: [...buckets.keys()],
    records: (name, backward) => {
      const bucket = buckets.get(name);
      if (bucket === undefined) return undefined;
      return backward ? reader.recordsBackward(bucket) : reader.records(bucket);
    },
    close: async () => reader.close(),
  };
}

async function openEngine(directory: string): Promise<StateSource> {
  const view = await EngineView.open(NODE_FILE_SYSTEM, directory);
  return {
    path: `${directory}/member/db`,
    bucketNames: view.bucketNames,
    records: (name, backward) => (view.bucketNames.includes(name) ? view.records(name, backward) : undefined),
    close: () => view.close(),
  };
}
