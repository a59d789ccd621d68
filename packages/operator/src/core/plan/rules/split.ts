import type { Facts } from "../facts/facts.ts";
import { STEADY_MS, type Verdict, wait } from "./verdict.ts";

/** Two identities: nothing is made and nothing is deleted, since whichever it is may be the one with the data. */
export function split(facts: Facts): Verdict | undefined {
  const { clusterId, others } = facts.identity;
  if (others.length === 0) return undefined;
  const trouble = {
    reason: "ReconcileError",
    message: `cluster ID ${clusterId ?? "unknown"} is expected, and ${others.join(", ")} was seen`,
  };
  return wait("split", {
    progress: "WaitingForUser",
    message: `${trouble.message}; compare the members' data, then delete the EtcdMember that is wrong`,
    trouble,
    holdsBack: "everything",
    requeueAfterMs: STEADY_MS,
  });
}
