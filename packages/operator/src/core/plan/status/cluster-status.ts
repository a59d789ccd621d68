import { type EtcdClusterStatus, formatBytes, LABELS } from "../../api/index.ts";
import { clientUrlOf } from "../addresses.ts";
import { type Facts, nextSerial } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import { compareVersions, parseVersion } from "../gates/index.ts";
import { quorumOf } from "../quorum.ts";
import { defragmentedThisRound } from "../rules/defrag.ts";
import { quotaBytes } from "../rules/quota.ts";
import { outdatedMembers } from "../rules/roll.ts";
import type { Verdict } from "../rules/verdict.ts";
import { smallClaims } from "../rules/volumes.ts";
import { timestamp } from "../timestamps.ts";
import { conditions } from "./conditions.ts";
import { leaderStatus } from "./leader.ts";
import { messageOf, phaseOf } from "./member-status.ts";
import { pacing } from "./pacing.ts";
import { phase } from "./phase.ts";
import { survivorTable } from "./survivors.ts";
import { isWaking } from "./waking.ts";

/** The status after this pass. Fields that other controllers own are left as they were. */
export function clusterStatus(facts: Facts, verdict: Verdict, isFenced: boolean): EtcdClusterStatus {
  const { cluster, previous, spec } = facts;
  const name = cluster.metadata.name;
  const now = timestamp(facts.nowMs);
  const ready = facts.members.filter((member) => member.pod?.ready === true && member.isHealthy).length;
  const voters = facts.membership.entries.filter((entry) => !entry.isLearner).length;
  const isAsleep = verdict.rule === "hibernate" || isWaking(facts);
  const isUnanswered = facts.identity.clusterId !== undefined && !facts.isQuorate && !isAsleep;
  return {
    ...previous,
    observedGeneration: cluster.metadata.generation,
    lastObservedTime: now,
    phase: phase(facts, verdict, isFenced),
    message: verdict.message,
    clusterID: clusterId(facts),
    previousClusterIDs: formerIds(facts),
    clusterToken: previous.clusterToken ?? token(facts),
    replicas: facts.members.length,
    readyReplicas: ready,
    voters,
    learners: facts.membership.entries.length - voters,
    updatedReplicas: facts.members.filter((member) => member.pod !== undefined).length - outdatedMembers(facts).length,
    selector: `${LABELS.cluster}=${name},${LABELS.member}`,
    ready: `${ready}/${spec.replicas}`,
    quorum: {
      required: voters === 0 ? 0 : quorumOf(voters),
      healthy: facts.healthyVoterCount,
      tolerates: Math.max(0, facts.healthyVoterCount - quorumOf(voters)),
    },
    leader: leaderStatus(facts),
    members: [...facts.members.map((member) => memberRow(facts, member)), ...foreignRows(facts)].slice(0, 32),
    survivors: isUnanswered ? survivorTable(facts) : undefined,
    quorumLostSince: isUnanswered ? (previous.quorumLostSince ?? now) : undefined,
    version: versions(facts),
    revision: revision(facts) ?? previous.revision,
    database: database(facts) ?? previous.database,
    endpoints: endpoints(facts),
    credentials: credentials(facts),
    certificates: certificates(facts),
    operation: operation(facts, verdict),
    storage: storage(facts),
    maintenance: maintenance(facts, verdict),
    pacing: pacing(facts, verdict),
    recoveryEpoch: Math.max(
      previous.recoveryEpoch ?? 0,
      ...facts.members.map((member) => member.object.spec.recoveryEpoch),
    ),
    lastSerial: nextSerial(facts) - 1,
    conditions: conditions(facts, verdict, isFenced),
  };
}

/** What volumes alone tell may be of a former cluster of this name. */
function clusterId(facts: Facts): string | undefined {
  const { clusterID } = facts.previous;
  const hasMore = facts.members.length > 0 || facts.world.latches.some((latch) => latch.where !== "claim");
  return hasMore ? (facts.identity.clusterId ?? clusterID) : clusterID;
}

function token(facts: Facts): string {
  const { namespace = "default", name, uid = "" } = facts.cluster.metadata;
  return `${namespace}-${name}-${uid}`.slice(0, 253);
}

function formerIds(facts: Facts): EtcdClusterStatus["previousClusterIDs"] {
  const { clusterID, previousClusterIDs = [] } = facts.previous;
  const { clusterId } = facts.identity;
  if (clusterID === undefined || clusterId === undefined || clusterID === clusterId)
    return facts.previous.previousClusterIDs;
  return [...previousClusterIDs.filter((id) => id !== clusterID), clusterID].slice(-16);
}

function memberRow(facts: Facts, member: MemberFacts): NonNullable<EtcdClusterStatus["members"]>[number] {
  const { status, pod } = member;
  const old = facts.previous.members?.find((row) => row.name === member.name);
  const isReplaced =
    member.isLeaving && /lost|healthy|crashed|damaged|deleted/.test(member.object.spec.leavingReason ?? "");
  return {
    name: member.name,
    id: member.entry?.id ?? member.object.status?.memberID,
    phase: phaseOf(facts, member),
    role: member.isLearner ? "Learner" : status === undefined ? "Unknown" : member.isLeader ? "Leader" : "Follower",
    ready: pod?.ready ?? false,
    node: pod?.node,
    zone: member.node?.zone,
    version: status?.version ?? old?.version,
    dbSize: status?.dbSize ?? old?.dbSize,
    dbInUse: status?.dbSizeInUse ?? old?.dbInUse,
    raftIndex: status?.raftIndex ?? old?.raftIndex,
    appliedIndex: status?.appliedIndex ?? old?.appliedIndex,
    lag: member.lag,
    alarms: alarmsOf(facts, member),
    lastSeen: status === undefined ? old?.lastSeen : timestamp(facts.nowMs),
    message: isReplaced ? `is replaced: ${member.object.spec.leavingReason ?? ""}` : messageOf(member),
  };
}

function alarmsOf(facts: Facts, member: MemberFacts): readonly string[] | undefined {
  const alarms = facts.world.etcd.alarms
    .filter((alarm) => alarm.memberId === member.entry?.id)
    .map((alarm) => alarm.alarm);
  return alarms.length === 0 ? undefined : [...new Set(alarms)].sort();
}

function foreignRows(facts: Facts): readonly NonNullable<EtcdClusterStatus["members"]>[number][] {
  const own = new Set(facts.members.map((member) => member.name));
  return facts.orphans
    .map(({ entry, formerMember }) => ({ entry, name: formerMember ?? (entry.name === "" ? entry.id : entry.name) }))
    .filter(({ name }, index, all) => !own.has(name) && all.findIndex((other) => other.name === name) === index)
    .map(({ entry, name }) => ({
      name,
      id: entry.id,
      phase: "Foreign",
      role: entry.isLearner ? ("Learner" as const) : ("Unknown" as const),
      message: "no EtcdMember stands for it",
    }));
}

/** The lowest version that Pods of members were made for: what the spec falls back to where it names none. */
function versions(facts: Facts): EtcdClusterStatus["version"] {
  const running = facts.members
    .filter((member) => member.isVoter && member.isHealthy)
    .map((member) => member.object.spec.version)
    .filter((version) => version !== undefined)
    .map((text) => ({ text, parsed: parseVersion(text) }));
  const sorted = running.sort((a, b) =>
    a.parsed === undefined || b.parsed === undefined ? 0 : compareVersions(a.parsed, b.parsed),
  );
  const current = sorted[0]?.text ?? facts.previous.version?.current;
  return { ...facts.previous.version, current, target: facts.world.wanted.version };
}

function revision(facts: Facts): string | undefined {
  const revisions = facts.members.map((member) => member.status?.revision).filter((value) => value !== undefined);
  return revisions.length === 0 ? undefined : String(Math.max(...revisions));
}

function database(facts: Facts): EtcdClusterStatus["database"] {
  const [largest] = facts.members
    .map((member) => member.status)
    .filter((status) => status !== undefined)
    .sort((a, b) => b.dbSize - a.dbSize);
  if (largest === undefined) return undefined;
  const quota = quotaBytes(facts);
  const { dbSize, dbSizeInUse } = largest;
  return {
    size: formatBytes(dbSize),
    sizeBytes: dbSize,
    inUseBytes: dbSizeInUse,
    quotaBytes: quota,
    quotaPercent: quota > 0 ? Math.round((100 * dbSize) / quota) : undefined,
    fragmentationPercent:
      dbSize > 0 ? Math.min(100, Math.max(0, Math.round((100 * (dbSize - dbSizeInUse)) / dbSize))) : 0,
  };
}

function endpoints(facts: Facts): EtcdClusterStatus["endpoints"] {
  const { name, namespace = "default" } = facts.cluster.metadata;
  const scheme = facts.spec.tls.client.mode === "Disabled" ? "http" : "https";
  return {
    service: `${scheme}://${name}.${namespace}.svc:2379`,
    members: facts.members
      .filter((member) => member.isVoter && !member.isLeaving)
      .map((member) => clientUrlOf(facts.cluster, member.name))
      .slice(0, 16),
    peer: `${name}-peers.${namespace}.svc`,
  };
}

function credentials(facts: Facts): EtcdClusterStatus["credentials"] {
  const { name } = facts.cluster.metadata;
  if (facts.spec.tls.client.mode === "Disabled") return facts.previous.credentials;
  const { rootSecretName: _former, ...previous } = facts.previous.credentials ?? {};
  return {
    ...previous,
    clientSecretName: `${name}-client`,
    caConfigMapName: `${name}-ca-bundle`,
    ...(facts.spec.auth.enabled ? { rootSecretName: facts.spec.auth.rootSecretName ?? `${name}-root` } : {}),
  };
}

function certificates(facts: Facts): EtcdClusterStatus["certificates"] {
  const rows = facts.world.certificates.map((certificate) => ({
    name: certificate.name,
    kind: certificate.kind,
    notAfter: timestamp(certificate.notAfterMs),
    renewAt: timestamp(certificate.renewAtMs),
    issuer: certificate.issuer,
    phase: certificate.renewAtMs <= facts.nowMs ? "Renewing" : "Valid",
  }));
  const unique = rows.filter((row, index) => rows.findIndex((other) => other.name === row.name) === index);
  return unique.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, 64);
}

/** The one thing that is being done, since when: what is measured against the deadline. */
function operation(facts: Facts, verdict: Verdict): EtcdClusterStatus["operation"] {
  if (verdict.progress === "Complete" || verdict.progress === "Paused") return undefined;
  const before = facts.previous.operation;
  const isSame = before?.type === verdict.progress && before.member === verdict.member;
  return {
    type: verdict.progress,
    member: verdict.member,
    step: verdict.step?.kind ?? (isSame ? before.step : "Waiting"),
    startedAt: isSame ? before.startedAt : timestamp(facts.nowMs),
    reason: verdict.message,
  };
}

function storage(facts: Facts): EtcdClusterStatus["storage"] {
  const own = facts.world.claims.filter((claim) => claim.member !== undefined && !claim.isRetired);
  const bound = own.filter((claim) => claim.phase === "Bound");
  const growing = new Set(
    [...smallClaims(facts), ...bound.filter((claim) => claim.capacity < claim.requested)].map((claim) => claim.name),
  );
  return {
    requested: String(facts.spec.storage.size),
    actual: bound.length === 0 ? undefined : formatBytes(Math.min(...bound.map((claim) => claim.capacity))),
    pending: [...growing].sort().slice(0, 64),
    dangling: facts.world.claims
      .filter((claim) => claim.isRetired)
      .map((claim) => claim.name)
      .sort()
      .slice(0, 64),
  };
}

/** A member counts as done when its turn begins, so that a failure is not repeated for ever and a crash costs one round at most. */
function maintenance(facts: Facts, verdict: Verdict): EtcdClusterStatus["maintenance"] {
  const before = facts.previous.maintenance;
  const nextWindowMs = facts.world.calendar?.nextWindowMs;
  const common = { ...before, nextWindow: nextWindowMs === undefined ? undefined : timestamp(nextWindowMs) };
  if (verdict.rule !== "defrag" || verdict.step?.kind !== "Defragment")
    return before === undefined && nextWindowMs === undefined ? undefined : common;
  const { member } = verdict.step;
  const done = defragmentedThisRound(facts).filter((name) => name !== member);
  return {
    ...common,
    lastDefragTime: timestamp(facts.nowMs),
    lastDefragResult: `${member} was defragmented at ${formatBytes(facts.members.find((one) => one.name === member)?.status?.dbSize ?? 0)}`,
    defragmented: [...done, member].slice(-16),
  };
}
