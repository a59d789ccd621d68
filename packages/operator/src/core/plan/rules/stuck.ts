import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";

/** Milliseconds that a running server may be silent before its Pod is made anew. */
const SILENT_MS = 120_000;

/**
 * The process hangs: it runs, by its kubelet's word, on a node that is well, and has not answered for long. Undefined if that is not so, or if
 * this Pod was made during the same silence: then a restart has been tried.
 */
export function whyStuck(facts: Facts, member: MemberFacts): string | undefined {
  const { pod, node, unhealthySinceMs } = member;
  // What lies in memory would go with the Pod.
  if (facts.spec.storage.medium === "Memory") return undefined;
  if (pod === undefined || pod.isTerminating || pod.phase !== "Running" || pod.ready) return undefined;
  if (member.answer?.kind === "status" || pod.waitingReason !== undefined) return undefined;
  if (node !== undefined && !node.ready) return undefined;
  if (unhealthySinceMs === undefined || facts.nowMs - unhealthySinceMs < SILENT_MS) return undefined;
  return pod.createdMs > unhealthySinceMs ? undefined : "it runs and has not answered for two minutes";
}
