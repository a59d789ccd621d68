import type { EtcdRestore } from "../../api/index.ts";
import type { PodStart } from "../../world/index.ts";
import { peerUrlOf } from "../addresses.ts";
import { ALREADY_FORCED_EXIT, type Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { deletePod } from "./pods.ts";
import { advance, fail, hasDone, type RecoveryOutcome, type RestoreStatus, stay } from "./recovery-status.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "recovery-survivor";
const PROGRESS = "RecoveringQuorum";
/** Milliseconds after which a survivor that still counts on the others was not forced after all. */
const NOT_FORCED_MS = 30_000;

/**
 * The survivor is started once with the order to be a cluster of itself, then again without it. The order is given once per recovery: to give
 * it again after others have joined would throw them out. The mark on its volume holds even if this record is lost.
 */
export function seedFromSurvivor(facts: Facts, restore: EtcdRestore): RecoveryOutcome {
  const survivor = facts.members.find((member) => member.name === restore.status?.survivor);
  const epoch = restore.status?.recoveryEpoch ?? 0;
  if (survivor === undefined)
    return { status: fail(restore, facts.nowMs, "the survivor's EtcdMember is gone"), verdict: undefined };
  if (survivor.hasLostData && survivor.pod === undefined) {
    return { status: fail(restore, facts.nowMs, `the data of ${survivor.name} is gone`), verdict: undefined };
  }
  const keep = (verdict: Verdict): RecoveryOutcome => ({ status: stay(restore), verdict });
  const stray = facts.world.pods.find((pod) => pod.member !== survivor.name && !pod.isTerminating);
  if (stray !== undefined)
    return keep(
      act(RULE, deletePod(stray, "Delete", "the cluster is recovered"), {
        progress: PROGRESS,
        message: "a Pod of an old member is stopped",
        member: stray.member,
      }),
    );
  if (facts.world.pods.some((pod) => pod.member !== survivor.name)) {
    return keep(
      wait(RULE, {
        progress: PROGRESS,
        message: "waiting until the Pods of the old members are gone",
        holdsBack: "everything",
      }),
    );
  }
  if (survivor.object.spec.recoveryEpoch < epoch) {
    return keep(
      act(
        RULE,
        { kind: "SetMemberEpoch", member: survivor.name, recoveryEpoch: epoch },
        {
          progress: PROGRESS,
          message: `${survivor.name} begins recovery ${epoch}`,
          member: survivor.name,
          requeueAfterMs: 50,
        },
      ),
    );
  }
  return hasDone(restore, forcedName(epoch))
    ? startPlain(facts, restore, survivor)
    : startForced(facts, restore, survivor, epoch);
}

function forcedName(epoch: number): string {
  return `Forced${epoch}`;
}

function startForced(facts: Facts, restore: EtcdRestore, survivor: MemberFacts, epoch: number): RecoveryOutcome {
  const said = { progress: PROGRESS, member: survivor.name } as const;
  const { pod } = survivor;
  const keep = (verdict: Verdict): RecoveryOutcome => ({ status: stay(restore), verdict });
  if (pod === undefined) {
    const step = { kind: "CreatePod", member: survivor.name, start: startOf(facts, survivor, epoch) } as const;
    return keep(act(RULE, step, { ...said, message: `${survivor.name} is started as a cluster of one` }));
  }
  if (pod.isTerminating)
    return keep(
      wait(RULE, { ...said, message: `waiting until the Pod of ${survivor.name} is gone`, holdsBack: "everything" }),
    );
  if (pod.forceEpoch !== epoch)
    return keep(
      act(RULE, deletePod(pod, "Delete", "it was not made for this recovery"), {
        ...said,
        message: `the Pod of ${survivor.name} is made anew`,
      }),
    );
  if (isAlone(facts, survivor) || pod.exitCode === ALREADY_FORCED_EXIT) {
    const done = { name: forcedName(epoch), result: `${survivor.name} was started as a cluster of one` };
    return {
      status: advance(restore, facts.nowMs, { step: "Forced", message: done.result }, done),
      verdict: wait(RULE, { ...said, message: done.result, holdsBack: "everything", requeueAfterMs: 50 }),
    };
  }
  if (pod.phase === "Failed" || pod.phase === "Succeeded") {
    return keep(
      act(RULE, deletePod(pod, "Delete", "it ended before it answered"), {
        ...said,
        message: `the Pod of ${survivor.name} ended and is made anew`,
      }),
    );
  }
  return keep(
    wait(RULE, {
      ...said,
      message: `waiting for ${survivor.name} to answer as a cluster of one`,
      holdsBack: "everything",
    }),
  );
}

/** Now as any member, before anything else is done with it. */
function startPlain(facts: Facts, restore: EtcdRestore, survivor: MemberFacts): RecoveryOutcome {
  const said = { progress: PROGRESS, member: survivor.name } as const;
  const { pod } = survivor;
  const keep = (verdict: Verdict): RecoveryOutcome => ({ status: stay(restore), verdict });
  if (pod === undefined) {
    const step = { kind: "CreatePod", member: survivor.name, start: startOf(facts, survivor, undefined) } as const;
    return keep(act(RULE, step, { ...said, message: `${survivor.name} is started as usual` }));
  }
  if (pod.isTerminating)
    return keep(
      wait(RULE, { ...said, message: `waiting until the Pod of ${survivor.name} is gone`, holdsBack: "everything" }),
    );
  if (pod.forceEpoch !== undefined || pod.phase === "Failed" || pod.phase === "Succeeded") {
    return keep(
      act(RULE, deletePod(pod, "Delete", "the recovery's order is not to be given twice"), {
        ...said,
        message: `${survivor.name} is started again as usual`,
      }),
    );
  }
  if (isAlone(facts, survivor))
    return {
      status: grown(facts, restore, survivor),
      verdict: wait(RULE, {
        ...said,
        message: `${survivor.name} is a cluster of one`,
        holdsBack: "everything",
        requeueAfterMs: 50,
      }),
    };
  if (wasNotForced(facts, survivor)) {
    const epoch = (restore.status?.recoveryEpoch ?? 0) + 1;
    const result = `${survivor.name} still counts on the others: recovery ${epoch} begins`;
    return {
      status: advance(restore, facts.nowMs, { recoveryEpoch: epoch, message: result }, { name: "Again", result }),
      verdict: wait(RULE, { ...said, message: result, holdsBack: "everything" }),
    };
  }
  return keep(wait(RULE, { ...said, message: `waiting for ${survivor.name} to answer`, holdsBack: "everything" }));
}

function grown(facts: Facts, restore: EtcdRestore, survivor: MemberFacts): RestoreStatus {
  const revision = String(survivor.status?.revision ?? 0);
  const changes = {
    phase: "Growing",
    step: "Growing",
    message: "members are added until the cluster has its size",
    restoredRevision: revision,
    newClusterID: facts.identity.clusterId ?? "",
  } as const;
  return advance(restore, facts.nowMs, changes, {
    name: "Seeded",
    result: `${survivor.name} serves at revision ${revision}`,
  });
}

/** It answers with a quorum, and the list holds itself alone. */
function isAlone(facts: Facts, survivor: MemberFacts): boolean {
  const [entry, second] = facts.membership.entries;
  return facts.isQuorate && survivor.isHealthy && entry?.id === survivor.entry?.id && second === undefined;
}

/** The mark was written and the server died before it did as it was told. */
function wasNotForced(facts: Facts, survivor: MemberFacts): boolean {
  if (facts.membership.source !== "Local" || facts.membership.entries.length < 2) return false;
  const { pod } = survivor;
  return pod !== undefined && survivor.answer?.kind === "status" && facts.nowMs - pod.createdMs > NOT_FORCED_MS;
}

function startOf(facts: Facts, survivor: MemberFacts, forceEpoch: number | undefined): PodStart {
  const initialCluster = `${survivor.name}=${peerUrlOf(facts.cluster, survivor.name)}`;
  return { clusterState: "existing", initialCluster, forceEpoch, mustHaveData: true };
}
