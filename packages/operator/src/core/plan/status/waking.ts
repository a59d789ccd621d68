import type { Facts } from "../facts/facts.ts";
import { isLostForGood } from "../rules/no-quorum.ts";

/**
 * Whether a cluster that slept is being started: it has no quorum yet, and nothing was lost. Pods older than the progress deadline
 * are no longer on their way up.
 */
export function isWaking(facts: Facts): boolean {
  const { nowMs, previous, spec, world } = facts;
  if (facts.isQuorate || spec.replicas === 0 || isLostForGood(facts)) return false;
  const { reason } = previous.conditions?.find(({ type }) => type === "Available") ?? {};
  if (reason !== "Hibernated" && reason !== "Waking") return false;
  return world.pods.every(({ createdMs }) => nowMs - createdMs < spec.progressDeadlineSeconds * 1000);
}
