import { memberName } from "../addresses.ts";
import { type Facts, keepers, nextSerial, targetVoters } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import {
  calm,
  exactTarget,
  firstRefusal,
  noAlarm,
  oddTarget,
  oneChange,
  quorumAfterAdding,
  quorumAfterRemoving,
  sameIdentity,
} from "../gates/index.ts";
import { victims } from "../order/victim.ts";
import { learnerPace } from "./pace.ts";
import { act, type Verdict, wait } from "./verdict.ts";

/** Fewer voters than are asked for: the intent of one more. */
export function scaleUp(facts: Facts): Verdict | undefined {
  if (facts.spec.replicas === 0 && keepers(facts).length > 0) return undefined;
  if (keepers(facts).length >= targetVoters(facts)) return undefined;
  const serial = nextSerial(facts);
  const name = memberName(facts.cluster.metadata.name, serial);
  const refusal = firstRefusal(
    oddTarget(facts),
    sameIdentity(facts),
    quorumAfterAdding(facts),
    oneChange(facts, undefined),
    calm(facts, undefined),
    noAlarm(facts),
    learnerPace(facts),
  );
  if (refusal !== undefined) {
    const message = `one more member is wanted, and not yet: ${refusal.message}`;
    return wait("scale-up", { progress: "AddingLearner", message, holdsBack: "voluntary", refusal });
  }
  const recoveryEpoch = facts.previous.recoveryEpoch ?? 0;
  const step = { kind: "CreateMember", name, serial, join: "Existing", recoveryEpoch } as const;
  return act("scale-up", step, { progress: "AddingLearner", message: `${name} is to join`, member: name });
}

/** More voters than are asked for, and one of them is not well: that one leaves, before anything else that can wait. */
export function dropSick(facts: Facts): Verdict | undefined {
  return isTooMany(facts) ? dropFirst(facts, (member) => !member.isHealthy) : undefined;
}

/** More voters than are asked for. */
export function scaleDown(facts: Facts): Verdict | undefined {
  return isTooMany(facts) ? dropFirst(facts, () => true) : undefined;
}

function isTooMany(facts: Facts): boolean {
  return keepers(facts).length > targetVoters(facts);
}

function dropFirst(facts: Facts, mayGo: (member: MemberFacts) => boolean): Verdict | undefined {
  const [victim] = victims(facts, keepers(facts).filter(mayGo));
  if (victim === undefined) return undefined;
  const refusal = firstRefusal(
    oddTarget(facts),
    exactTarget(facts, victim),
    quorumAfterRemoving(facts, victim.name),
    oneChange(facts, undefined),
    // Who is sick is not made to wait for calm: it is what disturbs.
    victim.isHealthy ? calm(facts, victim.name) : undefined,
  );
  const said = { progress: "RemovingMember", member: victim.name } as const;
  if (refusal !== undefined) {
    const message = `${victim.name} is to leave, and not yet: ${refusal.message}`;
    return wait("scale-down", { ...said, message, holdsBack: "voluntary", refusal });
  }
  const reason = `${facts.spec.replicas} members are wanted`;
  return act(
    "scale-down",
    { kind: "MarkLeaving", member: victim.name, reason },
    { ...said, message: `${victim.name} leaves: ${reason}` },
  );
}
