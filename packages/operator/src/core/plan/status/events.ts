import type { Condition, EtcdClusterStatus } from "../../api/index.ts";
import type { EventNote, Step } from "../../world/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { Verdict } from "../rules/verdict.ts";
import { phaseOf } from "./member-status.ts";

/** What changed between the last pass and this one, told once. */
export function events(facts: Facts, verdict: Verdict, next: EtcdClusterStatus): readonly EventNote[] {
  return [
    ...clusterEvents(facts, next),
    ...memberEvents(facts),
    ...leaderEvents(facts, next),
    ...conditionEvents(facts, next),
    ...gateEvents(facts, verdict),
    ...stepEvents(verdict),
  ];
}

const normal = (reason: string, message: string): EventNote => ({ type: "Normal", reason, message });
const warning = (reason: string, message: string): EventNote => ({ type: "Warning", reason, message });

function clusterEvents(facts: Facts, next: EtcdClusterStatus): readonly EventNote[] {
  const notes: EventNote[] = [];
  const before = facts.previous;
  if (next.clusterID !== undefined && wasUnborn(before) && !wasUnborn(next)) {
    notes.push(normal("Bootstrapped", `the cluster has ID ${next.clusterID}`));
  }
  const wasAsleep = isAsleep(before);
  if (isAsleep(next) && !wasAsleep) notes.push(normal("Hibernated", next.message ?? ""));
  if (wasAsleep && facts.spec.replicas > 0) notes.push(normal("Resumed", `${facts.spec.replicas} members are wanted`));
  if (
    next.maintenance?.lastDefragTime !== before.maintenance?.lastDefragTime &&
    next.maintenance?.lastDefragResult !== undefined
  ) {
    notes.push(normal("DefragDone", next.maintenance.lastDefragResult));
  }
  return notes;
}

/** The record of the ID is written by the step and not by the pass: the condition tells when it was first seen. */
function wasUnborn(status: EtcdClusterStatus): boolean {
  const consistent = status.conditions?.find((condition) => condition.type === "ClusterIDConsistent");
  return consistent === undefined ? status.clusterID === undefined : consistent.reason === "NotBootstrapped";
}

function isAsleep(status: EtcdClusterStatus): boolean {
  return (
    status.conditions?.some((condition) => condition.type === "Available" && condition.reason === "Hibernated") === true
  );
}

function memberEvents(facts: Facts): readonly EventNote[] {
  const notes: EventNote[] = [];
  const names = new Set(facts.members.map((member) => member.name));
  for (const member of facts.members) {
    const before = member.object.status;
    const phase = phaseOf(facts, member);
    if (phase !== before?.phase) {
      if (phase === "Joining" && before !== undefined)
        notes.push(normal("LearnerAdded", `${member.name} has joined as a learner`));
      if (phase === "Voter" && before?.phase === "Learner")
        notes.push(normal("MemberPromoted", `${member.name} votes now`));
      if (phase === "Removed") notes.push(normal("MemberRemoved", `${member.name} has left the cluster`));
      if (phase === "Lost") notes.push(warning("MemberUnhealthy", `${member.name} has lost its data`));
    }
    if (before?.podUID !== undefined && member.pod !== undefined && before.podUID !== member.pod.uid) {
      notes.push(normal("PodRecreated", `Pod ${member.pod.name} was made again`));
    }
    if (member.isVoter && !member.isHealthy && before?.phase === "Voter" && before.unhealthySince === undefined) {
      notes.push(warning("MemberUnhealthy", `${member.name} is not healthy`));
    }
  }
  for (const gone of facts.previous.members ?? []) {
    if (!names.has(gone.name) && gone.phase === "Removed" && gone.message?.includes("replaced") === true) {
      notes.push(normal("MemberReplaced", `${gone.name} is gone`));
    }
  }
  return notes;
}

function leaderEvents(facts: Facts, next: EtcdClusterStatus): readonly EventNote[] {
  const before = facts.previous.leader?.id;
  const now = next.leader?.id;
  if (before === undefined || now === undefined || before === now || facts.leaderId === undefined) return [];
  const isPlanned = next.leader?.lastUnplannedChange === facts.previous.leader?.lastUnplannedChange;
  return isPlanned ? [normal("LeaderTransferred", `${next.leader?.member ?? now} leads now`)] : [];
}

/** Transitions of conditions that are worth an event: type, status it comes to, reasons, event. */
const BY_CONDITION: readonly {
  readonly type: string;
  readonly status: Condition["status"];
  readonly reasons?: readonly string[];
  readonly event: "Normal" | "Warning";
  readonly reason: string;
}[] = [
  { type: "Progressing", status: "True", reasons: ["RollingUpdate"], event: "Normal", reason: "RollStarted" },
  { type: "QuorumHealthy", status: "True", reasons: ["AtRisk"], event: "Warning", reason: "QuorumAtRisk" },
  { type: "QuorumHealthy", status: "False", event: "Warning", reason: "QuorumLost" },
  {
    type: "ClusterIDConsistent",
    status: "False",
    reasons: ["SplitBrain"],
    event: "Warning",
    reason: "SplitBrainSuspected",
  },
  { type: "Degraded", status: "True", reasons: ["LearnerStuck"], event: "Warning", reason: "LearnerStuck" },
  { type: "Degraded", status: "True", reasons: ["SecretMissing"], event: "Warning", reason: "SecretMissing" },
  {
    type: "Degraded",
    status: "True",
    reasons: ["UpgradePathRejected"],
    event: "Warning",
    reason: "UpgradePathRejected",
  },
  {
    type: "StorageReady",
    status: "False",
    reasons: ["ExpansionUnsupported"],
    event: "Warning",
    reason: "VolumeExpansionUnsupported",
  },
  { type: "NoAlarms", status: "False", event: "Warning", reason: "AlarmRaised" },
  { type: "EvenSize", status: "True", event: "Warning", reason: "EvenSizeAllowed" },
];

function conditionEvents(facts: Facts, next: EtcdClusterStatus): readonly EventNote[] {
  const notes: EventNote[] = [];
  const find = (list: readonly Condition[] | undefined, type: string): Condition | undefined =>
    list?.find((condition) => condition.type === type);
  for (const { type, status, reasons, event, reason } of BY_CONDITION) {
    const matches = (condition: Condition | undefined): boolean =>
      condition?.status === status && (reasons === undefined || reasons.includes(condition.reason));
    const now = find(next.conditions, type);
    if (now !== undefined && matches(now) && !matches(find(facts.previous.conditions, type)))
      notes.push({ type: event, reason, message: now.message });
  }
  const was = find(facts.previous.conditions, "Progressing");
  const is = find(next.conditions, "Progressing");
  if (was?.reason === "RollingUpdate" && is?.reason === "Complete")
    notes.push(normal("RollFinished", "every member runs what the spec asks for"));
  if (was?.reason === "ClearingAlarm" && find(next.conditions, "NoAlarms")?.status === "True")
    notes.push(normal("AlarmDisarmed", "no alarm is raised any more"));
  const grew =
    find(facts.previous.conditions, "StorageReady")?.reason === "Expanding" &&
    find(next.conditions, "StorageReady")?.reason === "Ready";
  if (grew) notes.push(normal("VolumeExpanded", "every volume has the size that the spec asks for"));
  return notes;
}

/** A removal that the arithmetic forbids is told when it begins to wait. */
function gateEvents(facts: Facts, verdict: Verdict): readonly EventNote[] {
  if (verdict.refusal?.gate !== "G1" || verdict.member === undefined) return [];
  if (facts.previous.message === verdict.message) return [];
  if (verdict.progress !== "RemovingMember" && verdict.progress !== "ReplacingMember") return [];
  return [warning("RemovalRefusedByQuorum", verdict.message)];
}

/** Steps that leave nothing behind which a later pass could tell them by. */
function stepEvents({ step }: Verdict): readonly EventNote[] {
  switch (step?.kind) {
    case "DeletePod":
      return step.how === "Force"
        ? [warning("ForcedAction", `Pod ${step.pod} is deleted by force: ${step.reason}`)]
        : [];
    case "RenewCertificate":
      return [normal("CertificateRenewed", `the certificate in ${step.secret} is renewed`)];
    case "RotateAuthorities":
      return [rotationEvent(step.to)];
    case "Compact":
      return [normal("Compacted", `revisions before ${step.revision} are dropped`)];
    default:
      return [];
  }
}

type RotationStep = Extract<Step, { readonly kind: "RotateAuthorities" }>["to"];

function rotationEvent(to: RotationStep): EventNote {
  switch (to) {
    case "TrustNew":
      return normal("CARotationBegan", "new authorities are made, and trusted beside the old ones");
    case "Reissue":
      return normal("CARotationReissue", "the new authorities issue from now on");
    case "DropOld":
      return normal("CARotationDropOld", "the former authorities are to be trusted no more");
    case "Done":
      return normal("CARotated", "members trust the new authorities alone");
  }
}
