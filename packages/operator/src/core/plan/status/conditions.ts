import { type Condition, parseDuration } from "../../api/index.ts";
import { type Facts, hasQuorum } from "../facts/facts.ts";
import { isUnderWay } from "../facts/restore-phase.ts";
import { isPaused } from "../gates/index.ts";
import { quorumOf } from "../quorum.ts";
import { listenerWithout, outOfDateListener } from "../rules/member-tls.ts";
import { isLostForGood, survivors } from "../rules/no-quorum.ts";
import { outdatedMembers } from "../rules/roll.ts";
import { overlapEndMs } from "../rules/rotation.ts";
import type { Verdict } from "../rules/verdict.ts";
import { smallClaims } from "../rules/volumes.ts";
import { millisecondsOf, timestamp } from "../timestamps.ts";
import { setCondition } from "./set-condition.ts";
import { troubles } from "./troubles.ts";
import { isWaking } from "./waking.ts";

/** Every condition that an EtcdCluster has, from its first pass on. */
export const CONDITION_TYPES = [
  "Ready",
  "Available",
  "Progressing",
  "Degraded",
  "QuorumHealthy",
  "ClusterIDConsistent",
  "StorageReady",
  "CertificatesReady",
  "NoAlarms",
  "BackupHealthy",
  "Paused",
  "EvenSize",
  "UpgradeAvailable",
] as const;

type ConditionType = (typeof CONDITION_TYPES)[number];

interface Finding {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

const FINDERS: Readonly<Record<ConditionType, (facts: Facts, verdict: Verdict, isFenced: boolean) => Finding>> = {
  Ready: ready,
  Available: available,
  Progressing: progressing,
  Degraded: degraded,
  QuorumHealthy: quorumHealthy,
  ClusterIDConsistent: clusterIdConsistent,
  StorageReady: storageReady,
  CertificatesReady: certificatesReady,
  NoAlarms: noAlarms,
  BackupHealthy: backupHealthy,
  Paused: paused,
  EvenSize: evenSize,
  UpgradeAvailable: () => no("NoneKnown", "no newer patch release is known"),
};

export function conditions(facts: Facts, verdict: Verdict, isFenced: boolean): readonly Condition[] {
  const before = facts.previous.conditions ?? [];
  const ours = CONDITION_TYPES.map((type) =>
    setCondition(before, facts.nowMs, facts.cluster.metadata.generation, {
      type,
      ...FINDERS[type](facts, verdict, isFenced),
    }),
  );
  const others = before.filter((condition) => !CONDITION_TYPES.some((type) => type === condition.type));
  return [...ours, ...others];
}

const yes = (reason: string, message: string): Finding => ({ status: "True", reason, message });
const no = (reason: string, message: string): Finding => ({ status: "False", reason, message });
const unknown = (reason: string, message: string): Finding => ({ status: "Unknown", reason, message });

function ready(facts: Facts, verdict: Verdict, isFenced: boolean): Finding {
  const { replicas } = facts.spec;
  const specError = facts.world.specErrors?.[0];
  if (specError !== undefined) return no("InvalidSpec", specError);
  if (verdict.rule === "retained-volumes" && verdict.step === undefined)
    return no("RetainedVolumesFound", verdict.message);
  if (verdict.progress === "Paused")
    return isAsWanted(facts, isFenced)
      ? yes("AllMembersReady", "all members are healthy; paused")
      : no("Paused", verdict.message);
  if (replicas === 0)
    return verdict.rule === "hibernate" || facts.members.length === 0
      ? no("Hibernated", verdict.message)
      : no("Scaling", verdict.message);
  if (facts.identity.clusterId === undefined || isFenced) return no("Bootstrapping", verdict.message);
  if (isWaking(facts)) return no("Waking", verdict.message);
  if (!facts.isQuorate) return hasAnswers(facts) ? no("NoQuorum", verdict.message) : no("Unreachable", verdict.message);
  if (facts.world.etcd.alarms.length > 0) return no("AlarmActive", verdict.message);
  if (facts.voterCount !== replicas || facts.members.length !== replicas) return no("Scaling", verdict.message);
  if (outdatedMembers(facts).length > 0) return no("Updating", verdict.message);
  if (!isAsWanted(facts, isFenced)) return no("MembersNotReady", verdict.message);
  return yes("AllMembersReady", `${replicas} members are healthy`);
}

/** The size that is asked for, every voter healthy and ready, and what runs is what is asked for. */
export function isAsWanted(facts: Facts, isFenced: boolean): boolean {
  const { replicas } = facts.spec;
  if (
    isFenced ||
    replicas === 0 ||
    !facts.isQuorate ||
    facts.voterCount !== replicas ||
    facts.members.length !== replicas
  )
    return false;
  if (facts.world.etcd.alarms.length > 0 || outdatedMembers(facts).length > 0) return false;
  return facts.members.every(
    (member) => member.isVoter && member.isHealthy && member.pod?.ready === true && !member.isLeaving,
  );
}

function hasAnswers(facts: Facts): boolean {
  return [...facts.world.etcd.answers.values()].some((answer) => answer.kind === "status");
}

function available(facts: Facts, verdict: Verdict, isFenced: boolean): Finding {
  if (facts.identity.clusterId === undefined || (isFenced && !isRestoring(facts)))
    return no("NotBootstrapped", verdict.message);
  if (isFenced) return no("NoQuorum", verdict.message);
  if (verdict.rule === "hibernate") return no("Hibernated", verdict.message);
  if (isWaking(facts)) return no("Waking", verdict.message);
  if (facts.isQuorate) {
    if (facts.world.etcd.alarms.some((alarm) => alarm.alarm === "NOSPACE"))
      return yes("NoSpace", "reads succeed, writes are refused: the store is full");
    return yes("QuorumHealthy", "a linearizable read succeeded");
  }
  if (hasAnswers(facts))
    return facts.leaderId === undefined ? no("NoLeader", verdict.message) : no("NoQuorum", verdict.message);
  const failed = [...facts.world.etcd.answers.values()].find((answer) => answer.kind === "failed");
  if (failed?.kind === "failed" && (failed.code === "AuthFailed" || failed.code === "PermissionDenied"))
    return no("AuthFailed", failed.message);
  if (isLostForGood(facts)) return no("NoQuorum", verdict.message);
  return unknown("Unreachable", "no member answers");
}

function isRestoring(facts: Facts): boolean {
  return facts.world.restore !== undefined && isUnderWay(facts.world.restore);
}

/** False for what waits on somebody else; what is late says so and goes on. */
const NOT_PROGRESSING: ReadonlySet<string> = new Set([
  "Complete",
  "Paused",
  "WaitingForWindow",
  "WaitingForApproval",
  "WaitingForBackup",
  "WaitingForUser",
]);

function progressing(facts: Facts, verdict: Verdict): Finding {
  if (NOT_PROGRESSING.has(verdict.progress)) return no(verdict.progress, verdict.message);
  const startedMs =
    facts.previous.operation?.type === verdict.progress
      ? millisecondsOf(facts.previous.operation.startedAt)
      : undefined;
  const limitMs = facts.spec.progressDeadlineSeconds * 1000;
  if (startedMs !== undefined && facts.nowMs - startedMs > limitMs) {
    return no("DeadlineExceeded", `for more than ${facts.spec.progressDeadlineSeconds} s: ${verdict.message}`);
  }
  return yes(verdict.progress, verdict.message);
}

function degraded(facts: Facts, verdict: Verdict): Finding {
  const found = troubles(facts, verdict);
  const [worst] = found;
  if (worst === undefined) return no("AsDesigned", "as many failures are borne as the size allows");
  return yes(
    worst.reason,
    found
      .map((trouble) => trouble.message)
      .join("; ")
      .slice(0, 4096),
  );
}

function quorumHealthy(facts: Facts, verdict: Verdict): Finding {
  if (facts.identity.clusterId === undefined) return unknown("Unknown", "the cluster is not born yet");
  if (verdict.rule === "hibernate" || isWaking(facts)) return unknown("Unknown", verdict.message);
  const required = quorumOf(facts.voterCount);
  const healthy = facts.healthyVoterCount;
  const counts = `${healthy} of ${facts.voterCount} voters are healthy, ${required} are needed`;
  if (hasQuorum(facts)) {
    const isAtRisk = healthy === required && facts.voterCount > 1 && healthy < facts.voterCount;
    return yes(isAtRisk ? "AtRisk" : "Healthy", isAtRisk ? `${counts}: one more failure loses the quorum` : counts);
  }
  if (facts.isQuorate) return unknown("Unknown", `a quorum answers, and ${counts}`);
  if (isLostForGood(facts))
    return no(survivors(facts).length > 0 ? "LostRecoverable" : "LostPermanently", verdict.message);
  if (!hasAnswers(facts) && facts.members.some((member) => member.pod?.ready === true))
    return unknown("Unknown", "no member answers");
  return no("Lost", `${counts}; the volumes of a majority are there`);
}

function clusterIdConsistent(facts: Facts): Finding {
  const { clusterId, others } = facts.identity;
  if (others.length > 0)
    return no("SplitBrain", `cluster ID ${clusterId ?? "unknown"} is expected, and ${others.join(", ")} was seen`);
  const foreign =
    facts.membership.source === "Quorum"
      ? facts.orphans.find((orphan) => orphan.formerMember === undefined)
      : undefined;
  if (foreign !== undefined) {
    const { id, name, peerUrls } = foreign.entry;
    return no(
      "ForeignMember",
      `member ${name === "" ? id : name} (${peerUrls.join(", ")}) is not the operator's: remove it, or leave it and expect no change of the membership`,
    );
  }
  const stale = facts.members.find(
    (member) => facts.isQuorate && member.entry === undefined && member.hasJoined && member.pod !== undefined,
  );
  if (stale !== undefined) return no("StaleMember", `${stale.name} runs and is not in the member list`);
  if (clusterId === undefined) return unknown("NotBootstrapped", "the cluster is not born yet");
  if (!hasAnswers(facts)) return unknown("Unknown", "no member answers");
  return yes("Consistent", `every member that answers is of cluster ${clusterId}`);
}

function storageReady(facts: Facts): Finding {
  if (facts.spec.storage.medium === "Memory") return yes("Ready", "data is kept in memory");
  const claims = facts.world.claims.filter((claim) => claim.member !== undefined && !claim.isRetired);
  const small = smallClaims(facts);
  const stuck = small.find((claim) => claim.canExpand === false);
  if (stuck !== undefined)
    return no(
      "ExpansionUnsupported",
      `${stuck.name}: its storage class ${stuck.storageClassName ?? ""} cannot expand volumes`,
    );
  const restart = claims.find((claim) => claim.needsRestartToGrow);
  if (restart !== undefined) return no("AwaitingRestart", `${restart.name} grows when its member restarts`);
  const growing = claims.filter((claim) => claim.phase === "Bound" && claim.capacity < claim.requested);
  if (small.length > 0 || growing.length > 0) return no("Expanding", `${small.length + growing.length} volumes grow`);
  const pending = claims.find((claim) => claim.phase !== "Bound");
  if (pending !== undefined) return no("Pending", `${pending.name} is ${pending.phase}`);
  if (claims.length === 0) return unknown("Pending", "there is no volume yet");
  return yes("Ready", `${claims.length} volumes are bound`);
}

function certificatesReady(facts: Facts): Finding {
  const { certificates } = facts.world;
  const { peer, client } = facts.spec.tls;
  if (certificates.length === 0) {
    return peer.mode === "Disabled" && client.mode === "Disabled"
      ? yes("Valid", "no certificates are used")
      : unknown("Renewing", "no certificate was read yet");
  }
  const [first] = [...certificates].sort((a, b) => a.notAfterMs - b.notAfterMs);
  const expired = certificates.find((certificate) => certificate.notAfterMs <= facts.nowMs);
  if (expired !== undefined) return no("Expired", `the certificate in ${expired.name} has expired`);
  const due = certificates.filter((certificate) => certificate.renewAtMs <= facts.nowMs);
  const [authority, leaf] = [due.find(({ kind }) => kind === "CA"), due.find(({ kind }) => kind !== "CA")];
  if (authority !== undefined && facts.world.rotation === undefined)
    return no("ExpiringSoon", `the authority in ${authority.name} ends soon, and its key is not there to replace it`);
  const late = outOfDateListener(facts);
  const isReissuing = leaf !== undefined || late !== undefined || certificates.some((one) => one.isOfFormerAuthority);
  if (isReissuing && facts.world.rotation?.phase === "Reissue")
    return no("CARotationReissue", "members and clients get certificates of the new authorities");
  if (leaf !== undefined) return no("Renewing", `the certificate in ${leaf.name} is renewed`);
  if (late !== undefined) return no("Renewing", `${late} does not show the certificate in its Secret yet`);
  const unseen = facts.members.find(({ isHealthy, name }) => isHealthy && facts.world.memberTls?.has(name) === false);
  if (unseen !== undefined) return unknown("Unseen", `which certificates ${unseen.name} shows could not be seen`);
  return overlapping(facts) ?? yes("Valid", `the first one to end is ${first?.name ?? ""}`);
}

/** Two authorities are trusted: everything is in order, and will not stay as it is. */
function overlapping(facts: Facts): Finding | undefined {
  const until = timestamp(overlapEndMs(facts));
  switch (facts.world.rotation?.phase) {
    case "TrustNew": {
      const late = listenerWithout(facts, ({ trustsNext }) => trustsNext === true);
      const when = late === undefined ? `from ${until} on` : `once ${late} trusts them, too`;
      return yes("CARotationTrustNew", `new authorities are trusted; they issue ${when}`);
    }
    case "Reissue":
      return yes("CARotationReissue", `the former authorities are trusted until ${until} at least`);
    case "DropOld":
      return yes("CARotationDropOld", "members are to trust the former authorities no more");
    default:
      return undefined;
  }
}

function noAlarms(facts: Facts): Finding {
  const { alarms } = facts.world.etcd;
  if (alarms.length > 0) {
    const corrupt = alarms.find((alarm) => alarm.alarm === "CORRUPT");
    return no(
      corrupt === undefined ? "NoSpace" : "Corrupt",
      alarms.map((alarm) => `${alarm.memberId} raises ${alarm.alarm}`).join(", "),
    );
  }
  return facts.isQuorate ? yes("None", "no alarm is raised") : unknown("Unknown", "alarms could not be read");
}

/** Milliseconds after which backups count as stale where the spec names no age: two days. */
const STALE_MS = 48 * 3_600_000;

function backupHealthy(facts: Facts): Finding {
  const newest = facts.world.newestBackup;
  if (newest === undefined) {
    return facts.spec.backup === undefined
      ? unknown("NotConfigured", "no backups are configured")
      : unknown("NotConfigured", "there is no backup yet");
  }
  const limit = parseDuration(facts.spec.backup?.staleAfter ?? "") ?? STALE_MS;
  if (facts.nowMs - newest.completedMs > limit) return no("Stale", `the newest backup is ${newest.name}`);
  return newest.verified
    ? yes("Fresh", `the newest backup is ${newest.name}`)
    : no("Unverified", `${newest.name} is not verified`);
}

function paused(facts: Facts): Finding {
  const how = isPaused(facts.world);
  if (how === undefined) return no("NotPaused", "changes are made");
  return yes(how, how === "BySpec" ? "spec.paused is true" : "the pause annotation is set");
}

function evenSize(facts: Facts): Finding {
  const { replicas } = facts.spec;
  if (replicas === 0 || replicas % 2 === 1) return no("OddSize", "the size is odd");
  return yes("AllowedByUser", `${replicas} members bear no more failures than ${replicas - 1}`);
}
