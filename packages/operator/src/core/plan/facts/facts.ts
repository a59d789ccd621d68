import { ANNOTATIONS, type EtcdCluster, type EtcdClusterSpec, type EtcdClusterStatus } from "../../api/index.ts";
import { memberBehind, peerUrlOf } from "../addresses.ts";
import { quorumOf } from "../quorum.ts";
import { millisecondsOf } from "../timestamps.ts";
import { type Identity, identify } from "./identity.ts";
import type { MemberFacts } from "./member-facts.ts";
import { type Membership, membershipOf } from "./membership.ts";
import type { ClaimView, EtcdMemberEntry, EtcdStatus, MemberAnswer, PodView, World } from "./seen.ts";

/** A world as the rules read it: its parts joined by member, and the sums that every rule needs. */
export interface Facts {
  readonly world: World;
  readonly nowMs: number;
  readonly cluster: EtcdCluster;
  readonly spec: EtcdClusterSpec;
  /** The status that the pass before wrote; where times are measured from. */
  readonly previous: EtcdClusterStatus;
  readonly identity: Identity;
  readonly membership: Membership;
  /** By serial number. */
  readonly members: readonly MemberFacts[];
  /** Entries of the member list that no EtcdMember stands for. */
  readonly orphans: readonly OrphanEntry[];
  /** Pods and claims of the cluster that no EtcdMember stands for; retired claims are not among them. */
  readonly orphanPods: readonly PodView[];
  readonly orphanClaims: readonly ClaimView[];
  readonly leaderId: string | undefined;
  readonly leader: MemberFacts | undefined;
  /** Voters in the member list, ours and others. */
  readonly voterCount: number;
  readonly healthyVoterCount: number;
  /** A linearizable read and a linearizable list came through in this pass. */
  readonly isQuorate: boolean;
}

export interface OrphanEntry {
  readonly entry: EtcdMemberEntry;
  /** Name of the EtcdMember that once stood for it, if the peer URL is of our making. */
  readonly formerMember: string | undefined;
}

/** Joins what a pass saw. Never throws, whatever the world is like. */
export function gatherFacts(world: World): Facts {
  const identity = identify(world);
  const membership = membershipOf(world, identity.expected);
  const leaderId = leaderIdOf(world, membership);
  const leaderIndex = leaderRaftIndex(world, leaderId);
  const members = [...world.members]
    .sort((a, b) => a.spec.serial - b.spec.serial)
    .map((object) => memberFacts(world, object, { identity, membership, leaderId, leaderIndex }));
  const names = new Set(members.map((member) => member.name));
  const listed = new Set(members.map((member) => member.entry?.id).filter((id) => id !== undefined));
  const voters = membership.entries.filter((entry) => !entry.isLearner);
  return {
    world,
    nowMs: world.nowMs,
    cluster: world.cluster,
    spec: world.cluster.spec,
    previous: world.cluster.status ?? {},
    identity,
    membership,
    members,
    orphans: membership.entries
      .filter((entry) => !listed.has(entry.id))
      .map((entry) => ({ entry, formerMember: memberBehind(world.cluster, entry.peerUrls) })),
    orphanPods: world.pods.filter((pod) => !names.has(pod.member)),
    orphanClaims: world.claims.filter(
      (claim) => !claim.isRetired && (claim.member === undefined || !names.has(claim.member)),
    ),
    leaderId,
    leader: members.find((member) => member.isLeader),
    voterCount: voters.length,
    healthyVoterCount: members.filter((member) => member.isVoter && member.isHealthy).length,
    isQuorate: membership.source === "Quorum" && world.etcd.isReadable && identity.others.length === 0,
  };
}

interface Shared {
  readonly identity: Identity;
  readonly membership: Membership;
  readonly leaderId: string | undefined;
  readonly leaderIndex: number | undefined;
}

function memberFacts(world: World, object: World["members"][number], shared: Shared): MemberFacts {
  const name = object.metadata.name;
  const pod = world.pods.find((candidate) => candidate.member === name);
  const claim = world.claims.find((candidate) => candidate.member === name && !candidate.isRetired);
  const url = peerUrlOf(world.cluster, name);
  const entry = shared.membership.entries.find((candidate) => candidate.peerUrls.includes(url));
  const answer = pod === undefined ? undefined : world.etcd.answers.get(name);
  const status = ownStatus(answer, entry, shared.identity.expected);
  const isHealthy = pod !== undefined && !pod.isTerminating && knowsLeader(status) && entry !== undefined;
  const isVoter = entry !== undefined && !entry.isLearner;
  const hasJoined = object.status?.joined === true || pod?.annotations[ANNOTATIONS.joined] === "true";
  return {
    name,
    serial: object.spec.serial,
    object,
    pod,
    claim,
    node: world.nodes.find((node) => node.name === pod?.node),
    entry,
    answer,
    status,
    isVoter,
    isLearner: entry?.isLearner === true,
    isLeader: isVoter && entry?.id === shared.leaderId,
    isHealthy,
    lag:
      status === undefined || shared.leaderIndex === undefined
        ? undefined
        : Math.max(0, shared.leaderIndex - status.appliedIndex),
    hasJoined,
    isLeaving: object.spec.desiredRole === "Absent",
    isDoomed: object.metadata.deletionTimestamp !== undefined || (hasJoined && claim?.isTerminating === true),
    hasLostData: !isHealthy && (hasJoined || hasStarted(shared.membership, entry)) && isDataGone(world, pod, claim),
    unhealthySinceMs: isHealthy ? undefined : millisecondsOf(object.status?.unhealthySince),
  };
}

/** Who has started has data that the others count on, be it only as a learner. */
function hasStarted(membership: Membership, entry: EtcdMemberEntry | undefined): boolean {
  return membership.source !== "Memory" && entry !== undefined && entry.name !== "";
}

/** Exit codes of the start wrapper: the volume is empty or not this member's. */
export const DATA_LOST_EXIT = 78;
export const FOREIGN_DATA_EXIT = 79;
/** The forced start of this recovery was done before. */
export const ALREADY_FORCED_EXIT = 80;

function isDataGone(world: World, pod: PodView | undefined, claim: ClaimView | undefined): boolean {
  if (pod?.exitCode === DATA_LOST_EXIT || pod?.exitCode === FOREIGN_DATA_EXIT) return true;
  if (world.cluster.spec.storage.medium === "Memory") return pod === undefined || isEnded(pod);
  return claim === undefined || claim.phase === "Lost";
}

/** True for a Pod that will never run again. */
export function isEnded(pod: PodView): boolean {
  return pod.phase === "Succeeded" || pod.phase === "Failed";
}

/** The status, unless whoever answered is another member or of another cluster than the one meant. */
function ownStatus(
  answer: MemberAnswer | undefined,
  entry: EtcdMemberEntry | undefined,
  clusterId: string | undefined,
): EtcdStatus | undefined {
  if (answer?.kind !== "status") return undefined;
  if (clusterId !== undefined && answer.status.clusterId !== clusterId) return undefined;
  if (entry !== undefined && answer.status.memberId !== entry.id) return undefined;
  return answer.status;
}

function knowsLeader(status: EtcdStatus | undefined): boolean {
  return status !== undefined && status.leaderId !== "0" && status.leaderId !== "";
}

/** The leader that the members of the highest term name. */
function leaderIdOf(world: World, membership: Membership): string | undefined {
  const ids = new Set(membership.entries.filter((entry) => !entry.isLearner).map((entry) => entry.id));
  let term = -1;
  let leader: string | undefined;
  for (const answer of world.etcd.answers.values()) {
    if (answer.kind !== "status" || !ids.has(answer.status.leaderId)) continue;
    if (answer.status.raftTerm <= term) continue;
    term = answer.status.raftTerm;
    leader = answer.status.leaderId;
  }
  return leader;
}

function leaderRaftIndex(world: World, leaderId: string | undefined): number | undefined {
  for (const answer of world.etcd.answers.values()) {
    if (answer.kind === "status" && answer.status.memberId === leaderId) return answer.status.raftIndex;
  }
  return undefined;
}

/** Healthy voters other than `name`. */
export function healthyVotersBeside(facts: Facts, name: string): number {
  return facts.members.filter((member) => member.isVoter && member.isHealthy && member.name !== name).length;
}

/** Our voters that are to stay. */
export function keepers(facts: Facts): readonly MemberFacts[] {
  return facts.members.filter((member) => member.isVoter && !member.isLeaving && !member.isDoomed);
}

/** Voters that the spec asks for: hibernation keeps one member's data. */
export function targetVoters(facts: Facts): number {
  return Math.max(1, facts.spec.replicas);
}

export function hasQuorum(facts: Facts): boolean {
  return facts.isQuorate && facts.healthyVoterCount >= quorumOf(facts.voterCount);
}

/** Number for the next member: greater than any that is known of, so that none is ever used twice. */
export function nextSerial(facts: Facts): number {
  const { world } = facts;
  let highest = facts.previous.lastSerial ?? 0;
  for (const member of facts.members) highest = Math.max(highest, member.serial);
  for (const claim of world.claims) highest = Math.max(highest, Number.isFinite(claim.serial) ? claim.serial : 0);
  const ours = new Set(facts.members.map((member) => peerUrlOf(facts.cluster, member.name)));
  for (const list of [world.etcd.list, ...world.etcd.localLists.values()]) {
    for (const entry of list?.members ?? []) {
      if (!entry.peerUrls.some((url) => ours.has(url))) highest = Math.max(highest, serialOfEntry(world, entry));
    }
  }
  return highest + 1;
}

function serialOfEntry(world: World, entry: EtcdMemberEntry): number {
  const name = memberBehind(world.cluster, entry.peerUrls);
  return name === undefined ? 0 : Number(name.slice(world.cluster.metadata.name.length + 1));
}
