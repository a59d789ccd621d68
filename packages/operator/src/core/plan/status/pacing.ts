import type { EtcdClusterStatus } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import { HOUR_MS } from "../rules/pace.ts";
import type { Verdict } from "../rules/verdict.ts";
import { millisecondsOf, timestamp } from "../timestamps.ts";

type Pacing = NonNullable<EtcdClusterStatus["pacing"]>;

/**
 * What was done lately, so that it is not done too often. A replacement counts when its member is seen to leave, not when it is decided: an
 * operator that dies in between has replaced nobody.
 */
export function pacing(facts: Facts, verdict: Verdict): Pacing | undefined {
  const before = facts.previous.pacing ?? {};
  const now = timestamp(facts.nowMs);
  const recent = (before.replacements ?? []).filter((time) => facts.nowMs - (millisecondsOf(time) ?? 0) < HOUR_MS);
  const replaced = newlyLeaving(facts).filter((member) => member.isVoter && !member.isHealthy && !member.isDoomed);
  const gaveUp = newlyLeaving(facts).some(
    (member) => member.isLearner && /progress|data/.test(member.object.spec.leavingReason ?? ""),
  );
  const hasPromoted = facts.members.some((member) => member.isVoter && member.object.status?.phase === "Learner");
  const next: Pacing = {
    ...before,
    replacements: [...recent, ...replaced.map(() => now)].slice(-16),
    learnerFailures: gaveUp ? (before.learnerFailures ?? 0) + 1 : hasPromoted ? 0 : before.learnerFailures,
    lastLearnerFailure: gaveUp ? now : before.lastLearnerFailure,
    lastCompaction: verdict.step?.kind === "Compact" ? now : before.lastCompaction,
  };
  return facts.previous.pacing === undefined && isEmpty(next) ? undefined : next;
}

function newlyLeaving(facts: Facts): Facts["members"] {
  return facts.members.filter(
    (member) => member.isLeaving && !["Leaving", "Removed"].includes(member.object.status?.phase ?? ""),
  );
}

function isEmpty(pacing: Pacing): boolean {
  return (
    pacing.replacements?.length === 0 && pacing.learnerFailures === undefined && pacing.lastCompaction === undefined
  );
}
