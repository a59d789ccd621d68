import type { Facts } from "../facts/facts.ts";
import { isPaused } from "../gates/index.ts";
import { STEADY_MS, type Verdict, wait } from "./verdict.ts";

/** Paused: nothing is written but status, and Pods that end are not made again either. */
export function pause(facts: Facts): Verdict | undefined {
  if (isPaused(facts.world) === undefined) return undefined;
  const open = facts.members.find((member) => member.isLeaving || member.isLearner);
  const rest = open === undefined ? "" : `; ${open.name} stays ${open.isLeaving ? "leaving" : "a learner"}`;
  return wait("pause", {
    progress: "Paused",
    message: `paused: nothing is changed and no Pod is made again${rest}`,
    holdsBack: "everything",
    requeueAfterMs: STEADY_MS,
  });
}

/** A spec that breaks a rule of the API is not acted on: what was meant is not known. */
export function invalidSpec(facts: Facts): Verdict | undefined {
  const [error] = facts.world.specErrors ?? [];
  if (error === undefined) return undefined;
  return wait("invalid-spec", {
    progress: "WaitingForUser",
    message: `the spec is invalid: ${error}`,
    holdsBack: "everything",
    requeueAfterMs: STEADY_MS,
  });
}
