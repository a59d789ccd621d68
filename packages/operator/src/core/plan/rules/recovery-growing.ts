import type { EtcdRestore } from "../../api/index.ts";
import { type Facts, keepers, targetVoters } from "../facts/facts.ts";
import { timestamp } from "../timestamps.ts";
import { progress } from "./recovery-fencing.ts";
import { advance, fail, type RecoveryOutcome, stay } from "./recovery-status.ts";
import { act, type Verdict } from "./verdict.ts";

const RULE = "recovery-growing";

/** The usual rules bring the cluster back to its size; what is left of the old members is set aside before. */
export function growAgain(facts: Facts, restore: EtcdRestore): RecoveryOutcome {
  const left = leaveOld(facts, restore);
  if (left !== undefined) return { status: stay(restore), verdict: left };
  const damage = whyDamaged(facts);
  if (damage !== undefined) return { status: fail(restore, facts.nowMs, damage), verdict: undefined };
  if (
    !facts.isQuorate ||
    keepers(facts).length < targetVoters(facts) ||
    facts.members.some((member) => !member.isHealthy)
  ) {
    return { status: stay(restore), verdict: undefined };
  }
  return { status: verify(facts, restore), verdict: undefined };
}

/** What the cluster was rebuilt from turned out to be worth nothing: another restore has to be asked for. */
function whyDamaged(facts: Facts): string | undefined {
  const isCorrupt = facts.world.etcd.alarms.some((alarm) => alarm.alarm === "CORRUPT");
  if (!isCorrupt || facts.voterCount !== 1) return undefined;
  return "the data that the cluster was rebuilt from is damaged: restore in place from a backup";
}

/** Members of before that a recovery from a survivor left without a cluster. */
function leaveOld(facts: Facts, restore: EtcdRestore): Verdict | undefined {
  if (!facts.isQuorate) return undefined;
  for (const member of facts.members) {
    if (member.isLeaving || member.entry !== undefined || !member.hasJoined || member.name === restore.status?.seed)
      continue;
    const reason = "the cluster was rebuilt without it";
    return act(
      RULE,
      { kind: "MarkLeaving", member: member.name, reason },
      {
        progress: progress(restore),
        message: `${member.name} leaves: ${reason}`,
        member: member.name,
        requeueAfterMs: 50,
      },
    );
  }
  return undefined;
}

function verify(facts: Facts, restore: EtcdRestore): ReturnType<typeof stay> {
  const revision = Math.max(0, ...facts.members.map((member) => member.status?.revision ?? 0));
  const least = leastRevision(restore);
  if (revision < least)
    return fail(
      restore,
      facts.nowMs,
      `the store is at revision ${revision}, below the ${least} that the restore promised`,
    );
  const message = `${facts.members.length} members serve at revision ${revision}`;
  return advance(
    restore,
    facts.nowMs,
    { phase: "Completed", step: "Completed", message, completedAt: timestamp(facts.nowMs) },
    { name: "Completed", result: message },
  );
}

/** Revision that watchers must not see the store below. */
function leastRevision(restore: EtcdRestore): number {
  if (restore.spec.source.survivor !== undefined) return Number(restore.status?.restoredRevision ?? 0);
  return Number(restore.status?.artifact?.revision ?? 0) + (restore.status?.revisionBump ?? 0);
}
