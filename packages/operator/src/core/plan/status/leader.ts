import type { EtcdClusterStatus } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";
import { termOfLeader } from "../gates/index.ts";
import { HOUR_MS } from "../rules/pace.ts";
import { millisecondsOf, timestamp } from "../timestamps.ts";

type LeaderStatus = NonNullable<EtcdClusterStatus["leader"]>;

/**
 * The leader and since when, by which the gates measure calm. A new term with the same leader is a change as well. Changes that follow from
 * what the operator itself did are told apart: they are over when the new leader is there.
 */
export function leaderStatus(facts: Facts): LeaderStatus | undefined {
  const before = facts.previous.leader;
  const changes = (before?.changes ?? []).filter((time) => facts.nowMs - (millisecondsOf(time) ?? 0) < HOUR_MS);
  const history = { changes, changesLastHour: changes.length, lastUnplannedChange: before?.lastUnplannedChange };
  // Who wakes the cluster up is its first leader: nobody lost an election.
  if (facts.leaderId === undefined && isAsleep(facts)) return before === undefined ? undefined : history;
  if (facts.leaderId === undefined)
    return before === undefined ? undefined : { ...before, ...history, member: undefined };
  const term = termOfLeader(facts);
  const same = { member: facts.leader?.name ?? facts.leaderId, id: facts.leaderId, term, since: before?.since };
  if (before?.id === facts.leaderId && before.term === term && before.since !== undefined)
    return { ...same, ...history };
  const now = timestamp(facts.nowMs);
  if (before?.id === undefined) return { ...same, ...history, since: now };
  const counted = [...changes, now].slice(-32);
  const lastUnplannedChange = isPlanned(facts, before) ? before.lastUnplannedChange : now;
  return { ...same, since: now, changes: counted, changesLastHour: counted.length, lastUnplannedChange };
}

function isAsleep(facts: Facts): boolean {
  return facts.spec.replicas === 0 && facts.world.pods.length === 0;
}

/** We moved it, or stopped the member that led, or have only just begun. */
function isPlanned(facts: Facts, before: LeaderStatus): boolean {
  const { operation } = facts.previous;
  if (operation?.type === "TransferringLeader") return true;
  if (["Restoring", "RecoveringQuorum", "Hibernating", "Waking", "BootstrappingSeed"].includes(operation?.type ?? ""))
    return true;
  if (operation?.member !== undefined && operation.member === before.member && operation.type === "RollingUpdate")
    return true;
  const led = facts.members.find((member) => member.entry?.id === before.id);
  return led?.isLeaving === true;
}
