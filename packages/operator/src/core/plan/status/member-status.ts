import { type Condition, type EtcdMemberStatus, formatBytes } from "../../api/index.ts";
import { clientUrlOf, peerUrlOf } from "../addresses.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { DEFRAG_DRAINING, candidates as defragCandidates } from "../rules/defrag.ts";
import { isInSync } from "../rules/joining.ts";
import { DRAINING } from "../rules/leaving.ts";
import type { Verdict } from "../rules/verdict.ts";
import { timestamp } from "../timestamps.ts";
import { setCondition } from "./set-condition.ts";

/** Statuses of all members, by name. */
export function memberStatuses(facts: Facts, verdict: Verdict): ReadonlyMap<string, EtcdMemberStatus> {
  const draining = verdict.progress === "Defragmenting" ? defragCandidates(facts)[0]?.name : undefined;
  return new Map(facts.members.map((member) => [member.name, memberStatus(facts, member, member.name === draining)]));
}

function memberStatus(facts: Facts, member: MemberFacts, isDraining: boolean): EtcdMemberStatus {
  const before = member.object.status ?? {};
  const now = timestamp(facts.nowMs);
  const step = stepOf(member, isDraining);
  const { status, pod } = member;
  return {
    ...before,
    observedGeneration: member.object.metadata.generation,
    memberID: member.entry?.id ?? before.memberID,
    peerURL: peerUrlOf(facts.cluster, member.name),
    clientURL: clientUrlOf(facts.cluster, member.name),
    podName: pod?.name,
    podUID: pod?.uid ?? before.podUID,
    nodeName: pod?.node ?? before.nodeName,
    zone: member.node?.zone ?? before.zone,
    dataIncarnation: member.hasJoined ? member.object.metadata.uid : before.dataIncarnation,
    phase: phaseOf(facts, member),
    step,
    stepStartedAt: step === before.step ? (before.stepStartedAt ?? now) : now,
    role: roleOf(member),
    ready: pod?.ready ?? false,
    version: status?.version ?? before.version,
    dbSize: status === undefined ? before.dbSize : formatBytes(status.dbSize),
    joined: member.hasJoined || before.joined,
    raftTerm: status?.raftTerm ?? before.raftTerm,
    ...progressOf(member, now),
    revision: status === undefined ? before.revision : String(status.revision),
    lastSeen: status === undefined ? before.lastSeen : now,
    unhealthySince: member.isHealthy ? undefined : (before.unhealthySince ?? now),
    restarts: pod?.restarts ?? 0,
    message: messageOf(member),
    conditions: conditionsOf(facts, member),
  };
}

/** Its log, and when that last grew: by which a learner that is stuck is known. */
function progressOf(member: MemberFacts, now: string): Pick<EtcdMemberStatus, "raftIndex" | "progressedAt"> {
  const before = member.object.status ?? {};
  const index = member.status?.appliedIndex;
  if (member.isVoter || member.entry === undefined)
    return { raftIndex: member.status?.raftIndex ?? before.raftIndex, progressedAt: undefined };
  const hasGrown = index !== undefined && index > (before.raftIndex ?? 0);
  return { raftIndex: index ?? before.raftIndex, progressedAt: hasGrown ? now : (before.progressedAt ?? now) };
}

export function phaseOf(facts: Facts, member: MemberFacts): NonNullable<EtcdMemberStatus["phase"]> {
  if (member.isLeaving) {
    // Who has left stays so, though there may be no list to see it by.
    const isOut = member.entry === undefined && (facts.isQuorate || member.object.status?.phase === "Removed");
    return isOut ? "Removed" : "Leaving";
  }
  if (member.hasLostData) return "Lost";
  if (member.isVoter) return "Voter";
  if (member.isLearner) return member.entry?.name === "" ? "Joining" : "Learner";
  if (member.hasJoined) return member.object.status?.phase ?? "Voter";
  return member.claim === undefined && member.pod === undefined ? "Pending" : "Provisioning";
}

function stepOf(member: MemberFacts, isDraining: boolean): string {
  if (isDraining) return DEFRAG_DRAINING;
  if (member.isLeaving) {
    if (member.entry === undefined) return "CleaningUp";
    return member.isVoter && member.isHealthy && !member.isLeader ? DRAINING : "Leaving";
  }
  if (member.isVoter) return member.isHealthy ? "Serving" : "Recovering";
  if (member.entry === undefined) return "Provisioning";
  return member.entry.name === "" ? "Starting" : "CatchingUp";
}

function roleOf(member: MemberFacts): NonNullable<EtcdMemberStatus["role"]> {
  if (member.status === undefined) return "Unknown";
  if (member.isLearner) return "Learner";
  return member.isLeader ? "Leader" : "Follower";
}

export function messageOf(member: MemberFacts): string | undefined {
  if (member.isLeaving) return `leaves: ${member.object.spec.leavingReason ?? "it is not wanted any more"}`;
  if (member.hasLostData) return "its data is lost";
  if (member.isHealthy) return undefined;
  const { pod, answer } = member;
  if (pod === undefined) return "it has no Pod";
  if (pod.isTerminating) return "its Pod is ending";
  if (pod.waitingReason !== undefined)
    return `${pod.waitingReason}${pod.waitingMessage === undefined ? "" : `: ${pod.waitingMessage}`}`.slice(0, 1024);
  if (answer?.kind === "failed") return `it does not answer: ${answer.message}`.slice(0, 1024);
  return answer === undefined ? "it was not asked" : "it knows no leader";
}

function conditionsOf(facts: Facts, member: MemberFacts): readonly Condition[] {
  const before = member.object.status?.conditions ?? [];
  const set = (type: string, isSo: boolean | undefined, reasons: readonly [string, string, string]): Condition =>
    setCondition(before, facts.nowMs, member.object.metadata.generation, {
      type,
      status: isSo === undefined ? "Unknown" : isSo ? "True" : "False",
      reason: isSo === undefined ? reasons[2] : isSo ? reasons[0] : reasons[1],
      message: messageOf(member) ?? "there is nothing to be done",
    });
  const isListed = member.entry !== undefined;
  return [
    set("PodReady", member.pod?.ready ?? false, ["Ready", "NotReady", "Unknown"]),
    set("DataValid", member.hasLostData ? false : member.status === undefined ? undefined : true, [
      "Valid",
      "Lost",
      "NotSeen",
    ]),
    set("InSync", isListed ? isInSync(member) : undefined, ["InSync", "Behind", "NotListed"]),
  ];
}
