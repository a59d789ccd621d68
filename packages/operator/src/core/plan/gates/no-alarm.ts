import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "./gate.ts";

/** Gate G4: no member raises an alarm. */
export function noAlarm(facts: Facts): Refusal | undefined {
  const [alarm] = facts.world.etcd.alarms;
  return alarm === undefined ? undefined : refuse("G4", `member ${alarm.memberId} raises ${alarm.alarm}`);
}
