import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { AgentResult, Manifest, VerificationLevel, VerifyTask } from "../../../core/index.ts";
import type { AgentContext } from "./agent-context.ts";
import { AgentError } from "./agent-error.ts";
import { type DrillResult, drill } from "./drill.ts";
import { fetchPlain, readManifest } from "./fetch-artifact.ts";
import { checkOpen } from "./open-check.ts";

/** Fetches a stored artifact and checks it at the level that the task asks for; `Restore` is the drill. */
export async function verify(task: VerifyTask, context: AgentContext): Promise<AgentResult> {
  const startedMs = context.nowMs();
  const manifest = await readManifest(context.store, task.key);
  if (task.sha256 !== undefined && task.sha256 !== manifest.sha256) {
    throw new AgentError("DigestMismatch", `${task.key} has digest ${manifest.sha256}, not ${task.sha256}`);
  }
  const found = await checkStored(manifest, task.level, context);
  const authEnabled = found?.authEnabled ?? manifest.cluster.authEnabled;
  return {
    ok: true,
    kind: "verify",
    level: task.level,
    durationSeconds: secondsSince(startedMs, context),
    revision: manifest.revision,
    sha256: manifest.sha256,
    sizeBytes: manifest.sizeBytes,
    compression: manifest.compression,
    ...(found === undefined ? {} : { restoredRevision: found.restoredRevision }),
    ...(authEnabled === undefined ? {} : { authEnabled }),
    ...(found?.note === undefined ? {} : { note: found.note }),
  };
}

/**
 * Checks the bytes that the store holds: they are fetched from there at every level. Resolves to what the drill found at level `Restore`.
 * Leaves nothing on the scratch disk.
 */
export async function checkStored(
  facts: Omit<Manifest, "verification" | "finishedAt" | "formatVersion">,
  level: VerificationLevel,
  context: AgentContext,
): Promise<DrillResult | undefined> {
  const path = join(context.scratch, "stored.db");
  try {
    context.log(`fetching ${facts.key} from ${context.store.name}`);
    await fetchPlain(context.store, facts, path, context.signal);
    if (level === "Digest") return undefined;
    context.log("opening it");
    await checkOpen(path, facts, context);
    if (level === "Open") return undefined;
    context.log("restoring it and starting a server on it");
    return await drill(path, facts, context);
  } finally {
    await rm(path, { force: true });
  }
}

/** Whole seconds, at least 1: what took no time at all was not done. */
export function secondsSince(startedMs: number, { nowMs }: AgentContext): number {
  return Math.max(1, Math.round((nowMs() - startedMs) / 1000));
}
