import { ANNOTATIONS } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { World } from "../facts/seen.ts";
import { type Refusal, refuse } from "./gate.ts";

export function isPaused(world: World): "BySpec" | "ByAnnotation" | undefined {
  if (world.cluster.spec.paused) return "BySpec";
  return world.cluster.metadata.annotations?.[ANNOTATIONS.pause] === "true" ? "ByAnnotation" : undefined;
}

/** Gate G8 for work that can wait: the maintenance window is open. Pause is a rule of its own and stops everything. */
export function windowOpen(facts: Facts): Refusal | undefined {
  if (facts.world.calendar?.isWindowOpen === false) return refuse("G8", "the maintenance window is closed");
  return undefined;
}
