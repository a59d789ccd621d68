import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AGENT_VARIABLES,
  type AgentResult,
  type AgentTask,
  parseResult,
  RESULT_BYTES_MAX,
  type SnapshotTask,
  type VerifyTask,
} from "../../../src/core/index.ts";
import { runAgent } from "../../../src/node/snapshots/agent/run-agent.ts";

const PACKAGES = fileURLToPath(new URL("../../../../", import.meta.url));

/** Our own programs, as the image has them on its path. */
export const PROGRAMS = {
  quoratectl: join(PACKAGES, "cli", "bin", "quoratectl.js"),
  server: join(PACKAGES, "server", "bin", "quorate.js"),
} as const;

export interface AgentRun {
  readonly exitCode: number;
  readonly result: AgentResult;
  readonly lines: readonly string[];
}

/** Runs the agent as its Job does, in a scratch directory below `directory`. */
export async function runTask(
  task: AgentTask,
  directory: string,
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<AgentRun> {
  const scratch = join(directory, "scratch");
  mkdirSync(scratch, { recursive: true });
  const terminationLog = join(directory, "termination-log");
  writeFileSync(terminationLog, "");
  const lines: string[] = [];
  const exitCode = await runAgent({
    env: {
      [AGENT_VARIABLES.task]: JSON.stringify(task),
      [AGENT_VARIABLES.scratch]: scratch,
      [AGENT_VARIABLES.terminationLog]: terminationLog,
      [AGENT_VARIABLES.quoratectl]: PROGRAMS.quoratectl,
      [AGENT_VARIABLES.server]: PROGRAMS.server,
      ...env,
    },
    log: (line) => lines.push(line),
    tool: "quorate-operator test",
    ...(signal === undefined ? {} : { signal }),
  });
  const text = readFileSync(terminationLog, "utf8");
  const result = parseResult(text);
  if (result === undefined) throw new Error(`no result: ${text}`);
  if (Buffer.byteLength(text) > RESULT_BYTES_MAX) throw new Error(`the result has ${Buffer.byteLength(text)} bytes`);
  if (existsSync(join(scratch, "work"))) throw new Error("something was left on the scratch disk");
  return { exitCode, result, lines };
}

export const CLUSTER = { namespace: "default", name: "demo", uid: "0a1b2c3d-1111-2222-3333-444455556666" } as const;

export function snapshotTask(
  fields: Partial<SnapshotTask> & Pick<SnapshotTask, "members" | "destination">,
): SnapshotTask {
  return {
    kind: "snapshot",
    backup: { name: "demo-now", uid: "b-1" },
    cluster: CLUSTER,
    source: "Follower",
    compression: "Gzip",
    level: "Restore",
    timeoutSeconds: 300,
    ...fields,
  };
}

export function verifyTask(fields: Partial<VerifyTask> & Pick<VerifyTask, "destination" | "key">): VerifyTask {
  return { kind: "verify", level: "Restore", timeoutSeconds: 300, ...fields };
}
