import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "../gates/index.ts";
import { millisecondsOf } from "../timestamps.ts";

const MINUTE_MS = 60_000;
const BETWEEN_REPLACEMENTS_MS = 10 * MINUTE_MS;
export const HOUR_MS = 60 * MINUTE_MS;

/** What a user can do who knows better. */
const AT_ONCE = "; delete its EtcdMember to have it replaced at once";

/**
 * Replacing fast is how an outage of the storage becomes a loss of data: one in ten minutes, and in an hour no more than the cluster could
 * have lost at once.
 */
export function replacementPace(facts: Facts): Refusal | undefined {
  // What lies in memory is lost with every Pod, also with those that a roll replaces: no storage has failed.
  if (facts.spec.storage.medium === "Memory") return undefined;
  const times = (facts.previous.pacing?.replacements ?? []).map((time) => millisecondsOf(time) ?? 0);
  const lastHour = times.filter((time) => facts.nowMs - time < HOUR_MS);
  const newest = Math.max(0, ...lastHour);
  if (facts.nowMs - newest < BETWEEN_REPLACEMENTS_MS)
    return refuse("Pace", `a member was replaced in the last 10 minutes${AT_ONCE}`);
  const limit = Math.max(1, Math.floor((facts.voterCount - 1) / 2));
  if (lastHour.length >= limit)
    return refuse("Pace", `${lastHour.length} members were replaced in the last hour${AT_ONCE}`);
  return undefined;
}

/** After learners that came to nothing: 1, 2, 4 … 30 minutes. */
export function learnerPace(facts: Facts): Refusal | undefined {
  const { learnerFailures = 0, lastLearnerFailure } = facts.previous.pacing ?? {};
  const last = millisecondsOf(lastLearnerFailure);
  if (learnerFailures === 0 || last === undefined) return undefined;
  const delay = Math.min(30, 2 ** (learnerFailures - 1)) * MINUTE_MS;
  if (facts.nowMs - last >= delay) return undefined;
  return refuse(
    "Pace",
    `${learnerFailures} learners in a row came to nothing; the next one is tried ${delay / MINUTE_MS} minutes after the last`,
  );
}
