import { parseDuration, parseQuantity } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import {
  calm,
  exactTarget,
  firstRefusal,
  noAlarm,
  oneChange,
  quorumWhileStopping,
  type Refusal,
  refuse,
  windowOpen,
} from "../gates/index.ts";
import { successor } from "../order/successor.ts";
import { millisecondsOf } from "../timestamps.ts";
import { defragment } from "./alarms.ts";
import { moveLeader } from "./leaving.ts";
import { quotaBytes } from "./quota.ts";
import { type Verdict, wait } from "./verdict.ts";

const RULE = "defrag";
/** Bytes that have to be free where the quota is near. */
const RECLAIM_NEAR_QUOTA = 32 * 1_048_576;
/** Milliseconds that clients have to go elsewhere before their member stands still. */
const DRAIN_MS = 5000;
/** Milliseconds that a round lasts at most. */
const ROUND_MS = 3_600_000;
export const DEFRAG_DRAINING = "DrainingForDefrag";

/** Where it is worthwhile a member gives back the space of deleted data: one at a time, smallest first, the leader last and not as leader. */
export function defrag(facts: Facts): Verdict | undefined {
  const [member] = candidates(facts);
  if (member === undefined) return undefined;
  const refusal = mayStall(facts, member);
  const said = { progress: "Defragmenting", member: member.name } as const;
  if (refusal !== undefined) {
    return wait(RULE, {
      ...said,
      message: `${member.name} is to be defragmented, and not yet: ${refusal.message}`,
      holdsBack: "nothing",
      refusal,
    });
  }
  if (member.isLeader && facts.voterCount > 1) {
    const next = successor(facts, member.name);
    return next === undefined ? undefined : moveLeader(RULE, member, next);
  }
  if (!isDrained(facts, member)) {
    return wait(RULE, {
      ...said,
      message: `${member.name} gets no new clients before it is defragmented`,
      holdsBack: "voluntary",
    });
  }
  const timeoutMs = parseDuration(facts.spec.maintenance.defragmentation.timeout) ?? 300_000;
  return defragment(RULE, member, timeoutMs, "Defragmenting");
}

/** Members that it is worthwhile for now, first first. */
export function candidates(facts: Facts): readonly MemberFacts[] {
  if (!facts.spec.maintenance.defragmentation.enabled || !isRoundOpen(facts)) return [];
  const done = new Set(defragmentedThisRound(facts));
  const worthwhile = facts.members.filter(
    (member) => member.isVoter && !member.isLeaving && !done.has(member.name) && isWorthwhile(facts, member),
  );
  const size = (member: MemberFacts): number => member.status?.dbSize ?? 0;
  return worthwhile.sort((a, b) => Number(a.isLeader) - Number(b.isLeader) || size(a) - size(b) || a.serial - b.serial);
}

/** A round begins when the schedule says so, and what it has not come to in an hour waits for the next one. */
function isRoundOpen(facts: Facts): boolean {
  const begunMs = facts.world.calendar?.defragDueSinceMs;
  return begunMs !== undefined && facts.nowMs - begunMs < ROUND_MS;
}

/** Members that have had their turn, whatever came of it: one that fails is not tried for ever. */
export function defragmentedThisRound(facts: Facts): readonly string[] {
  const { lastDefragTime, defragmented = [] } = facts.previous.maintenance ?? {};
  const begunMs = facts.world.calendar?.defragDueSinceMs ?? 0;
  return (millisecondsOf(lastDefragTime) ?? 0) >= begunMs ? defragmented : [];
}

function isWorthwhile(facts: Facts, member: MemberFacts): boolean {
  const { dbSize = 0, dbSizeInUse = 0 } = member.status ?? {};
  const free = dbSize - dbSizeInUse;
  if (dbSize === 0) return false;
  const { fragmentationPercent, minReclaim, quotaPercent } = facts.spec.maintenance.defragmentation;
  if ((100 * free) / dbSize >= fragmentationPercent && free >= (parseQuantity(minReclaim) ?? 0)) return true;
  return (100 * dbSize) / quotaBytes(facts) >= quotaPercent && free >= RECLAIM_NEAR_QUOTA;
}

function mayStall(facts: Facts, member: MemberFacts): Refusal | undefined {
  return firstRefusal(
    windowOpen(facts),
    oneChange(facts, undefined),
    exactTarget(facts, member),
    calm(facts, undefined),
    noAlarm(facts),
    facts.voterCount > 2 ? quorumWhileStopping(facts, member.name) : undefined,
    paused(facts),
  );
}

/** Time for clients and for the others between two members. */
function paused(facts: Facts): Refusal | undefined {
  const last = millisecondsOf(facts.previous.maintenance?.lastDefragTime);
  const pauseMs = parseDuration(facts.spec.maintenance.defragmentation.pause) ?? 0;
  if (last === undefined || facts.nowMs - last >= pauseMs) return undefined;
  return refuse("Pace", "another member was defragmented just now");
}

function isDrained(facts: Facts, member: MemberFacts): boolean {
  const { step, stepStartedAt } = member.object.status ?? {};
  const since = millisecondsOf(stepStartedAt);
  return step === DEFRAG_DRAINING && since !== undefined && facts.nowMs - since >= DRAIN_MS;
}
