import type { EtcdMemberStatus } from "../api/index.ts";
import type { Decision, World } from "../world/index.ts";
import { minAvailable } from "./budget.ts";
import { type Facts, gatherFacts } from "./facts/facts.ts";
import { isFenced } from "./fence.ts";
import { corruptAlarm, spaceAlarm } from "./rules/alarms.ts";
import { authentication } from "./rules/authentication.ts";
import { bootstrap } from "./rules/bootstrap.ts";
import { endingCertificates, formerCertificates } from "./rules/certificates.ts";
import { defrag } from "./rules/defrag.ts";
import { deletion } from "./rules/deletion.ts";
import { hibernate } from "./rules/hibernate.ts";
import { joining } from "./rules/joining.ts";
import { doomed, leaving } from "./rules/leaving.ts";
import { noQuorum } from "./rules/no-quorum.ts";
import { orphanEntries, orphanObjects } from "./rules/orphans.ts";
import { invalidSpec, pause } from "./rules/pause.ts";
import { recovery } from "./rules/recovery.ts";
import type { RestoreStatus } from "./rules/recovery-status.ts";
import { identityRecord, podRepair, replacement } from "./rules/repair.ts";
import { roll } from "./rules/roll.ts";
import { rotation } from "./rules/rotation.ts";
import { dropSick, scaleDown, scaleUp } from "./rules/scale.ts";
import { split } from "./rules/split.ts";
import { type Rule, STEADY_MS, type Verdict, wait } from "./rules/verdict.ts";
import { volumes } from "./rules/volumes.ts";
import { clusterStatus } from "./status/cluster-status.ts";
import { events } from "./status/events.ts";
import { memberStatuses } from "./status/member-status.ts";
import { settleCluster, settleMember } from "./status/settle.ts";

/** Whatever is there, these come first; each may end the pass. */
const FIRST: readonly Rule[] = [deletion, invalidSpec, pause, endingCertificates];

/** What keeps the cluster alive and finishes what was begun. */
const NEEDED: readonly Rule[] = [
  split,
  bootstrap,
  hibernate,
  noQuorum,
  identityRecord,
  corruptAlarm,
  leaving,
  orphanEntries,
  joining,
  doomed,
  podRepair,
  spaceAlarm,
  orphanObjects,
  replacement,
  formerCertificates,
  rotation,
  authentication,
];

/** What begins only while nothing else is under way. */
const VOLUNTARY: readonly Rule[] = [dropSick, volumes, scaleUp, scaleDown, roll, defrag];

/**
 * What to do about a world: one step at most, and what the status says of it. Pure: the same world gives the same decision, and nothing is
 * remembered between passes. Never throws for a world that the types allow.
 */
export function decide(world: World): Decision {
  const facts = gatherFacts(world);
  const { verdict, restoreStatus } = judge(facts);
  const fenced = isFenced(facts);
  const next = clusterStatus(facts, verdict, fenced);
  const status = settleCluster(world.cluster.status, next, facts.nowMs);
  return {
    rule: verdict.rule,
    status,
    memberStatuses: settledMembers(facts, verdict),
    restoreStatus,
    step: verdict.step,
    minAvailable: minAvailable(facts, verdict.step),
    isFenced: fenced,
    voters: facts.members.filter((member) => member.isVoter).map((member) => member.name),
    drained: drained(facts, verdict),
    events: events(facts, verdict, next),
    requeueAfterMs: verdict.requeueAfterMs,
  };
}

interface Judgement {
  readonly verdict: Verdict;
  readonly restoreStatus: RestoreStatus | undefined;
}

function judge(facts: Facts): Judgement {
  const first = firstVerdict(facts, FIRST, []);
  if (first !== undefined) return { verdict: first, restoreStatus: undefined };
  const outcome = recovery(facts);
  const restoreStatus = outcome?.status;
  if (outcome?.verdict !== undefined) return { verdict: outcome.verdict, restoreStatus };
  return { verdict: firstVerdict(facts, NEEDED, VOLUNTARY) ?? steady(), restoreStatus };
}

/**
 * The first step of the rules in their order. A rule that only waits holds back those that it says, and what it waits for is what the status
 * tells if nobody further down acts.
 */
function firstVerdict(facts: Facts, needed: readonly Rule[], voluntary: readonly Rule[]): Verdict | undefined {
  let waiting: Verdict | undefined;
  let isHeldBack = false;
  for (const rule of [...needed, ...voluntary]) {
    if (isHeldBack && voluntary.includes(rule)) break;
    const verdict = rule(facts);
    if (verdict === undefined) continue;
    if (verdict.step !== undefined || verdict.holdsBack === "everything") return verdict;
    if (waiting === undefined || (waiting.holdsBack === "nothing" && verdict.holdsBack === "voluntary"))
      waiting = verdict;
    if (verdict.holdsBack === "voluntary") isHeldBack = true;
  }
  return waiting;
}

function steady(): Verdict {
  return wait("steady", {
    progress: "Complete",
    message: "all is as the spec asks for",
    holdsBack: "nothing",
    requeueAfterMs: STEADY_MS,
  });
}

function settledMembers(facts: Facts, verdict: Verdict): ReadonlyMap<string, EtcdMemberStatus> {
  const settled = new Map<string, EtcdMemberStatus>();
  for (const [name, status] of memberStatuses(facts, verdict)) {
    const before = facts.members.find((member) => member.name === name)?.object.status;
    settled.set(name, settleMember(before, status, facts.nowMs));
  }
  return settled;
}

/** Members that new clients are kept away from: those that leave, and the one that is to stand still for a while. */
function drained(facts: Facts, verdict: Verdict): readonly string[] {
  const names = facts.members.filter((member) => member.isLeaving).map((member) => member.name);
  const isDefragmenting = verdict.progress === "Defragmenting" && verdict.member !== undefined;
  if (isDefragmenting && verdict.refusal === undefined && verdict.member !== undefined) names.push(verdict.member);
  return names;
}
