import type { EtcdClusterStatus } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { timestamp } from "../timestamps.ts";

type Survivor = NonNullable<EtcdClusterStatus["survivors"]>[number];

/** What each voter still has, for people who have to choose: by name of the member. */
export function survivorTable(facts: Facts): readonly Survivor[] {
  return facts.members
    .filter((member) => member.isVoter || (member.hasJoined && !member.isLearner))
    .map((member) => rowOf(facts, member));
}

function rowOf(facts: Facts, member: MemberFacts): Survivor {
  const { status, object } = member;
  const remembered = object.status ?? {};
  return {
    member: member.name,
    pod: podState(member),
    node: member.pod?.node ?? remembered.nodeName,
    volume: volumeState(facts, member),
    dataValid: member.hasLostData ? "False" : status === undefined ? "Unknown" : "True",
    raftTerm: status?.raftTerm ?? remembered.raftTerm,
    raftIndex: status?.raftIndex ?? remembered.raftIndex,
    revision: status === undefined ? remembered.revision : String(status.revision),
    lastSeen: status === undefined ? remembered.lastSeen : timestamp(facts.nowMs),
  };
}

function podState(member: MemberFacts): string {
  const { pod } = member;
  if (pod === undefined) return "Missing";
  return pod.isTerminating ? "Terminating" : (pod.waitingReason ?? pod.phase);
}

function volumeState(facts: Facts, member: MemberFacts): "Present" | "Missing" | "Memory" {
  if (facts.spec.storage.medium === "Memory") return "Memory";
  return member.claim === undefined || member.claim.phase === "Lost" ? "Missing" : "Present";
}
