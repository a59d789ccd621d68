import { rmSync } from "node:fs";
import { join } from "node:path";
import { lastLine, runProgram } from "../snapshots/agent/programs.ts";
import { fetchArtifact, openStore } from "../snapshots/index.ts";
import type { VolumeMarks } from "./incarnation.ts";
import type { PrepareTask, RestoreTask } from "./prepare-task.ts";

export interface RestoreDeps {
  /** For the store's credentials and directory. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `quoratectl`, with what comes before its arguments. */
  readonly quoratectl: readonly string[];
}

/**
 * Makes the data directory from a snapshot: fetched onto the volume and checked there, for it may be larger than memory. What an attempt
 * before has left is thrown away. Rejects if the artifact cannot be fetched or is damaged.
 */
export async function restoreData(
  { volume }: PrepareTask,
  restore: RestoreTask,
  marks: VolumeMarks,
  deps: RestoreDeps,
): Promise<void> {
  const artifact = join(volume, "artifact.db");
  rmSync(marks.dataDirectory, { recursive: true, force: true });
  const { source } = restore;
  const store = await openStore(source.destination, deps.env);
  const { key, sha256 } = source;
  await fetchArtifact({ store, key, path: artifact, ...(sha256 === undefined ? {} : { sha256 }) });
  try {
    const result = await runProgram(deps.quoratectl, restoreArguments(artifact, restore, marks.dataDirectory));
    if (result.exitCode !== 0) throw new Error(`the snapshot could not be restored: ${lastLine(result)}`);
  } finally {
    rmSync(artifact, { force: true });
  }
}

function restoreArguments(artifact: string, restore: RestoreTask, dataDirectory: string): readonly string[] {
  const { source, memberName, peerUrl, clusterToken } = restore;
  return [
    "snapshot",
    "restore",
    artifact,
    `--data-dir=${dataDirectory}`,
    `--name=${memberName}`,
    `--initial-cluster=${memberName}=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster-token=${clusterToken}`,
    ...(source.revisionBump > 0 ? [`--bump-revision=${source.revisionBump}`, "--mark-compacted"] : []),
  ];
}
