import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Gate G7: the size that is asked for is odd, or zero, or even because the user says so. */
export function oddTarget(facts: Facts): Refusal | undefined {
  const { replicas, allowEvenReplicas } = facts.spec;
  if (replicas === 0 || replicas % 2 === 1 || allowEvenReplicas) return undefined;
  return refuse(
    "G7",
    `${replicas} members bear no more failures than ${replicas - 1}; set spec.allowEvenReplicas if it is meant`,
  );
}
