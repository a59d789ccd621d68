import type { EtcdRestore } from "../../api/index.ts";
import { memberName } from "../addresses.ts";
import { type Facts, isEnded, nextSerial } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { cleanUp } from "./clean-up.ts";
import { markJoined } from "./joining.ts";
import { canHavePod, deletePod, startExisting, startNew } from "./pods.ts";
import { stopPods } from "./recovery-fencing.ts";
import { advance, type RecoveryOutcome, stay } from "./recovery-status.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "recovery-snapshot";
const PROGRESS = "Restoring";

/**
 * The old members' volumes are set aside and kept, a new seed starts from the snapshot, and its cluster ID takes the place of the old one: only
 * now is the old cluster given up, and until then its volumes could be started again.
 */
export function seedFromSnapshot(facts: Facts, restore: EtcdRestore): RecoveryOutcome {
  const epoch = restore.status?.recoveryEpoch ?? 0;
  const keep = (verdict: Verdict): RecoveryOutcome => ({ status: stay(restore), verdict });
  const seed = facts.members.find((member) => isSeed(member, epoch));
  const old = facts.members.filter((member) => member.object.spec.recoveryEpoch < epoch);
  const retired = retireOld(facts, old, seed);
  if (retired !== undefined) return keep(retired);
  if (seed === undefined) return createSeed(facts, restore, epoch);
  if (seed.status === undefined || !isSpeaking(facts, seed)) return keep(growSeed(facts, seed));
  const clusterId = seed.status.clusterId;
  if (restore.status?.newClusterID !== clusterId) return identified(facts, restore, seed, clusterId);
  // As at a birth: from the mark on an emptied disk is not restored a second time, so that the record stays true.
  if (!seed.hasJoined) return keep(markJoined(seed));
  if (!facts.identity.isRecordedEverywhere) {
    const step = { kind: "RecordIdentity", clusterId, replaces: recordedBefore(facts, restore, clusterId) } as const;
    return keep(
      act(RULE, step, {
        progress: PROGRESS,
        message: `the cluster has ID ${clusterId} from now on`,
        member: seed.name,
        requeueAfterMs: 100,
      }),
    );
  }
  return {
    status: advance(
      restore,
      facts.nowMs,
      { phase: "Growing", step: "Growing", message: "members are added until the cluster has its size" },
      { name: "Seeded", result: `${seed.name} serves` },
    ),
    verdict: wait(RULE, {
      progress: PROGRESS,
      message: `${seed.name} serves`,
      holdsBack: "everything",
      requeueAfterMs: 50,
    }),
  };
}

function isSeed(member: MemberFacts, epoch: number): boolean {
  return member.object.spec.recoveryEpoch === epoch && member.object.spec.join === "Restore" && !member.isLeaving;
}

/** Volumes first, then objects: what a crash leaves behind is found by the same rule. */
function retireOld(facts: Facts, old: readonly MemberFacts[], seed: MemberFacts | undefined): Verdict | undefined {
  const said = { progress: PROGRESS, message: "the old members are set aside; their volumes are kept" } as const;
  if (seed === undefined) {
    const stopping = stopPods(facts);
    if (stopping !== undefined) return stopping;
  }
  for (const member of old) {
    const { claim } = member;
    if (claim !== undefined && !claim.isTerminating) {
      const step = {
        kind: "RetireClaim",
        claim: claim.name,
        uid: claim.uid,
        reason: "the cluster was restored in place",
      } as const;
      return act(RULE, step, { ...said, member: member.name, requeueAfterMs: 50 });
    }
    return act(
      RULE,
      { kind: "ForgetMember", member: member.name },
      { ...said, member: member.name, requeueAfterMs: 50 },
    );
  }
  return undefined;
}

function createSeed(facts: Facts, restore: EtcdRestore, epoch: number): RecoveryOutcome {
  const serial = nextSerial(facts);
  const name = memberName(facts.cluster.metadata.name, serial);
  const step = { kind: "CreateMember", name, serial, join: "Restore", recoveryEpoch: epoch } as const;
  return {
    status: advance(restore, facts.nowMs, { seed: name, step: "Seeding", message: `${name} starts from the snapshot` }),
    verdict: act(RULE, step, { progress: PROGRESS, message: `${name} starts from the snapshot`, member: name }),
  };
}

function growSeed(facts: Facts, seed: MemberFacts): Verdict {
  const said = { progress: PROGRESS, member: seed.name } as const;
  // What it was restored to went before it was of use: the next one is restored anew.
  if (seed.isDoomed || seed.hasLostData)
    return (
      cleanUp(facts, seed, true) ??
      wait(RULE, { ...said, message: `${seed.name} begins anew`, holdsBack: "everything" })
    );
  if (seed.claim === undefined && facts.spec.storage.medium === "Disk")
    return act(RULE, { kind: "CreateClaim", member: seed.name }, { ...said, message: `volume for ${seed.name}` });
  if (seed.pod !== undefined && !seed.pod.isTerminating && isEnded(seed.pod)) {
    return act(RULE, deletePod(seed.pod, "Delete", "the restore did not succeed"), {
      ...said,
      message: `${seed.name} is started again: ${seed.pod.waitingMessage ?? "the restore did not succeed"}`,
    });
  }
  if (canHavePod(facts, seed))
    return act(
      RULE,
      {
        kind: "CreatePod",
        member: seed.name,
        start: seed.hasJoined ? startExisting(facts, seed) : startNew(facts, seed),
      },
      { ...said, message: `${seed.name} is started` },
    );
  return wait(RULE, {
    ...said,
    message: `waiting for ${seed.name} to answer with the restored data`,
    holdsBack: "everything",
  });
}

/** The identity that is still recorded: of the cluster before, or of a seed that came to nothing. */
function recordedBefore(facts: Facts, restore: EtcdRestore, clusterId: string): string | undefined {
  const other = facts.world.latches.find((latch) => latch.clusterId !== clusterId);
  return other?.clusterId ?? (restore.status?.oldClusterID || undefined);
}

/** The seed answers with a list through its quorum of one. */
function isSpeaking(facts: Facts, seed: MemberFacts): boolean {
  const { list, isReadable } = facts.world.etcd;
  return isReadable && list !== undefined && list.clusterId === seed.status?.clusterId && list.members.length === 1;
}

function identified(facts: Facts, restore: EtcdRestore, seed: MemberFacts, clusterId: string): RecoveryOutcome {
  const revision = String(seed.status?.revision ?? 0);
  const changes = {
    newClusterID: clusterId,
    bumpedTo: revision,
    restoredRevision: restore.status?.artifact?.revision ?? revision,
    step: "Identifying",
  };
  return {
    status: advance(restore, facts.nowMs, changes, {
      name: "Restored",
      result: `${seed.name} came up at revision ${revision}`,
    }),
    verdict: wait(RULE, {
      progress: PROGRESS,
      message: `${seed.name} came up at revision ${revision}`,
      member: seed.name,
      holdsBack: "everything",
      requeueAfterMs: 50,
    }),
  };
}
