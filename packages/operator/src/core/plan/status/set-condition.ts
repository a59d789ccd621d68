import type { Condition } from "../../api/index.ts";
import { timestamp } from "../timestamps.ts";

type Finding = Pick<Condition, "type" | "status" | "reason" | "message">;

/** The condition with its time: that of the last change of `status`, never of a mere change of words. */
export function setCondition(
  before: readonly Condition[],
  nowMs: number,
  generation: number | undefined,
  finding: Finding,
): Condition {
  const old = before.find((condition) => condition.type === finding.type);
  const lastTransitionTime = old?.status === finding.status ? old.lastTransitionTime : timestamp(nowMs);
  return { ...finding, lastTransitionTime, ...(generation === undefined ? {} : { observedGeneration: generation }) };
}
