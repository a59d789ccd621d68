import type { EtcdRestore } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { survivorTable } from "../status/survivors.ts";
import { deletePod } from "./pods.ts";
import { advance, fail, type RecoveryOutcome } from "./recovery-status.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "recovery-fencing";

/**
 * Everything stops before anything begins: as long as one Pod of the old members might still run there could be two clusters. Before the first
 * Pod goes the record says whose data is to be kept, so that no later pass chooses otherwise.
 */
export function fenceAndChoose(facts: Facts, restore: EtcdRestore): RecoveryOutcome {
  const record = restore.status ?? {};
  if (record.recoveryEpoch === undefined) return choose(facts, restore);
  const stopping = stopPods(facts);
  const message = "waiting until every Pod of the old members is gone";
  if (stopping !== undefined)
    return { status: advance(restore, facts.nowMs, { step: "StoppingPods", message }), verdict: stopping };
  return {
    status: advance(
      restore,
      facts.nowMs,
      { phase: "Seeding", step: "Seeding", message: "every Pod is gone" },
      { name: "Fenced", result: "every Pod is gone" },
    ),
    verdict: wait(RULE, {
      progress: progress(restore),
      message: "every Pod is gone",
      holdsBack: "everything",
      requeueAfterMs: 50,
    }),
  };
}

function choose(facts: Facts, restore: EtcdRestore): RecoveryOutcome {
  const refused = whyNot(facts, restore);
  if (refused !== undefined) return failed(facts, restore, refused);
  const recoveryEpoch =
    Math.max(facts.previous.recoveryEpoch ?? 0, ...facts.members.map((member) => member.object.spec.recoveryEpoch)) + 1;
  const common = { recoveryEpoch, oldClusterID: facts.identity.clusterId ?? "", survivors: survivorTable(facts) };
  const wanted = restore.spec.source.survivor;
  if (wanted === undefined) return chosen(facts, restore, common, "the snapshot takes the place of the data");
  const survivor = bestSurvivor(facts, wanted);
  if (survivor === undefined)
    return failed(facts, restore, `no member's data can be used${wanted === "auto" ? "" : `: ${wanted} has none`}`);
  return chosen(
    facts,
    restore,
    { ...common, survivor: survivor.name, seed: survivor.name },
    `the data of ${survivor.name} is kept`,
  );
}

function chosen(facts: Facts, restore: EtcdRestore, changes: object, result: string): RecoveryOutcome {
  return {
    status: advance(
      restore,
      facts.nowMs,
      { ...changes, step: "Choosing", message: result },
      { name: "Chosen", result },
    ),
    verdict: wait(RULE, { progress: progress(restore), message: result, holdsBack: "everything", requeueAfterMs: 50 }),
  };
}

function failed(facts: Facts, restore: EtcdRestore, why: string): RecoveryOutcome {
  return {
    status: fail(restore, facts.nowMs, why),
    verdict: wait(RULE, {
      progress: "WaitingForUser",
      message: `restore ${restore.metadata.name} is refused: ${why}`,
      holdsBack: "everything",
    }),
  };
}

/** What speaks against it before anything is touched. */
function whyNot(facts: Facts, restore: EtcdRestore): string | undefined {
  const { clusterId, others } = facts.identity;
  if (restore.spec.confirm !== clusterId)
    return `the cluster's ID is ${clusterId ?? "not known"}, and ${restore.spec.confirm ?? "none"} was confirmed`;
  if (restore.spec.source.survivor === undefined) return undefined;
  if (others.length > 0) return `another cluster ID was seen: ${others[0]}`;
  return facts.isQuorate ? "the cluster has a quorum: there is nothing to recover from" : undefined;
}

/** The voter with most: highest term, then the longest log, then the highest revision, then the lowest serial number. */
export function bestSurvivor(facts: Facts, wanted: string): MemberFacts | undefined {
  const able = facts.members.filter(
    (member) =>
      member.hasJoined &&
      !member.isLearner &&
      !member.hasLostData &&
      // A volume that is being deleted goes as soon as its Pod is stopped.
      member.claim?.isTerminating !== true &&
      (wanted === "auto" || member.name === wanted),
  );
  const has = (member: MemberFacts): readonly number[] => {
    const { raftTerm = 0, raftIndex = 0, revision = "0" } = member.object.status ?? {};
    const { status } = member;
    return [
      status?.raftTerm ?? raftTerm,
      status?.raftIndex ?? raftIndex,
      status?.revision ?? Number(revision),
      -member.serial,
    ];
  };
  return [...able].sort((a, b) => compare(has(b), has(a)))[0];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** One Pod a pass; then waits. A Pod of a node that was declared out of service will not end by itself. */
export function stopPods(facts: Facts): Verdict | undefined {
  const said = { progress: "RecoveringQuorum", message: "the Pods of the old members are stopped" } as const;
  for (const pod of facts.world.pods) {
    if (!pod.isTerminating) {
      return act(RULE, deletePod(pod, "Delete", "the cluster is restored"), {
        ...said,
        member: pod.member,
        requeueAfterMs: 50,
      });
    }
    const node = facts.world.nodes.find((candidate) => candidate.name === pod.node);
    if (node?.isOutOfService === true)
      return act(RULE, deletePod(pod, "Force", "its node is out of service"), { ...said, member: pod.member });
  }
  const [pod] = facts.world.pods;
  if (pod === undefined) return undefined;
  return wait(RULE, {
    ...said,
    message: `waiting until Pod ${pod.name} is gone${pod.node === undefined ? "" : ` from node ${pod.node}`}`,
    holdsBack: "everything",
  });
}

export function progress(restore: EtcdRestore): "RecoveringQuorum" | "Restoring" {
  return restore.spec.source.survivor === undefined ? "Restoring" : "RecoveringQuorum";
}
