import type { Facts } from "../facts/facts.ts";
import { act, type Verdict, wait } from "./verdict.ts";

/**
 * The cluster's object is being deleted. etcd is never asked on the way out, and no member leaves it: claims that are to be kept are taken
 * out of the cluster, the members' objects lose their finalizers, and the garbage collector takes what is owned.
 */
export function deletion(facts: Facts): Verdict | undefined {
  if (facts.cluster.metadata.deletionTimestamp === undefined) return undefined;
  const said = { progress: "Deleting", message: "the cluster is being deleted" } as const;
  if (facts.spec.storage.whenDeleted === "Retain") {
    const claim = facts.world.claims.find((candidate) => !candidate.isRetired && !candidate.isTerminating);
    if (claim !== undefined) {
      const reason = "the cluster was deleted and its volumes are retained";
      return act("deletion", { kind: "RetireClaim", claim: claim.name, uid: claim.uid, reason }, said);
    }
  }
  const [member] = facts.members;
  if (member !== undefined) return act("deletion", { kind: "ForgetMember", member: member.name }, said);
  const pod = facts.world.pods.find((candidate) => !candidate.isTerminating);
  if (pod !== undefined) {
    const reason = "the cluster was deleted";
    return act("deletion", { kind: "DeletePod", pod: pod.name, uid: pod.uid, how: "Delete", reason }, said);
  }
  // The rest is the garbage collector's: no finalizer of ours is on clusters.
  return wait("deletion", { ...said, holdsBack: "everything" });
}
