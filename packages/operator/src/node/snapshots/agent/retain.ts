import {
  type AgentResult,
  artifactOfManifest,
  clusterFolder,
  DAY_MS,
  DELETIONS_MAX,
  type DeleteTask,
  isArtifactKey,
  type Manifest,
  manifestKey,
  parseRfc3339,
  planRetention,
  type RetainTask,
  timeZone,
} from "../../../core/index.ts";
import type { AgentContext } from "./agent-context.ts";
import { AgentError, isAgentError } from "./agent-error.ts";
import type { StoredObject } from "./artifact-store.ts";
import { readManifest } from "./fetch-artifact.ts";

/** What was never finished is swept once it is this old: nothing works that long. */
const UNFINISHED_MS = DAY_MS;
const MANIFESTS_AT_ONCE = 4;

interface Found {
  readonly manifest: Manifest;
  readonly timeMs: number;
  readonly isWhole: boolean;
}

/**
 * Deletes what the policy does not keep of one schedule's artifacts, as the store's manifests tell them. Only artifacts with a readable
 * manifest of this cluster are deleted, the manifest first. Anything that cannot be listed or read fails the whole before anything is
 * deleted.
 */
export async function retain(task: RetainTask, context: AgentContext): Promise<AgentResult> {
  const { store, log } = context;
  const nowMs = context.nowMs();
  const zone = timeZone(task.timeZone);
  if (zone === undefined) throw new AgentError("AgentFailed", `${task.timeZone} is no time zone here`);
  const folder = clusterFolder({
    namespace: task.cluster.namespace,
    cluster: task.cluster.name,
    clusterUid: task.cluster.uid,
  });
  const objects = await store.list(folder);
  const found = await artifactsOf(task, objects, context);
  const distrusted = new Set(task.distrusted);
  const held = new Set(task.held);
  const plan = planRetention(
    found.map(({ manifest, timeMs, isWhole }) => ({
      name: manifest.backup.name,
      timeMs,
      isVerified: isWhole && manifest.verification.level !== "Digest" && !distrusted.has(manifest.backup.name),
      isHeld: held.has(manifest.backup.name),
      sizeBytes: manifest.storedSizeBytes,
    })),
    task.policy,
    { zone, nowMs },
  );
  const chosen = plan.deleted.slice(0, DELETIONS_MAX);
  const deleted: string[] = [];
  let locked = 0;
  for (const name of chosen) {
    const manifest = found.find((one) => one.manifest.backup.name === name)?.manifest;
    if (manifest === undefined) continue;
    if (!task.dryRun && !(await isDeleted(manifest.key, context))) {
      locked += 1;
      continue;
    }
    log(`${task.dryRun ? "would delete" : "deleted"} ${manifest.key}`);
    deleted.push(name);
  }
  const swept = task.dryRun ? 0 : await sweep(folder, objects, context);
  const gone = new Set(task.dryRun ? [] : deleted);
  const rest = found.filter(({ manifest }) => !gone.has(manifest.backup.name));
  const there = new Set(found.map(({ manifest }) => manifest.backup.name));
  const missing = task.known.filter((name) => !there.has(name)).slice(0, DELETIONS_MAX);
  return {
    ok: true,
    kind: "retain",
    deleted,
    missing,
    more: plan.deleted.length > chosen.length,
    kept: plan.counts,
    artifacts: rest.length,
    totalSizeBytes: rest.reduce((sum, { manifest }) => sum + manifest.storedSizeBytes, 0),
    swept,
    locked,
    ...(plan.blocked === "Stale" ? { blocked: "no backup has succeeded lately: what there is stays" } : {}),
  };
}

/** Deletes one artifact, its manifest first. What has none, or is not there, is no failure; what belongs to another cluster stays. */
export async function deleteArtifact(task: DeleteTask, context: AgentContext): Promise<AgentResult> {
  if (!isArtifactKey(task.key)) throw new AgentError("NotFound", `${task.key} is not the key of an artifact`);
  const manifest = await readManifest(context.store, task.key).catch((error: unknown) => {
    if (isAgentError(error) && error.reason === "NotFound") return undefined;
    throw error;
  });
  if (manifest !== undefined && manifest.cluster.uid !== task.clusterUid) {
    throw new AgentError("DestinationForbidden", `${task.key} belongs to another cluster (${manifest.cluster.uid})`);
  }
  await context.store.delete(manifestKey(task.key));
  await context.store.delete(task.key);
  context.log(`deleted ${task.key}`);
  return { ok: true, kind: "delete" };
}

/** The schedule's artifacts with their manifests; of others, and of what cannot be understood, nothing is ever deleted. */
async function artifactsOf(
  task: RetainTask,
  objects: readonly StoredObject[],
  { store, log }: AgentContext,
): Promise<readonly Found[]> {
  const sizes = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  const keys = objects.map(({ key }) => artifactOfManifest(key)).filter((key) => key !== undefined);
  const found: Found[] = [];
  for (let i = 0; i < keys.length; i += MANIFESTS_AT_ONCE) {
    const manifests = await Promise.all(
      keys.slice(i, i + MANIFESTS_AT_ONCE).map((key) =>
        readManifest(store, key).catch((error: unknown) => {
          if (!isAgentError(error) || error.reason !== "Damaged") throw error;
          log(`left alone: ${error.message}`);
          return undefined;
        }),
      ),
    );
    for (const manifest of manifests) {
      if (manifest?.cluster.uid !== task.cluster.uid || manifest.schedule?.name !== task.schedule) continue;
      const timeMs = parseRfc3339(manifest.schedule.scheduledAt);
      const size = sizes.get(manifest.key);
      // One whose data somebody deleted must neither keep a period nor be what everything else is deleted for.
      if (timeMs === undefined || size === undefined) continue;
      found.push({ manifest, timeMs, isWhole: size === manifest.storedSizeBytes });
    }
  }
  return found;
}

/** False if the store holds it by a lock. */
async function isDeleted(key: string, { store, log }: AgentContext): Promise<boolean> {
  try {
    await store.delete(manifestKey(key));
    await store.delete(key);
    return true;
  } catch (error) {
    if (!isAgentError(error) || error.reason !== "DestinationForbidden") throw error;
    log(`not deleted: ${error.message}`);
    return false;
  }
}

async function sweep(
  folder: string,
  objects: readonly StoredObject[],
  { store, nowMs, log }: AgentContext,
): Promise<number> {
  const beforeMs = nowMs() - UNFINISHED_MS;
  const finished = new Set(objects.map(({ key }) => artifactOfManifest(key)));
  let swept = await store.abandonWrites(folder, beforeMs);
  for (const { key, modifiedMs } of objects) {
    if (!isArtifactKey(key) || finished.has(key) || !(modifiedMs < beforeMs)) continue;
    await store.delete(key);
    log(`swept ${key}: it was never finished`);
    swept += 1;
  }
  return swept;
}
