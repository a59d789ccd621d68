import type { Facts, OrphanEntry } from "../facts/facts.ts";
import { quorumAfterRemoving, sameIdentity } from "../gates/index.ts";
import { successor } from "../order/successor.ts";
import { deletePod, isNodeGone } from "./pods.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "orphans";

/**
 * Entries of the member list at peer URLs of our making for which there is no EtcdMember any more: an operator died after it had added one,
 * or somebody took the object away by force. They leave. Entries that are not of our making are somebody else's: they are only told of.
 */
export function orphanEntries(facts: Facts): Verdict | undefined {
  for (const orphan of facts.orphans) {
    if (orphan.formerMember === undefined) continue;
    const verdict = removeOrphan(facts, orphan);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function removeOrphan(facts: Facts, orphan: OrphanEntry): Verdict | undefined {
  const { entry, formerMember } = orphan;
  const name = formerMember ?? entry.id;
  const said = {
    progress: "RemovingMember",
    message: `${name} is listed and has no EtcdMember: it is removed`,
    member: name,
  } as const;
  const identity = sameIdentity(facts);
  if (identity !== undefined) return undefined;
  const refusal = entry.isLearner ? undefined : quorumAfterRemoving(facts, name);
  if (refusal !== undefined) {
    return wait(RULE, {
      ...said,
      message: `${name} has no EtcdMember and cannot leave yet: ${refusal.message}`,
      holdsBack: facts.voterCount > 1 ? "voluntary" : "nothing",
      refusal,
    });
  }
  if (entry.id === facts.leaderId) return handOver(facts, orphan);
  return act(RULE, { kind: "RemoveFromCluster", member: undefined, memberId: entry.id }, said);
}

function handOver(facts: Facts, orphan: OrphanEntry): Verdict | undefined {
  const { entry, formerMember } = orphan;
  const next = successor(facts, formerMember);
  if (next === undefined) return undefined;
  const step = {
    kind: "MoveLeader",
    from: formerMember ?? entry.name,
    fromId: entry.id,
    to: next.name,
    toId: next.entry?.id ?? "",
  } as const;
  return act(RULE, step, {
    progress: "TransferringLeader",
    message: `leadership goes to ${next.name}`,
    member: next.name,
  });
}

/** Pods and claims of the cluster that belong to no EtcdMember, while nobody is listed who could need them. */
export function orphanObjects(facts: Facts): Verdict | undefined {
  const listed = new Set(facts.orphans.map((orphan) => orphan.formerMember));
  for (const pod of facts.orphanPods) {
    if (listed.has(pod.member)) continue;
    const said = {
      progress: "RepairingMember",
      message: `Pod ${pod.name} belongs to no member and is deleted`,
      member: pod.member,
    } as const;
    const node = facts.world.nodes.find((candidate) => candidate.name === pod.node);
    if (!pod.isTerminating) return act(RULE, deletePod(pod, "Delete", "it belongs to no member"), said);
    if (isNodeGone(facts, { pod, node })) return act(RULE, deletePod(pod, "Force", "its node is gone"), said);
  }
  const podMembers = new Set(facts.orphanPods.map((pod) => pod.member));
  for (const claim of facts.orphanClaims) {
    if (
      claim.isTerminating ||
      (claim.member !== undefined && (listed.has(claim.member) || podMembers.has(claim.member)))
    )
      continue;
    const step = { kind: "RetireClaim", claim: claim.name, uid: claim.uid, reason: "it belongs to no member" } as const;
    return act(RULE, step, {
      progress: "RepairingMember",
      message: `${claim.name} belongs to no member and is set aside`,
    });
  }
  return undefined;
}
