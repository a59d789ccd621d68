import { isUnderWay } from "./restore-phase.ts";
import type { World } from "./seen.ts";

/** Which cluster this is, and whether everything agrees about it. */
export interface Identity {
  /** Undefined: no cluster was ever born here. */
  readonly clusterId: string | undefined;
  /** ID that members have to answer with; undefined: whichever, since the ID of a restored cluster is not known before it answers. */
  readonly expected: string | undefined;
  /** False while one of the places that should hold the latch does not. */
  readonly isRecordedEverywhere: boolean;
  /** IDs that latches or members show besides `clusterId`. */
  readonly others: readonly string[];
}

/**
 * The identity latch lies in three places, and any one of them suffices: a cluster existed, and none may be founded. Claims that were
 * taken out of the cluster do not count. While a restore in place changes the identity, its own record says which one is meant.
 */
export function identify(world: World): Identity {
  const latches = latchesOf(world);
  const wanted = restoredId(world) ?? latches[0];
  const answered = answeredIds(world);
  const former = formerId(world);
  const others = [...new Set([...latches, ...answered])].filter(
    (id) => wanted !== undefined && id !== wanted && id !== former,
  );
  const distinct = new Set(answered);
  return {
    clusterId: wanted,
    expected: isUnknownYet(world) ? undefined : wanted,
    isRecordedEverywhere: isRecordedEverywhere(world, wanted),
    others: wanted === undefined && distinct.size > 1 ? [...distinct].sort() : others.sort(),
  };
}

/** Latched IDs: the status first, since it was written last and by ourselves. */
function latchesOf(world: World): readonly string[] {
  const found: string[] = [];
  if (world.cluster.status?.clusterID) found.push(world.cluster.status.clusterID);
  for (const where of ["status", "secret"] as const) {
    for (const latch of world.latches) if (latch.where === where && latch.clusterId !== "") found.push(latch.clusterId);
  }
  const claims = world.claims.filter((claim) => !claim.isRetired && claim.clusterId !== undefined);
  for (const claim of [...claims].sort((a, b) => b.serial - a.serial)) found.push(claim.clusterId ?? "");
  return found.filter((id) => id !== "");
}

function restoredId(world: World): string | undefined {
  const restore = world.restore;
  if (restore === undefined || restore.spec.mode !== "InPlace" || !isUnderWay(restore)) return undefined;
  return restore.status?.newClusterID || undefined;
}

/** ID that a restore in place is replacing: while it does, finding it still recorded is no surprise. Afterwards it is. */
function formerId(world: World): string | undefined {
  if (restoredId(world) === undefined || world.restore?.status?.phase !== "Seeding") return undefined;
  return world.restore.status.oldClusterID;
}

function isUnknownYet(world: World): boolean {
  const { restore } = world;
  if (restore === undefined || !isUnderWay(restore) || restore.spec.source.survivor !== undefined) return false;
  return restore.status?.phase === "Seeding" && !restore.status.newClusterID;
}

/** IDs that members of ours answered with; before a restore has its new ID that of the new seed is no surprise. */
function answeredIds(world: World): readonly string[] {
  const seed = world.restore !== undefined && isUnderWay(world.restore) ? world.restore.status?.seed : undefined;
  const known = new Set(world.members.map((member) => member.metadata.name));
  const ids: string[] = [];
  for (const [name, answer] of world.etcd.answers) {
    if (answer.kind !== "status" || name === seed || !known.has(name)) continue;
    if (answer.status.clusterId !== "" && answer.status.clusterId !== "0") ids.push(answer.status.clusterId);
  }
  return ids;
}

function isRecordedEverywhere(world: World, clusterId: string | undefined): boolean {
  if (clusterId === undefined) return false;
  if (world.cluster.status?.clusterID !== clusterId) return false;
  if (!world.latches.some((latch) => latch.where === "secret" && latch.clusterId === clusterId)) return false;
  const joined = new Set(
    world.members.filter((member) => hasJoinedRecord(member)).map((member) => member.metadata.name),
  );
  return world.claims.every(
    (claim) =>
      claim.isRetired || claim.member === undefined || !joined.has(claim.member) || claim.clusterId === clusterId,
  );
}

function hasJoinedRecord(member: World["members"][number]): boolean {
  return member.status?.joined === true;
}
