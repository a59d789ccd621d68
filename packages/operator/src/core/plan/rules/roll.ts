import { ANNOTATIONS } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import {
  calm,
  exactTarget,
  firstRefusal,
  noAlarm,
  oneChange,
  parseVersion,
  quorumWhileStopping,
  type Refusal,
  recentBackup,
  refuse,
  versionPath,
  windowOpen,
} from "../gates/index.ts";
import { rollOrder } from "../order/roll.ts";
import { successor } from "../order/successor.ts";
import { moveLeader } from "./leaving.ts";
import { ignoresItsFiles } from "./member-tls.ts";
import { deletePod } from "./pods.ts";
import { act, type ProgressReason, ROLLING_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "roll";

/** Pods that are not what the spec asks for, one by one, the leader last. */
export function roll(facts: Facts): Verdict | undefined {
  const outdated = outdatedMembers(facts);
  if (outdated.length === 0) return stillSettling(facts);
  if (facts.spec.updateStrategy.type === "OnDelete") return undefined;
  const [next] = rollOrder(outdated);
  if (next?.pod === undefined) return undefined;
  const refusal = mayStop(facts, next);
  if (refusal !== undefined) return held(next, refusal);
  if (next.isLeader && facts.voterCount > 1) return handOver(facts, next);
  const how = next.isHealthy && facts.voterCount > 2 ? "Evict" : "Delete";
  const step = deletePod(next.pod, how, "it is not what the spec asks for");
  const message = `the Pod of ${next.name} is replaced${facts.voterCount <= 2 ? ": a short interruption, since there are no more members" : ""}`;
  return act(RULE, step, { progress: "RollingUpdate", message, member: next.name, requeueAfterMs: 500 });
}

/** Members whose running Pod was made from another template than the one wanted now, or that need a start for what has changed around them. */
export function outdatedMembers(facts: Facts): readonly MemberFacts[] {
  return facts.members.filter(
    (member) =>
      member.entry !== undefined &&
      !member.isLeaving &&
      member.pod !== undefined &&
      !member.pod.isTerminating &&
      (member.pod.templateHash !== facts.world.wanted.hash || awaitsRestart(member) || ignoresItsFiles(facts, member)),
  );
}

/** Its volume has grown and its file system grows only at a start. */
function awaitsRestart(member: MemberFacts): boolean {
  return member.claim?.needsRestartToGrow === true;
}

/** The last Pod of a roll comes up: nothing else that can wait begins meanwhile. */
function stillSettling(facts: Facts): Verdict | undefined {
  const { status, reason } = facts.previous.conditions?.find((condition) => condition.type === "Progressing") ?? {};
  if (status !== "True" || reason !== "RollingUpdate") return undefined;
  const late = facts.members.find((member) => member.isVoter && (!member.isHealthy || member.pod?.ready !== true));
  if (late === undefined) return undefined;
  return wait(RULE, {
    progress: "RollingUpdate",
    message: `waiting for ${late.name}`,
    member: late.name,
    holdsBack: "voluntary",
    requeueAfterMs: ROLLING_MS,
  });
}

function mayStop(facts: Facts, member: MemberFacts): Refusal | undefined {
  return firstRefusal(
    versionPath(facts),
    windowOpen(facts),
    oneChange(facts, undefined),
    exactTarget(facts, member),
    noAlarm(facts),
    changesVersion(facts, member) ? recentBackup(facts) : undefined,
    calm(facts, facts.voterCount > 2 ? member.name : undefined),
    facts.voterCount > 2 ? quorumWhileStopping(facts, member.name) : undefined,
    othersReady(facts, member),
    approved(facts, member),
  );
}

function changesVersion(facts: Facts, member: MemberFacts): boolean {
  const running = parseVersion(member.object.spec.version ?? "");
  const wanted = parseVersion(facts.world.wanted.version);
  if (running === undefined || wanted === undefined) return false;
  return running.major !== wanted.major || running.minor !== wanted.minor || running.patch !== wanted.patch;
}

/** Every other member has been ready for as long as the spec asks. */
function othersReady(facts: Facts, member: MemberFacts): Refusal | undefined {
  const leastMs = facts.spec.updateStrategy.minReadySeconds * 1000;
  for (const other of facts.members) {
    if (other.name === member.name || !other.isVoter) continue;
    if (other.pod?.ready !== true) return refuse("G1", `the Pod of ${other.name} is not ready`);
    if (facts.nowMs - other.pod.readySinceMs < leastMs) {
      return refuse(
        "MinReady",
        `${other.name} has been ready for less than ${facts.spec.updateStrategy.minReadySeconds} s`,
      );
    }
  }
  return undefined;
}

/** Supervised: the leader's turn comes when the user says so for exactly this template. */
function approved(facts: Facts, member: MemberFacts): Refusal | undefined {
  if (!member.isLeader || facts.spec.updateStrategy.leader !== "Supervised") return undefined;
  const { hash } = facts.world.wanted;
  if (facts.cluster.metadata.annotations?.[ANNOTATIONS.approveLeaderUpdate] === hash) return undefined;
  return refuse(
    "Approval",
    `annotation ${ANNOTATIONS.approveLeaderUpdate} has to be ${hash} before the leader's Pod is replaced`,
  );
}

function held(member: MemberFacts, refusal: Refusal): Verdict {
  const isRefused = refusal.gate === "VersionPath";
  return wait(RULE, {
    progress: progressOf(refusal),
    message: `the Pod of ${member.name} is to be replaced, and not yet: ${refusal.message}`,
    member: member.name,
    holdsBack:
      isRefused || refusal.gate === "G8" || refusal.gate === "G12" || refusal.gate === "Approval"
        ? "nothing"
        : "voluntary",
    refusal,
    trouble: isRefused ? { reason: "UpgradePathRejected", message: refusal.message } : undefined,
    requeueAfterMs: ROLLING_MS,
  });
}

function progressOf(refusal: Refusal): ProgressReason {
  switch (refusal.gate) {
    case "G8":
      return "WaitingForWindow";
    case "G12":
      return "WaitingForBackup";
    case "Approval":
      return "WaitingForApproval";
    case "VersionPath":
      return "WaitingForUser";
    default:
      return "RollingUpdate";
  }
}

/** Leadership moves once in a roll: to a member that has been replaced already. */
function handOver(facts: Facts, leader: MemberFacts): Verdict {
  const outdated = new Set(outdatedMembers(facts).map(({ name }) => name));
  const isDone = ({ name }: MemberFacts): boolean => !outdated.has(name);
  const next = successor(facts, leader.name, isDone) ?? successor(facts, leader.name);
  if (next !== undefined) return moveLeader(RULE, leader, next);
  return wait(RULE, {
    progress: "RollingUpdate",
    message: `${leader.name} leads and nobody can take over yet`,
    member: leader.name,
    holdsBack: "voluntary",
    requeueAfterMs: ROLLING_MS,
  });
}
