import type { Facts } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { exactTarget, oneListedChange, quorumAfterRemoving, sameIdentity } from "../gates/index.ts";
import { successor } from "../order/successor.ts";
import { millisecondsOf } from "../timestamps.ts";
import { moveLeader } from "./leaving.ts";
import { quotaBytes } from "./quota.ts";
import { act, BLOCKED_MS, type Verdict, wait } from "./verdict.ts";

/** Revisions that a compaction leaves, so that watchers that are a little behind go on. */
const COMPACTION_MARGIN = 1000;
/** Milliseconds between two rounds against a full store. */
const ROUND_MS = 10 * 60_000;
/** Share of the quota below which every member has to be before the alarm is taken back. */
const DISARM_BELOW = 0.9;

/** A member whose data is known to be damaged leaves and is replaced; when it is gone its alarm is taken back. */
export function corruptAlarm(facts: Facts): Verdict | undefined {
  const alarm = facts.world.etcd.alarms.find((candidate) => candidate.alarm === "CORRUPT");
  if (alarm === undefined || !facts.isQuorate) return undefined;
  const member = facts.members.find((candidate) => candidate.entry?.id === alarm.memberId);
  const said = { progress: "ReplacingMember", member: member?.name } as const;
  const trouble = { reason: "MemberDown", message: `member ${member?.name ?? alarm.memberId} raises CORRUPT` };
  if (!facts.membership.entries.some((entry) => entry.id === alarm.memberId)) {
    const step = { kind: "DisarmAlarm", memberId: alarm.memberId, alarm: "CORRUPT" } as const;
    return act("corrupt", step, {
      ...said,
      progress: "ClearingAlarm",
      message: `the alarm of ${alarm.memberId}, which is gone, is taken back`,
    });
  }
  if (member === undefined || member.isLeaving) return undefined;
  const refusal =
    exactTarget(facts, member) ??
    (member.isVoter ? quorumAfterRemoving(facts, member.name) : undefined) ??
    oneListedChange(facts, member.name);
  if (refusal !== undefined || facts.world.etcd.alarms.filter((other) => other.alarm === "CORRUPT").length > 1) {
    const isLast = facts.voterCount === 1;
    const why = isLast
      ? "it is the only voter: restore in place from a backup"
      : (refusal?.message ?? "more than one member raises it, so it is not known whose data is right");
    return wait("corrupt", {
      ...said,
      message: `${member.name} raises CORRUPT and is not replaced: ${why}`,
      holdsBack: "voluntary",
      trouble,
      refusal,
      requeueAfterMs: BLOCKED_MS,
    });
  }
  const step = { kind: "MarkLeaving", member: member.name, reason: "it raises CORRUPT: its data is damaged" } as const;
  return act("corrupt", step, { ...said, message: `${member.name} is replaced: its data is damaged`, trouble });
}

/** The store is full: old revisions go, files are made smaller, the alarm is taken back once there is room; else the user has to act. */
export function spaceAlarm(facts: Facts): Verdict | undefined {
  const alarm = facts.world.etcd.alarms.find((candidate) => candidate.alarm === "NOSPACE");
  if (alarm === undefined || !facts.isQuorate) return undefined;
  const said = { progress: "ClearingAlarm", member: undefined } as const;
  // A member that is to join waits for the alarm to go, so it is not waited for here.
  const held = sameIdentity(facts);
  if (held !== undefined || facts.members.some((member) => member.isVoter && !member.isHealthy)) return undefined;
  if (areAllSmall(facts)) {
    const step = { kind: "DisarmAlarm", memberId: alarm.memberId, alarm: "NOSPACE" } as const;
    return act("no-space", step, { ...said, message: "there is room again: the alarm is taken back" });
  }
  const compaction = compact(facts);
  if (compaction !== undefined) return compaction;
  const full = fullMembers(facts);
  const follower = full.find((member) => !member.isLeader && reclaimable(member) > 0);
  if (follower !== undefined) return defragment("no-space", follower, 300_000, "ClearingAlarm");
  const leader = full.find((member) => member.isLeader && reclaimable(member) > 0);
  if (leader !== undefined) return leaderLast(facts, leader);
  return wait("no-space", {
    ...said,
    message:
      "the store is full and nothing more can be freed: delete keys, or raise spec.config.quotaBackendBytes (and spec.storage.size)",
    holdsBack: "voluntary",
    requeueAfterMs: BLOCKED_MS,
  });
}

function leaderLast(facts: Facts, leader: MemberFacts): Verdict {
  if (facts.voterCount === 1) return defragment("no-space", leader, 300_000, "ClearingAlarm");
  const next = successor(facts, leader.name);
  if (next !== undefined) return moveLeader("no-space", leader, next);
  return wait("no-space", {
    progress: "ClearingAlarm",
    message: `${leader.name} leads and nobody can take over yet`,
    member: leader.name,
    holdsBack: "voluntary",
  });
}

export function defragment(
  rule: string,
  member: MemberFacts,
  timeoutMs: number,
  progress: "ClearingAlarm" | "Defragmenting",
): Verdict {
  const limit = Math.max(timeoutMs, Math.ceil((member.status?.dbSize ?? 0) / 20_000));
  const step = { kind: "Defragment", member: member.name, timeoutMs: limit } as const;
  return act(rule, step, {
    progress,
    message: `${member.name} gives back the space of deleted data`,
    member: member.name,
    requeueAfterMs: 1000,
  });
}

/** Bytes of the file that hold no data; little enough is nothing. */
export function reclaimable(member: MemberFacts): number {
  const { dbSize = 0, dbSizeInUse = 0 } = member.status ?? {};
  const free = dbSize - dbSizeInUse;
  return free >= 1_048_576 ? free : 0;
}

function compact(facts: Facts): Verdict | undefined {
  const last = millisecondsOf(facts.previous.pacing?.lastCompaction);
  if (last !== undefined && facts.nowMs - last < ROUND_MS) return undefined;
  const revision = Math.max(0, ...facts.members.map((member) => member.status?.revision ?? 0)) - COMPACTION_MARGIN;
  if (revision <= 0) return undefined;
  return act(
    "no-space",
    { kind: "Compact", revision },
    { progress: "ClearingAlarm", message: `revisions before ${revision} are dropped` },
  );
}

function fullMembers(facts: Facts): readonly MemberFacts[] {
  const quota = quotaBytes(facts);
  return facts.members.filter((member) => member.isVoter && (member.status?.dbSize ?? 0) >= quota * DISARM_BELOW);
}

function areAllSmall(facts: Facts): boolean {
  const quota = quotaBytes(facts);
  return facts.members.every(
    (member) => !member.isVoter || (member.status !== undefined && member.status.dbSize < quota * DISARM_BELOW),
  );
}
