import { peerUrlOf } from "../addresses.ts";
import { type Facts, keepers, targetVoters } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import {
  calm,
  exactTarget,
  firstRefusal,
  LAG_MAX,
  noAlarm,
  oneChange,
  quorumAfterAdding,
  quorumAfterPromoting,
  type Refusal,
  sameIdentity,
} from "../gates/index.ts";
import { millisecondsOf } from "../timestamps.ts";
import { canHavePod, deletePod, startExisting, whyRemake } from "./pods.ts";
import { act, type Verdict, wait } from "./verdict.ts";

const RULE = "joining";
/** Milliseconds without progress after which a learner counts as stuck. */
export const LEARNER_SLOW_MS = 5 * 60_000;
/** Milliseconds without progress after which it is given up. */
const LEARNER_LOST_MS = 15 * 60_000;

/** Members that are to become voters: volume, entry in the list, Pod, data, vote; one at a time. */
export function joining(facts: Facts): Verdict | undefined {
  let waiting: Verdict | undefined;
  for (const member of facts.members) {
    if (member.isLeaving || member.isVoter) continue;
    const verdict = join(facts, member);
    if (verdict?.step !== undefined) return verdict;
    waiting ??= verdict;
  }
  return waiting;
}

function join(facts: Facts, member: MemberFacts): Verdict | undefined {
  const useless = whyUseless(facts, member);
  if (useless !== undefined) return giveUp(member, useless);
  if (member.isDoomed) return undefined;
  return needsVolume(facts, member)
    ? makeVolume(member)
    : (enter(facts, member) ?? start(facts, member) ?? promote(facts, member));
}

/** Why it does not become a voter any more; undefined if it may. */
function whyUseless(facts: Facts, member: MemberFacts): string | undefined {
  if (member.entry === undefined && member.hasJoined) return "it is not in the member list any more";
  if (keepers(facts).length >= targetVoters(facts)) return "it is not wanted any more";
  if (member.hasLostData) return "its data is lost";
  if (member.claim?.phase === "Lost" || member.claim?.isTerminating === true) return "its volume is lost";
  if (member.pod?.exitCode === 78 || member.pod?.exitCode === 79) return "its volume holds data that is not its own";
  const since = stuckSince(member);
  if (member.isLearner && since !== undefined && facts.nowMs - since >= LEARNER_LOST_MS)
    return "it made no progress for 15 minutes";
  return undefined;
}

/** Since when a learner has not moved; milliseconds since the epoch. */
export function stuckSince(member: MemberFacts): number | undefined {
  const { progressedAt, stepStartedAt } = member.object.status ?? {};
  return millisecondsOf(progressedAt) ?? millisecondsOf(stepStartedAt);
}

function giveUp(member: MemberFacts, reason: string): Verdict {
  const said = {
    progress: "RemovingMember",
    message: `${member.name} does not become a voter: ${reason}`,
    member: member.name,
  } as const;
  return act(RULE, { kind: "MarkLeaving", member: member.name, reason }, said);
}

function needsVolume(facts: Facts, member: MemberFacts): boolean {
  return (
    facts.spec.storage.medium === "Disk" && member.claim === undefined && !member.hasJoined && isNotStarted(member)
  );
}

function isNotStarted(member: MemberFacts): boolean {
  return member.entry === undefined || member.entry.name === "";
}

function makeVolume(member: MemberFacts): Verdict {
  const said = { progress: "AddingLearner", message: `volume for ${member.name}`, member: member.name } as const;
  return act(RULE, { kind: "CreateClaim", member: member.name }, said);
}

/** Into the member list, as a learner. */
function enter(facts: Facts, member: MemberFacts): Verdict | undefined {
  if (member.entry !== undefined) return undefined;
  const said = { progress: "AddingLearner", member: member.name } as const;
  const refusal = firstRefusal(
    sameIdentity(facts),
    quorumAfterAdding(facts),
    oneChange(facts, member.name),
    calm(facts, undefined),
    noAlarm(facts),
  );
  if (refusal !== undefined)
    return held(member, "AddingLearner", `${member.name} cannot join yet: ${refusal.message}`, refusal);
  const step = { kind: "AddLearner", member: member.name, peerUrl: peerUrlOf(facts.cluster, member.name) } as const;
  return act(RULE, step, { ...said, message: `${member.name} joins as a learner` });
}

function held(
  member: MemberFacts,
  progress: "AddingLearner" | "Promoting",
  message: string,
  refusal: Refusal,
): Verdict {
  return wait(RULE, { progress, message, member: member.name, holdsBack: "voluntary", refusal });
}

/** Its Pod, made or made anew. */
function start(facts: Facts, member: MemberFacts): Verdict | undefined {
  const said = { progress: "AddingLearner", member: member.name } as const;
  if (canHavePod(facts, member)) {
    const step = { kind: "CreatePod", member: member.name, start: startExisting(facts, member) } as const;
    return act(RULE, step, { ...said, message: `${member.name} is started` });
  }
  const remake = whyRemake(facts, member);
  if (remake === undefined || member.pod === undefined) return undefined;
  return act(RULE, deletePod(member.pod, "Delete", remake), {
    ...said,
    message: `${member.name} is started again: ${remake}`,
  });
}

/** Its vote, once its data is there and it is known to refuse to start without. */
function promote(facts: Facts, member: MemberFacts): Verdict {
  const catching = { progress: "LearnerCatchingUp", member: member.name, holdsBack: "voluntary" } as const;
  if (!isInSync(member))
    return wait(RULE, { ...catching, message: `${member.name} catches up${slowness(facts, member)}` });
  if (!member.hasJoined) return markJoined(member);
  if (!wasInSync(member))
    return wait(RULE, { ...catching, message: `${member.name} has caught up`, requeueAfterMs: 500 });
  const refusal = firstRefusal(
    exactTarget(facts, member),
    quorumAfterPromoting(facts, member.name),
    oneChange(facts, member.name),
    calm(facts, member.name),
  );
  if (refusal !== undefined)
    return held(member, "Promoting", `${member.name} is not made a voter yet: ${refusal.message}`, refusal);
  const step = { kind: "Promote", member: member.name, memberId: member.entry?.id ?? "" } as const;
  return act(RULE, step, { progress: "Promoting", message: `${member.name} becomes a voter`, member: member.name });
}

export function markJoined(member: MemberFacts): Verdict {
  const step = { kind: "MarkJoined", member: member.name, memberId: member.entry?.id ?? "" } as const;
  return act(RULE, step, {
    progress: "AddingLearner",
    message: `${member.name} has its data`,
    member: member.name,
    requeueAfterMs: 100,
  });
}

/** It answers as the member that is listed, knows the leader, and is close behind. */
export function isInSync(member: MemberFacts): boolean {
  return (
    member.entry !== undefined &&
    member.entry.name !== "" &&
    member.isHealthy &&
    (member.lag ?? Number.POSITIVE_INFINITY) <= LAG_MAX
  );
}

/** The pass before saw the same: one sample may be luck. */
function wasInSync(member: MemberFacts): boolean {
  return (
    member.object.status?.conditions?.some(
      (condition) => condition.type === "InSync" && condition.status === "True",
    ) === true
  );
}

function slowness(facts: Facts, member: MemberFacts): string {
  const since = stuckSince(member);
  if (since === undefined || facts.nowMs - since < LEARNER_SLOW_MS) return "";
  return `, without progress for ${Math.round((facts.nowMs - since) / 60_000)} minutes`;
}
