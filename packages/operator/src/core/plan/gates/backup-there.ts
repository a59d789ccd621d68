import { parseDuration } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Gate G12 for a change of version: the verified backup that the spec asks for is there and young enough. */
export function recentBackup(facts: Facts): Refusal | undefined {
  const wanted = facts.spec.updateStrategy.requireRecentBackup;
  if (wanted === undefined) return undefined;
  const ageMax = parseDuration(wanted) ?? 0;
  const newest = facts.world.newestBackup;
  if (newest?.verified === true && facts.nowMs - newest.completedMs <= ageMax) return undefined;
  return refuse("G12", `there is no verified backup younger than ${wanted}`);
}
