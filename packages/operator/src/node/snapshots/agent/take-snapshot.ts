import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { isEtcdError } from "@quorate/client";
import {
  type AgentResult,
  artifactKey,
  artifactOfManifest,
  clusterFolder,
  formatManifest,
  MANIFEST_FORMAT,
  type Manifest,
  manifestKey,
  rfc3339,
  type SnapshotTask,
} from "../../../core/index.ts";
import type { AgentContext } from "./agent-context.ts";
import { AgentError, isAgentError, messageOf } from "./agent-error.ts";
import { PlainTally, readManifest } from "./fetch-artifact.ts";
import { type Candidate, candidates, etcdFailure, type MemberAccess, requireQuorum } from "./members.ts";
import { readFacts } from "./open-check.ts";
import { checkStored, secondsSince } from "./verify.ts";

/** Everything of a manifest that is known before the artifact was checked in its store. */
type StoredFacts = Omit<Manifest, "verification" | "finishedAt" | "formatVersion">;
/** What is known before it was stored. */
type TakenFacts = Omit<StoredFacts, "storedSizeBytes" | "storedSha256">;

/** A compromise between the speed of level 1 and the size of level 6. */
const GZIP_LEVEL = 3;

/**
 * Takes a snapshot of a healthy member and stores it. In this order, so that nothing counts before it is known to be good: the digest of
 * the stream, the pages of the file, the hash of the living member's keys, the upload, the bytes in the store, and the manifest last.
 */
export async function takeSnapshot(
  task: SnapshotTask,
  access: MemberAccess,
  context: AgentContext,
): Promise<AgentResult> {
  const before = await finishedBefore(task, context);
  if (before !== undefined) {
    context.log(`${before.key} is there already: a Job before this one finished it`);
    return { ok: true, kind: "snapshot", manifest: before };
  }
  const startedMs = context.nowMs();
  const path = join(context.scratch, "taken.db");
  const found = await candidates(task, access, context.log);
  try {
    const { taken, candidate } = await takeFromFirst(found, task, { startedMs, path }, context);
    const stored = await store(task, taken, path, context);
    try {
      const manifest = await check(task, stored, context);
      await writeManifest(manifest, context);
      const isFallback = task.source === "Follower" && candidate.isLeader && found.length > 0;
      const note = `taken from the leader: no follower could be taken`;
      return { ok: true, kind: "snapshot", manifest, ...(isFallback ? { note } : {}) };
    } catch (error) {
      // Without a manifest it does not count; what cannot be deleted now is swept a day later.
      await context.store.delete(stored.key).catch(() => {});
      throw error;
    }
  } finally {
    for (const { client } of found) await client.close();
    await rm(path, { force: true });
  }
}

/** The manifest that an earlier Pod of the same backup wrote and could not tell of. */
async function finishedBefore(task: SnapshotTask, { store, nowMs }: AgentContext): Promise<Manifest | undefined> {
  const folder = clusterFolder({
    namespace: task.cluster.namespace,
    cluster: task.cluster.name,
    clusterUid: task.cluster.uid,
  });
  const since = nowMs() - 2 * task.timeoutSeconds * 1000;
  for (const { key, modifiedMs } of await store.list(folder)) {
    const artifact = artifactOfManifest(key);
    if (artifact === undefined || modifiedMs < since) continue;
    const manifest = await readManifest(store, artifact).catch(() => undefined);
    if (manifest?.backup.uid === task.backup.uid) return manifest;
  }
  return undefined;
}

async function takeFromFirst(
  found: readonly Candidate[],
  task: SnapshotTask,
  place: { readonly startedMs: number; readonly path: string },
  context: AgentContext,
): Promise<{ readonly taken: TakenFacts; readonly candidate: Candidate }> {
  let failure: AgentError | undefined;
  for (const candidate of found) {
    try {
      return { taken: await take(candidate, task, place, context), candidate };
    } catch (error) {
      if (!isAgentError(error) || error.reason === "ScratchFailed" || error.reason === "Timeout") throw error;
      context.log(error.message);
      // What was wrong with the best one says most.
      failure ??= error;
    }
  }
  throw failure ?? new AgentError("NoHealthyMember", "no member could be taken a snapshot of");
}

async function take(
  candidate: Candidate,
  task: SnapshotTask,
  { startedMs, path }: { readonly startedMs: number; readonly path: string },
  context: AgentContext,
): Promise<TakenFacts> {
  const { member, client } = candidate;
  await requireQuorum(candidate);
  context.log(`taking a snapshot of ${member.name}`);
  const { sizeBytes, sha256, storageVersion } = await receive(candidate, path, context);
  const facts = await readFacts(path, context);
  const hashed = await client.maintenance
    .hashKv(Number(facts.revision), { signal: context.signal })
    .catch((error: unknown) => {
      if (isEtcdError(error, "compacted")) return undefined;
      throw etcdFailure(error, `${member.name} did not hash its keys`, "NoHealthyMember");
    });
  const authEnabled = await client.auth.status({ signal: context.signal }).then(
    ({ enabled }) => enabled,
    () => undefined,
  );
  const alarms = await client.maintenance.alarms({ signal: context.signal }).then(
    (answer) => answer.alarms.map(({ memberId, alarm }) => `${ALARMS[alarm] ?? alarm} ${memberId.toString(16)}`),
    () => [],
  );
  const identity = {
    namespace: task.cluster.namespace,
    cluster: task.cluster.name,
    clusterUid: task.cluster.uid,
    startedMs,
    revision: facts.revision,
    sha256,
  };
  return {
    backup: task.backup,
    ...(task.schedule === undefined ? {} : { schedule: task.schedule }),
    cluster: {
      ...task.cluster,
      id: candidate.clusterId,
      ...(authEnabled === undefined ? {} : { authEnabled }),
      alarms: alarms.slice(0, 8),
    },
    member: {
      name: member.name,
      id: candidate.id,
      role: candidate.isLeader ? "Leader" : "Follower",
      version: candidate.version,
    },
    storageVersion,
    ...facts,
    ...(hashed === undefined ? {} : { hashKV: String(hashed.hash), compactRevision: String(hashed.compactRevision) }),
    raftTerm: candidate.raftTerm,
    raftIndex: candidate.appliedIndex,
    key: artifactKey(identity, task.compression),
    compression: task.compression,
    sizeBytes,
    sha256,
    startedAt: rfc3339(startedMs),
    tool: context.tool,
  };
}

/** etcd's numbers of alarms. */
const ALARMS: Readonly<Record<number, string>> = { 1: "NOSPACE", 2: "CORRUPT" };

/** Writes the member's stream to the scratch disk and checks the digest at its end. */
async function receive(
  { client, member }: Candidate,
  path: string,
  { signal }: AgentContext,
): Promise<{ readonly sizeBytes: number; readonly sha256: string; readonly storageVersion: string }> {
  const tally = new PlainTally();
  let file: FileHandle | undefined;
  try {
    file = await open(path, "w", 0o600);
    const snapshot = await client.maintenance.snapshot({ signal });
    for await (const piece of snapshot) {
      tally.update(piece);
      await file.writeFile(piece);
    }
    await file.close();
    const { sha256, problem } = tally.finish();
    if (problem !== undefined) throw new AgentError("DigestMismatch", `the snapshot of ${member.name} ${problem}`);
    return { sizeBytes: tally.sizeBytes, sha256, storageVersion: snapshot.version };
  } catch (error) {
    await file?.close().catch(() => {});
    if (isAgentError(error)) throw error;
    if (signal.aborted) throw new AgentError("Timeout", "the time for the work is over", { cause: error });
    if (isEtcdError(error)) throw etcdFailure(error, `the snapshot of ${member.name} broke off`, "NoHealthyMember");
    throw new AgentError("ScratchFailed", `the scratch disk: ${messageOf(error)}`, { cause: error });
  }
}

async function store(
  { compression }: SnapshotTask,
  taken: TakenFacts,
  path: string,
  context: AgentContext,
): Promise<StoredFacts & { readonly isConfirmed: boolean }> {
  context.log(`storing ${taken.key} in ${context.store.name}`);
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const source = compression === "Gzip" ? compressed(file) : (file as AsyncIterable<Uint8Array>);
  const { sizeBytes, sha256, isConfirmed } = await context.store.put(taken.key, source, taken.sizeBytes);
  return { ...taken, storedSizeBytes: sizeBytes, storedSha256: sha256, isConfirmed };
}

async function* compressed(file: ReturnType<typeof createReadStream>): AsyncIterable<Uint8Array> {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: 256 * 1024 });
  file.on("error", (error) => gzip.destroy(error));
  try {
    yield* file.pipe(gzip) as AsyncIterable<Uint8Array>;
  } finally {
    file.destroy();
    gzip.destroy();
  }
}

async function check(
  { level }: SnapshotTask,
  { isConfirmed, ...facts }: StoredFacts & { readonly isConfirmed: boolean },
  context: AgentContext,
): Promise<Manifest> {
  const startedMs = context.nowMs();
  // The scratch disk has room for one copy.
  await rm(join(context.scratch, "taken.db"), { force: true });
  const found = level === "Digest" && isConfirmed ? undefined : await checkStored(facts, level, context);
  const finishedAt = rfc3339(context.nowMs());
  return {
    formatVersion: MANIFEST_FORMAT,
    ...facts,
    finishedAt,
    verification: {
      level,
      time: finishedAt,
      durationSeconds: secondsSince(startedMs, context),
      ...(found === undefined ? {} : { restoredRevision: found.restoredRevision }),
    },
  };
}

async function writeManifest(manifest: Manifest, { store, signal }: AgentContext): Promise<void> {
  if (signal.aborted) throw new AgentError("Timeout", "the time for the work is over");
  const bytes = Buffer.from(formatManifest(manifest));
  await store.put(manifestKey(manifest.key), oneOf(bytes), bytes.length);
}

async function* oneOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
