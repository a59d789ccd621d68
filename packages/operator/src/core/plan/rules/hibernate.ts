import type { Facts } from "../facts/facts.ts";
import { deletePod } from "./pods.ts";
import { act, STEADY_MS, type Verdict, wait } from "./verdict.ts";

/**
 * No member is wanted. Scaling down leaves one voter; then its Pod goes, and it stays a member, with its volume and its object: to wake is to
 * make its Pod again. The last member is never removed from etcd.
 */
export function hibernate(facts: Facts): Verdict | undefined {
  if (facts.spec.replicas !== 0 || facts.spec.storage.medium === "Memory") return undefined;
  const [member, second] = facts.members;
  if (member === undefined || second !== undefined || member.isDoomed) return undefined;
  if (!isAlone(facts)) return undefined;
  const { pod } = member;
  if (pod === undefined) {
    return wait("hibernate", {
      progress: "Complete",
      message: `hibernated: the data is on the volume of ${member.name}`,
      member: member.name,
      holdsBack: "everything",
      requeueAfterMs: STEADY_MS,
    });
  }
  const said = {
    progress: "Hibernating",
    message: `the last Pod is stopped; ${member.name} keeps the data`,
    member: member.name,
  } as const;
  if (pod.isTerminating) return wait("hibernate", { ...said, holdsBack: "everything" });
  return act("hibernate", deletePod(pod, "Delete", "the cluster hibernates"), said);
}

/** One voter, and nobody else listed, by the best list that there is. */
function isAlone(facts: Facts): boolean {
  const [entry, second] = facts.membership.entries;
  const [member] = facts.members;
  if (entry === undefined || second !== undefined || entry.isLearner) return false;
  return member?.entry?.id === entry.id && member.hasJoined && !member.isLeaving;
}
