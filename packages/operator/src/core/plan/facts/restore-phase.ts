import type { EtcdRestore } from "../../api/index.ts";

/** Phases in which the restore is the planner's work. */
const UNDER_WAY: ReadonlySet<string> = new Set(["Fencing", "Seeding", "Growing", "Verifying"]);

/** True from the phase Fencing until the restore is done: the cluster is no longer what it was. */
export function isUnderWay(restore: EtcdRestore): boolean {
  return restore.spec.mode === "InPlace" && UNDER_WAY.has(restore.status?.phase ?? "");
}
