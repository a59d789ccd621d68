import {
  CONDITION_TYPES,
  type Decision,
  type EtcdMember,
  type EtcdMemberEntry,
  parseDuration,
  peerUrlOf,
  type Step,
  type World,
} from "../../src/core/index.ts";

/** One breach: the number of the invariant in docs/operator-invariants.md, and what was found. */
export interface Breach {
  readonly invariant: string;
  readonly detail: string;
}

/**
 * Holds a decision against the world it was made of. Everything is worked out from the world anew, and nothing of the planner's own code is
 * used but the addresses of members: a mistake there must not hide itself here.
 */
export function breaches(world: World, decision: Decision): readonly Breach[] {
  const found: Breach[] = [];
  const claim = (invariant: string, holds: boolean, detail: string): void => {
    if (!holds) found.push({ invariant, detail });
  };
  checkStatus(world, decision, claim);
  const { step } = decision;
  if (step === undefined) return found;
  checkRest(world, step, claim);
  checkMembershipSteps(world, step, claim);
  checkPods(world, step, claim);
  checkVolumes(world, step, claim);
  checkBirth(world, step, claim);
  checkAuthorities(world, step, claim);
  return found;
}

type Claim = (invariant: string, holds: boolean, detail: string) => void;

function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

function isDeleting(world: World): boolean {
  return world.cluster.metadata.deletionTimestamp !== undefined;
}

/** A restore in place that the planner works on. */
export function isRecovering(world: World): boolean {
  const { restore } = world;
  return (
    restore !== undefined &&
    restore.spec.mode === "InPlace" &&
    ["Fencing", "Seeding", "Growing", "Verifying"].includes(restore.status?.phase ?? "")
  );
}

function isFencedRestore(world: World): boolean {
  return isRecovering(world) && ["Fencing", "Seeding"].includes(world.restore?.status?.phase ?? "");
}

function latchedIds(world: World): ReadonlySet<string> {
  const ids = new Set(world.latches.map((latch) => latch.clusterId));
  if (world.cluster.status?.clusterID) ids.add(world.cluster.status.clusterID);
  for (const claim of world.claims) if (!claim.isRetired && claim.clusterId !== undefined) ids.add(claim.clusterId);
  return ids;
}

/** The list that came through a quorum of the cluster that is recorded. */
function quorumList(world: World): readonly EtcdMemberEntry[] | undefined {
  const { list, isReadable } = world.etcd;
  if (list === undefined || !isReadable) return undefined;
  const ids = latchedIds(world);
  return ids.size === 0 || ids.has(list.clusterId) ? list.members : undefined;
}

function voters(entries: readonly EtcdMemberEntry[]): readonly EtcdMemberEntry[] {
  return entries.filter((entry) => !entry.isLearner);
}

function ownerOf(world: World, entry: EtcdMemberEntry): EtcdMember | undefined {
  return world.members.find((member) => entry.peerUrls.includes(peerUrlOf(world.cluster, member.metadata.name)));
}

/** A voter that answers as itself, knows a leader, and whose Pod is not on its way out. */
function isHealthy(world: World, entry: EtcdMemberEntry): boolean {
  const name = ownerOf(world, entry)?.metadata.name;
  if (name === undefined) return false;
  const pod = world.pods.find((candidate) => candidate.member === name);
  const answer = world.etcd.answers.get(name);
  if (pod === undefined || pod.isTerminating || answer?.kind !== "status") return false;
  return answer.status.memberId === entry.id && answer.status.leaderId !== "0" && answer.status.leaderId !== "";
}

function healthyBeside(world: World, entries: readonly EtcdMemberEntry[], id: string | undefined): number {
  return voters(entries).filter((entry) => entry.id !== id && isHealthy(world, entry)).length;
}

function leaderId(world: World, entries: readonly EtcdMemberEntry[]): string | undefined {
  const ids = new Set(voters(entries).map((entry) => entry.id));
  let best: { readonly term: number; readonly id: string } | undefined;
  for (const answer of world.etcd.answers.values()) {
    if (answer.kind !== "status" || !ids.has(answer.status.leaderId)) continue;
    if (best === undefined || answer.status.raftTerm > best.term)
      best = { term: answer.status.raftTerm, id: answer.status.leaderId };
  }
  return best?.id;
}

function checkStatus(world: World, decision: Decision, claim: Claim): void {
  const { status } = decision;
  const types = (status.conditions ?? []).map((condition) => condition.type);
  claim(
    "S1",
    CONDITION_TYPES.every((type) => types.filter((other) => other === type).length === 1),
    `conditions: ${types.join()}`,
  );
  for (const condition of status.conditions ?? []) {
    claim("S1", /^[A-Z][A-Za-z]+$/.test(condition.reason), `${condition.type} has the reason ${condition.reason}`);
    claim("S1", !Number.isNaN(Date.parse(condition.lastTransitionTime)), `${condition.type} has no time`);
  }
  claim(
    "S2",
    (status.observedGeneration ?? 0) <= (world.cluster.metadata.generation ?? 0),
    "observedGeneration is ahead",
  );
  const before = world.cluster.status?.clusterID;
  claim(
    "S3",
    before === undefined || status.clusterID === before || isRecovering(world),
    `the identity changes from ${before} to ${status.clusterID}`,
  );
  claim(
    "S4",
    decision.requeueAfterMs > 0 && decision.requeueAfterMs <= 20_000,
    `next pass in ${decision.requeueAfterMs} ms`,
  );
  for (const event of decision.events) claim("S5", /^[A-Z][A-Za-z]+$/.test(event.reason), `event ${event.reason}`);
  const names = new Set(world.members.map((member) => member.metadata.name));
  claim(
    "S6",
    [...decision.voters, ...decision.drained].every((name) => names.has(name)),
    "a label for somebody unknown",
  );
  const entries = quorumList(world);
  if (
    entries !== undefined &&
    decision.minAvailable !== undefined &&
    latchedIds(world).size === 1 &&
    !isRecovering(world)
  ) {
    claim(
      "B1",
      decision.minAvailable >= majority(voters(entries).length),
      `${decision.minAvailable} of ${voters(entries).length} voters must stay`,
    );
    claim(
      "B1",
      voters(entries).length > 1 || decision.step?.kind === "Promote" || entries.length > 1,
      "a budget for one voter blocks every drain",
    );
  }
}

/** What may not happen at all in some worlds. */
function checkRest(world: World, step: Step, claim: Claim): void {
  const isPaused =
    world.cluster.spec.paused || world.cluster.metadata.annotations?.["etcd.quorate.dev/pause"] === "true";
  claim("P1", !isPaused || isDeleting(world), `${step.kind} while paused`);
  claim("P2", (world.specErrors ?? []).length === 0 || isDeleting(world), `${step.kind} with an invalid spec`);
  const seen = new Set<string>(latchedIds(world));
  for (const member of world.members) {
    const answer = world.etcd.answers.get(member.metadata.name);
    if (answer?.kind === "status") seen.add(answer.status.clusterId);
  }
  claim(
    "I1",
    seen.size <= 1 || isRecovering(world) || isDeleting(world),
    `${step.kind} while ${[...seen].join(" and ")} are seen`,
  );
}

function checkMembershipSteps(world: World, step: Step, claim: Claim): void {
  switch (step.kind) {
    case "AddLearner":
      return checkAdding(world, step.peerUrl, step.member, claim);
    case "Promote":
      return checkPromoting(world, step.memberId, step.member, claim);
    case "RemoveFromCluster":
      return checkRemoving(world, step.memberId, step.member, claim);
    case "MoveLeader":
      return checkMoving(world, step, claim);
    case "CreateMember":
      if (step.join === "Existing" && quorumList(world) !== undefined)
        checkNothingOpen(world, step.name, claim, step.kind);
      return;
    case "MarkLeaving":
      return checkMarking(world, step.member, claim);
    default:
      return;
  }
}

function checkAdding(world: World, peerUrl: string, name: string, claim: Claim): void {
  const entries = quorumList(world);
  claim("Q1", entries !== undefined, "AddLearner without a quorum");
  if (entries === undefined) return;
  claim("M2", peerUrl === peerUrlOf(world.cluster, name), `${name} would be added at ${peerUrl}`);
  claim("M2", !entries.some((entry) => entry.peerUrls.includes(peerUrl)), `${peerUrl} is listed already`);
  checkNothingOpen(world, name, claim, "AddLearner");
  const count = voters(entries).length;
  const needed = count === 1 ? 1 : majority(count + 1);
  claim(
    "Q2",
    healthyBeside(world, entries, undefined) >= needed,
    `AddLearner with ${healthyBeside(world, entries, undefined)} healthy of ${count}`,
  );
}

/**
 * No learner, nobody who has not started, nobody leaving: apart from the member that the step is about, and from the last voter, which cannot
 * leave before another one votes.
 */
function checkNothingOpen(world: World, except: string, claim: Claim, what: string): void {
  const entries = quorumList(world) ?? [];
  const isLastVoter = (entry: EtcdMemberEntry): boolean => !entry.isLearner && voters(entries).length === 1;
  for (const entry of entries) {
    if (ownerOf(world, entry)?.metadata.name === except) continue;
    claim("M1", !entry.isLearner, `${what} while ${entry.id} is a learner`);
    claim("M1", entry.name !== "", `${what} while ${entry.id} has not started`);
    const isLeaving = ownerOf(world, entry)?.spec.desiredRole === "Absent";
    claim("M1", !isLeaving || isLastVoter(entry), `${what} while ${entry.id} is leaving`);
  }
}

function checkPromoting(world: World, id: string, name: string, claim: Claim): void {
  const entries = quorumList(world);
  claim("Q1", entries !== undefined, "Promote without a quorum");
  const entry = entries?.find((candidate) => candidate.id === id);
  claim(
    "M2",
    entry?.isLearner === true && ownerOf(world, entry)?.metadata.name === name,
    `${id} is not the learner ${name}`,
  );
  if (entries === undefined || entry === undefined) return;
  checkNothingOpen(world, name, claim, "Promote");
  claim("Q2", isHealthy(world, entry), `${name} is promoted and not healthy`);
  claim("Q3", lagOf(world, name) <= 1000, `${name} is promoted and ${lagOf(world, name)} entries behind`);
  claim(
    "Q2",
    healthyBeside(world, entries, id) + 1 >= majority(voters(entries).length + 1),
    "Promote would cost the quorum",
  );
  const pod = world.pods.find((candidate) => candidate.member === name);
  const isMarked =
    ownerOf(world, entry)?.status?.joined === true || pod?.annotations["etcd.quorate.dev/joined"] === "true";
  claim("D3", isMarked, `${name} would vote and may still start without its data`);
}

/** Entries that a member is behind the one that has most. */
function lagOf(world: World, name: string): number {
  const indexes = [...world.etcd.answers].map(([member, answer]) => ({
    member,
    index: answer.kind === "status" ? answer.status.appliedIndex : 0,
  }));
  const most = Math.max(
    0,
    ...[...world.etcd.answers.values()].map((answer) => (answer.kind === "status" ? answer.status.raftIndex : 0)),
  );
  return most - (indexes.find(({ member }) => member === name)?.index ?? 0);
}

function checkRemoving(world: World, id: string, name: string | undefined, claim: Claim): void {
  const entries = quorumList(world);
  claim("Q1", entries !== undefined, "RemoveFromCluster without a quorum");
  const entry = entries?.find((candidate) => candidate.id === id);
  claim("M2", entry !== undefined, `${id} is not listed`);
  if (entries === undefined || entry === undefined) return;
  const owner = ownerOf(world, entry);
  claim("M3", owner?.metadata.name === name, `${id} is not ${name ?? "an orphan"}`);
  claim("M3", owner === undefined || owner.spec.desiredRole === "Absent", `${id} was never marked to leave`);
  claim(
    "M3",
    entry.peerUrls.some((url) => /^https?:\/\/c-[1-9][0-9]*\.c-peers\.ns\.svc:2380$/.test(url)),
    `${entry.peerUrls.join()} is not ours`,
  );
  if (entry.isLearner) return;
  const rest = voters(entries).length - 1;
  claim(
    "Q2",
    rest >= 1 && healthyBeside(world, entries, id) >= majority(rest),
    `removing ${id} leaves ${healthyBeside(world, entries, id)} healthy of ${rest}`,
  );
  claim("L1", leaderId(world, entries) !== id, `${id} leads`);
}

function checkMoving(world: World, step: Extract<Step, { kind: "MoveLeader" }>, claim: Claim): void {
  const entries = quorumList(world);
  claim("Q1", entries !== undefined, "MoveLeader without a quorum");
  if (entries === undefined) return;
  const to = entries.find((entry) => entry.id === step.toId);
  claim("L2", leaderId(world, entries) === step.fromId && step.fromId !== step.toId, `${step.fromId} does not lead`);
  claim(
    "L2",
    to !== undefined && !to.isLearner && isHealthy(world, to) && ownerOf(world, to)?.spec.desiredRole !== "Absent",
    `${step.toId} cannot lead`,
  );
}

function checkMarking(world: World, name: string, claim: Claim): void {
  if (latchedIds(world).size === 0 || isRecovering(world)) return;
  const entries = quorumList(world);
  claim("Q1", entries !== undefined, "MarkLeaving without a quorum");
  const entry = entries?.find((candidate) => candidate.peerUrls.includes(peerUrlOf(world.cluster, name)));
  if (entries === undefined || entry === undefined || entry.isLearner) return;
  const rest = voters(entries).length - 1;
  claim(
    "Q2",
    rest >= 1 && healthyBeside(world, entries, entry.id) >= majority(rest),
    `${name} is marked and ${rest} are left`,
  );
  for (const other of entries) {
    // Who is dead is no second change: it may be what the first one waits for.
    if (other.id === entry.id || !isHealthy(world, entry)) continue;
    claim("M1", ownerOf(world, other)?.spec.desiredRole !== "Absent", `${name} is marked while ${other.id} is leaving`);
  }
}

function checkPods(world: World, step: Step, claim: Claim): void {
  if (step.kind === "CreatePod") return checkStart(world, step, claim);
  if (step.kind !== "DeletePod") return;
  const pod = world.pods.find((candidate) => candidate.name === step.pod);
  claim("M2", pod?.uid === step.uid, `${step.pod} is not ${step.uid}`);
  if (pod === undefined || isDeleting(world) || isFencedRestore(world)) return;
  claim("V1", step.how !== "Force" || isOutOfReach(world, pod.node), "Force on a node that is well");
  const entries = quorumList(world);
  const entry = entries?.find((candidate) => candidate.peerUrls.includes(peerUrlOf(world.cluster, pod.member)));
  if (entries === undefined || entry === undefined || entry.isLearner || !isHealthy(world, entry)) return;
  claim(
    "V5",
    ownerOf(world, entry)?.spec.desiredRole !== "Absent" || pod.phase !== "Running" || pod.forceEpoch !== undefined,
    `${pod.name} is stopped before its member is out of the cluster`,
  );
  const count = voters(entries).length;
  const rest = healthyBeside(world, entries, entry.id);
  const isLastToSleep = world.cluster.spec.replicas === 0 && world.members.length === 1;
  const isUseless = pod.phase === "Failed" || pod.phase === "Succeeded" || pod.forceEpoch !== undefined;
  if (isUseless || isLastToSleep) return;
  claim(
    "Q2",
    count <= 2 ? rest === count - 1 : rest >= majority(count),
    `stopping ${pod.name} leaves ${rest} healthy of ${count}`,
  );
  const couldLead = voters(entries).some(
    (other) => other.id !== entry.id && isHealthy(world, other) && ownerOf(world, other)?.spec.desiredRole !== "Absent",
  );
  claim("L1", leaderId(world, entries) !== entry.id || !couldLead, `${pod.name} leads and is stopped`);
}

function isOutOfReach(world: World, name: string | undefined): boolean {
  const node = world.nodes.find((candidate) => candidate.name === name);
  return node === undefined || node.isOutOfService || !node.ready;
}

function checkStart(world: World, step: Extract<Step, { kind: "CreatePod" }>, claim: Claim): void {
  const member = world.members.find((candidate) => candidate.metadata.name === step.member);
  claim(
    "V2",
    member !== undefined && !world.pods.some((pod) => pod.member === step.member),
    `a second Pod of ${step.member}`,
  );
  const volume = world.claims.find((candidate) => candidate.member === step.member && !candidate.isRetired);
  if (world.cluster.spec.storage.medium === "Disk" && step.start.forceEpoch === undefined && !isFencedRestore(world)) {
    claim("D1", volume !== undefined && !volume.isTerminating, `${step.member} would start without its volume`);
  }
  const joined = member?.status?.joined === true;
  claim("D3", !joined || step.start.mustHaveData, `${step.member} has joined and may start without its data`);
  claim("D1", !joined || step.start.clusterState === "existing", `${step.member} has joined and would found a cluster`);
  if (step.start.forceEpoch !== undefined)
    claim(
      "R1",
      isRecovering(world) && world.restore?.spec.source.survivor !== undefined,
      "a forced start without a request",
    );
}

function checkVolumes(world: World, step: Step, claim: Claim): void {
  if (step.kind === "CreateClaim") {
    const member = world.members.find((candidate) => candidate.metadata.name === step.member);
    claim(
      "D2",
      member !== undefined && member.status?.joined !== true,
      `${step.member} has joined and would get an empty volume`,
    );
    claim(
      "D2",
      !world.claims.some((candidate) => candidate.member === step.member && !candidate.isRetired),
      `a second volume for ${step.member}`,
    );
    return;
  }
  if (step.kind === "ForgetMember") return checkForgetting(world, step.member, claim);
  if (step.kind !== "DeleteClaim" && step.kind !== "RetireClaim") return;
  const volume = world.claims.find((candidate) => candidate.name === step.claim && candidate.uid === step.uid);
  claim("M2", volume !== undefined, `${step.claim} is not ${step.uid}`);
  if (volume === undefined || isDeleting(world)) return;
  if (step.kind === "DeleteClaim") {
    claim("V3", !volume.isRetired && volume.member !== undefined, `${step.claim} is kept and would be deleted`);
    claim(
      "V3",
      volume.clusterId === undefined || quorumList(world) !== undefined,
      `${step.claim} holds data and there is no quorum`,
    );
  }
  if (isFencedRestore(world)) return;
  const lists = [quorumList(world), ...[...world.etcd.localLists.values()].map((list) => list.members)];
  const url = volume.member === undefined ? "" : peerUrlOf(world.cluster, volume.member);
  const isListed = lists.some((entries) => entries?.some((entry) => entry.peerUrls.includes(url)) === true);
  claim("V3", !isListed || latchedIds(world).size === 0, `${step.claim} is of a member that is listed`);
  claim("V3", !world.pods.some((pod) => pod.member === volume.member), `${step.claim} is in use`);
}

function checkForgetting(world: World, name: string, claim: Claim): void {
  if (isDeleting(world) || isFencedRestore(world)) return;
  claim("V4", !world.pods.some((pod) => pod.member === name), `${name} still has a Pod`);
  claim(
    "V4",
    !world.claims.some((volume) => volume.member === name && !volume.isRetired),
    `${name} still has a volume`,
  );
  const isListed = (quorumList(world) ?? []).some((entry) => entry.peerUrls.includes(peerUrlOf(world.cluster, name)));
  claim("V4", !isListed || latchedIds(world).size === 0, `${name} is still listed`);
}

/** One seed in the life of a cluster. */
function checkBirth(world: World, step: Step, claim: Claim): void {
  if (step.kind === "CreateMember") {
    const isSeed = step.join === "New" || step.join === "Restore";
    const isReborn = step.join === "Restore" && isRecovering(world);
    claim(
      "F1",
      !isSeed || isReborn || (latchedIds(world).size === 0 && world.members.length === 0),
      `a second seed ${step.name}`,
    );
    const isTaken = world.members.some((member) => member.metadata.name === step.name);
    claim("F2", !isTaken && step.name === `c-${step.serial}`, `${step.name} is taken`);
    const isAdopted = world.claims.some((volume) => volume.serial === step.serial);
    if (isSeed || !isAdopted)
      claim("F2", !world.claims.some((volume) => volume.serial >= step.serial), `${step.name} was given before`);
  }
  if (step.kind === "CreatePod" && step.start.clusterState === "new") {
    claim("F1", latchedIds(world).size === 0 || isRecovering(world), `${step.member} would found a second cluster`);
  }
  if (step.kind === "RecordIdentity") {
    const ids = latchedIds(world);
    claim(
      "F3",
      ids.size === 0 || ids.has(step.clusterId) || isRecovering(world),
      `${step.clusterId} is not ${[...ids].join()}`,
    );
  }
}

/** The phases of a change of authorities, each only when the one before has reached everybody. */
function checkAuthorities(world: World, step: Step, claim: Claim): void {
  if (step.kind !== "RotateAuthorities") return;
  const { rotation, memberTls, certificates, members, pods } = world;
  const before = { TrustNew: "Asked", Reissue: "TrustNew", DropOld: "Reissue", Done: "DropOld" }[step.to];
  claim("T3", rotation?.phase === before, `${step.to} after ${rotation?.phase}`);
  if (step.to === "TrustNew") return;
  const forMs = world.nowMs - (rotation?.sinceMs ?? world.nowMs);
  const overlapMs = parseDuration(world.cluster.spec.tls.caRotationOverlap) ?? Number.NaN;
  claim("T3", step.to === "Done" || forMs >= overlapMs, "clients had no time");
  for (const { metadata } of members) {
    if (!pods.some((pod) => pod.member === metadata.name)) continue;
    const seen = memberTls?.get(metadata.name);
    const isReady = {
      Reissue: seen?.trustsNext === true,
      DropOld: seen?.showsCurrent === true,
      Done: seen?.trustsDropped === false,
    }[step.to];
    claim("T3", isReady, `${metadata.name} is not ready for ${step.to}`);
  }
  if (step.to !== "DropOld") return;
  const former = certificates.filter(({ isOfFormerAuthority }) => isOfFormerAuthority === true);
  claim("T3", former.length === 0, `${former.map(({ name }) => name).join()} would not be believed any more`);
}
