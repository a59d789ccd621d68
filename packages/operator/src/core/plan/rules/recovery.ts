import type { Facts } from "../facts/facts.ts";
import { isUnderWay } from "../facts/restore-phase.ts";
import { fenceAndChoose } from "./recovery-fencing.ts";
import { growAgain } from "./recovery-growing.ts";
import { seedFromSnapshot } from "./recovery-snapshot.ts";
import { type RecoveryOutcome, stay } from "./recovery-status.ts";
import { seedFromSurvivor } from "./recovery-survivor.ts";

/** The open restore in place, from the phase Fencing on. Undefined if there is none. */
export function recovery(facts: Facts): RecoveryOutcome | undefined {
  const { restore } = facts.world;
  if (restore === undefined || !isUnderWay(restore)) return undefined;
  const isFromSurvivor = restore.spec.source.survivor !== undefined;
  switch (restore.status?.phase) {
    case "Fencing":
      return fenceAndChoose(facts, restore);
    case "Seeding":
      return isFromSurvivor ? seedFromSurvivor(facts, restore) : seedFromSnapshot(facts, restore);
    case "Growing":
    case "Verifying":
      return growAgain(facts, restore);
    default:
      return { status: stay(restore), verdict: undefined };
  }
}
