import type { EtcdClusterStatus } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import { outdatedMembers } from "../rules/roll.ts";
import type { Verdict } from "../rules/verdict.ts";
import { isAsWanted } from "./conditions.ts";
import { isWaking } from "./waking.ts";

type Phase = NonNullable<EtcdClusterStatus["phase"]>;

const BY_PROGRESS: Partial<Record<Verdict["progress"], Phase>> = {
  BootstrappingSeed: "Bootstrapping",
  AddingLearner: "Scaling",
  LearnerCatchingUp: "Scaling",
  Promoting: "Scaling",
  RemovingMember: "Scaling",
  TransferringLeader: "Updating",
  ReplacingMember: "Repairing",
  RepairingMember: "Repairing",
  RollingUpdate: "Updating",
  Restoring: "Restoring",
  RecoveringQuorum: "Recovering",
  Hibernating: "Hibernating",
  Deleting: "Deleting",
  Paused: "Paused",
};

/** One word for people; no rule ever reads it. */
export function phase(facts: Facts, verdict: Verdict, isFenced: boolean): Phase {
  if (verdict.progress === "Deleting" || verdict.progress === "Paused")
    return BY_PROGRESS[verdict.progress] ?? "Running";
  if (facts.world.specErrors?.length) return "Failed";
  if (verdict.progress === "Restoring" || verdict.progress === "RecoveringQuorum")
    return BY_PROGRESS[verdict.progress] ?? "Restoring";
  if (facts.spec.replicas === 0 && verdict.progress === "Complete" && facts.world.pods.length === 0)
    return "Hibernated";
  if (isWaking(facts)) return "Scaling";
  if (facts.identity.clusterId !== undefined && !facts.isQuorate && verdict.progress !== "Hibernating")
    return "QuorumLost";
  if (isFenced) return "Bootstrapping";
  if (isAsWanted(facts, isFenced)) return "Running";
  const named = BY_PROGRESS[verdict.progress];
  if (named !== undefined) return named;
  return outdatedMembers(facts).length > 0 ? "Updating" : "Degraded";
}
