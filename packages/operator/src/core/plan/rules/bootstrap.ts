import { memberName } from "../addresses.ts";
import { type Facts, nextSerial } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { cleanUp } from "./clean-up.ts";
import { markJoined } from "./joining.ts";
import { canHavePod, deletePod, startExisting, startNew, whyRemake } from "./pods.ts";
import { adoptVolumes, foundVolumes } from "./retained-volumes.ts";
import { act, STEADY_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "bootstrap";

/**
 * No cluster was ever born here. One seed founds it, and only one: it is the first EtcdMember, and as long as there is any other trace of a
 * member none is made. Its identity is recorded before anything else joins.
 */
export function bootstrap(facts: Facts): Verdict | undefined {
  if (facts.identity.clusterId !== undefined) return orphaned(facts);
  const [seed, second] = facts.members;
  if (seed === undefined) return firstMember(facts);
  if (second !== undefined || seed.object.spec.join === "Existing" || seed.object.spec.join === "Recover") {
    return adoptVolumes(facts) ?? unknownOrigin(facts);
  }
  // Others are listed: whatever this is, it is no cluster that has only just begun.
  if (facts.membership.entries.length > 1) return unknownOrigin(facts);
  return growSeed(facts, seed);
}

/** A cluster existed, and none of its members' objects is left. */
function orphaned(facts: Facts): Verdict | undefined {
  if (facts.members.length > 0) return adoptVolumes(facts);
  // Volumes alone may be those of a cluster of this name that was deleted: it is for the user to say what they are worth.
  if (isKnownByVolumesAlone(facts)) return foundVolumes(facts);
  return (
    adoptVolumes(facts) ??
    wait(RULE, {
      progress: "WaitingForUser",
      message: `the members of cluster ${facts.identity.clusterId} are gone and no new one is founded in its place: restore it in place from a backup, or set spec.bootstrap.retainedVolumes to Adopt if a majority of its volumes is left`,
      trouble: { reason: "VolumeLost", message: "a cluster existed here and none of its members is left" },
      holdsBack: "everything",
      requeueAfterMs: STEADY_MS,
    })
  );
}

function isKnownByVolumesAlone(facts: Facts): boolean {
  return facts.previous.clusterID === undefined && facts.world.latches.every((latch) => latch.where === "claim");
}

function firstMember(facts: Facts): Verdict | undefined {
  const found = foundVolumes(facts);
  if (found !== undefined) return found;
  if (facts.spec.replicas === 0) {
    return wait(RULE, {
      progress: "Complete",
      message: "no member is wanted",
      holdsBack: "everything",
      requeueAfterMs: STEADY_MS,
    });
  }
  const serial = nextSerial(facts);
  const name = memberName(facts.cluster.metadata.name, serial);
  const join = facts.spec.bootstrap.restoreFrom === undefined ? "New" : "Restore";
  const step = { kind: "CreateMember", name, serial, join, recoveryEpoch: facts.previous.recoveryEpoch ?? 0 } as const;
  return act(RULE, step, { progress: "BootstrappingSeed", message: `${name} founds the cluster`, member: name });
}

/**
 * From the intent to the identity: volume, Pod, answer. The mark that it must find its data from now on comes before the record of the
 * identity: an emptied volume must never found a second cluster once there is a record of the first.
 */
function growSeed(facts: Facts, seed: MemberFacts): Verdict {
  const said = { progress: "BootstrappingSeed", member: seed.name } as const;
  const recorded = recordIdentity(facts, seed);
  if (recorded !== undefined) return seed.hasJoined ? recorded : markJoined(seed);
  if (seed.isLeaving || seed.isDoomed) {
    return (
      cleanUp(facts, seed) ??
      wait(RULE, { ...said, message: `${seed.name} is removed before it was of use`, holdsBack: "everything" })
    );
  }
  const useless = whyUseless(facts, seed);
  if (useless !== undefined) {
    return act(
      RULE,
      { kind: "MarkLeaving", member: seed.name, reason: useless },
      { ...said, message: `${seed.name} begins anew: ${useless}` },
    );
  }
  if (seed.claim === undefined && facts.spec.storage.medium === "Disk") {
    return act(RULE, { kind: "CreateClaim", member: seed.name }, { ...said, message: `volume for ${seed.name}` });
  }
  const remake = whyRemake(facts, seed);
  if (remake !== undefined && seed.pod !== undefined) {
    return act(RULE, deletePod(seed.pod, "Delete", remake), {
      ...said,
      message: `${seed.name} is started again: ${remake}`,
    });
  }
  if (canHavePod(facts, seed)) {
    const step = {
      kind: "CreatePod",
      member: seed.name,
      start: seed.hasJoined ? startExisting(facts, seed) : startNew(facts, seed),
    } as const;
    return act(RULE, step, { ...said, message: `${seed.name} is started` });
  }
  return wait(RULE, {
    ...said,
    message: `waiting for ${seed.name} to answer`,
    holdsBack: "everything",
    requeueAfterMs: 500,
  });
}

/** What the seed lost before anybody could have written to it: it may begin anew, under another name. */
function whyUseless(facts: Facts, seed: MemberFacts): string | undefined {
  if (seed.hasJoined) return seed.hasLostData ? "its data is lost" : undefined;
  if (facts.spec.storage.medium === "Memory") return undefined;
  if (seed.claim?.phase === "Lost") return "its volume is lost";
  if (seed.claim?.isTerminating === true) return "its volume is being deleted";
  if (seed.pod?.exitCode === 78 || seed.pod?.exitCode === 79) return "its volume holds data that is not its own";
  return undefined;
}

/** The seed answers, alone, as the cluster that it founded. */
export function recordIdentity(facts: Facts, seed: MemberFacts): Verdict | undefined {
  const list = facts.world.etcd.list;
  const { status } = seed;
  if (status === undefined || list === undefined || !facts.world.etcd.isReadable) return undefined;
  if (list.clusterId === "" || list.clusterId !== status.clusterId || seed.entry === undefined) return undefined;
  if (seed.entry.id !== status.memberId) return undefined;
  const step = { kind: "RecordIdentity", clusterId: list.clusterId, replaces: undefined } as const;
  return act(RULE, step, {
    progress: "BootstrappingSeed",
    message: `the cluster has ID ${list.clusterId}`,
    member: seed.name,
    requeueAfterMs: 100,
  });
}

/** Members are there and the record of the cluster's identity is not: they may know it, and nothing else is certain. */
function unknownOrigin(facts: Facts): Verdict {
  for (const member of facts.members) {
    const recorded = recordIdentity(facts, member);
    if (recorded !== undefined) return recorded;
  }
  return wait(RULE, {
    progress: "WaitingForUser",
    message: "there are members and no record of the cluster that they belong to; none of them answers with a quorum",
    trouble: { reason: "ReconcileError", message: "the record of the cluster's identity is gone" },
    holdsBack: "everything",
    requeueAfterMs: STEADY_MS,
  });
}
