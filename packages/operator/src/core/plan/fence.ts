import { type Facts, targetVoters } from "./facts/facts.ts";
import { isUnderWay } from "./facts/restore-phase.ts";
import { quorumOf } from "./quorum.ts";

/**
 * Whether clients are kept out. A new cluster lets them in once it has its size, or three voters, so that no early write lies on one disk
 * alone; a restored one once it has the majority of its size. A cluster that was open once stays open, however few members it has.
 */
export function isFenced(facts: Facts): boolean {
  const { restore } = facts.world;
  if (restore !== undefined && isUnderWay(restore)) {
    if (restore.status?.phase === "Fencing" || restore.status?.phase === "Seeding") return true;
    return facts.voterCount < quorumOf(targetVoters(facts));
  }
  if (facts.identity.clusterId === undefined) return true;
  if (facts.previous.clusterID === undefined || wasOpen(facts)) return false;
  return facts.voterCount < Math.min(3, targetVoters(facts));
}

function wasOpen(facts: Facts): boolean {
  const available = facts.previous.conditions?.find((condition) => condition.type === "Available");
  return available !== undefined && available.reason !== "NotBootstrapped";
}
