import { memberName } from "../addresses.ts";
import type { Facts } from "../facts/facts.ts";
import type { ClaimView } from "../facts/seen.ts";
import { quorumOf } from "../quorum.ts";
import { act, STEADY_MS, type Verdict, wait } from "./verdict.ts";

const RULE = "retained-volumes";

/** No cluster is recorded, no member is there, and volumes of a former cluster of this name are: as the spec says. */
export function foundVolumes(facts: Facts): Verdict | undefined {
  const volumes = formerVolumes(facts);
  if (volumes.length === 0) return undefined;
  switch (facts.spec.bootstrap.retainedVolumes) {
    case "Adopt":
      return adoptVolumes(facts) ?? refuse(facts, volumes, "they are no majority of one cluster");
    case "Ignore":
      return setAside(volumes);
    case "Refuse":
      return refuse(facts, volumes, "it is not certain that they may be left aside");
  }
}

/** Claims that hold, or may hold, data of a cluster and belong to no member. */
function formerVolumes(facts: Facts): readonly ClaimView[] {
  const taken = new Set(facts.members.map((member) => member.serial));
  return facts.world.claims.filter((claim) => !taken.has(claim.serial));
}

function refuse(facts: Facts, volumes: readonly ClaimView[], why: string): Verdict {
  const names = volumes
    .map((claim) => claim.name)
    .slice(0, 5)
    .join(", ");
  return wait(RULE, {
    progress: "WaitingForUser",
    message: `volumes of a former cluster ${facts.cluster.metadata.name} were found (${names}) and ${why}: set spec.bootstrap.retainedVolumes to Adopt to go on with their data, or to Ignore to begin a new cluster beside them`,
    trouble: { reason: "VolumeLost", message: `retained volumes were found: ${names}` },
    holdsBack: "everything",
    requeueAfterMs: STEADY_MS,
  });
}

/** A new cluster is founded beside them: those that still count as the cluster's are taken out of it first. */
function setAside(volumes: readonly ClaimView[]): Verdict | undefined {
  const claim = volumes.find((candidate) => !candidate.isRetired);
  if (claim === undefined) return undefined;
  const step = {
    kind: "RetireClaim",
    claim: claim.name,
    uid: claim.uid,
    reason: "spec.bootstrap.retainedVolumes is Ignore",
  } as const;
  return act(RULE, step, { progress: "BootstrappingSeed", message: `${claim.name} of a former cluster is set aside` });
}

/**
 * Members are made for the volumes of a former cluster, with the serial numbers that they had: first every object, then every volume is
 * given back, and only then a Pod is made, so that a half-done adoption starts nothing.
 */
export function adoptVolumes(facts: Facts): Verdict | undefined {
  if (facts.spec.bootstrap.retainedVolumes !== "Adopt") return undefined;
  if (facts.members.some((member) => member.hasJoined) || facts.world.etcd.list !== undefined) return undefined;
  const volumes = adoptable(facts);
  if (volumes === undefined) return undefined;
  const said = { progress: "BootstrappingSeed", message: "the volumes of a former cluster are adopted" } as const;
  const bySerial = new Map(facts.members.map((member) => [member.serial, member]));
  for (const claim of volumes) {
    if (bySerial.has(claim.serial)) continue;
    const name = memberName(facts.cluster.metadata.name, claim.serial);
    const recoveryEpoch = facts.previous.recoveryEpoch ?? 0;
    return act(RULE, { kind: "CreateMember", name, serial: claim.serial, join: "Existing", recoveryEpoch }, said);
  }
  for (const claim of volumes) {
    const member = bySerial.get(claim.serial);
    if (member === undefined || member.claim !== undefined || !claim.isRetired) continue;
    return act(RULE, { kind: "AdoptClaim", claim: claim.name, uid: claim.uid, member: member.name }, said);
  }
  return undefined;
}

/** The volumes to go on with; undefined unless they are of one cluster and a majority of what it must have been. */
function adoptable(facts: Facts): readonly ClaimView[] | undefined {
  const known = facts.world.claims.filter((claim) => claim.clusterId !== undefined && !claim.isTerminating);
  const usable = known.filter(
    (claim) => claim.phase === "Bound" && Number.isSafeInteger(claim.serial) && claim.serial > 0,
  );
  const [first] = usable;
  if (first === undefined || known.some((claim) => claim.clusterId !== first.clusterId)) return undefined;
  if (facts.identity.clusterId !== undefined && facts.identity.clusterId !== first.clusterId) return undefined;
  if (usable.length < quorumOf(Math.max(known.length, facts.spec.replicas))) return undefined;
  const serials = new Set<number>();
  const ordered = [...usable].sort((a, b) => a.serial - b.serial);
  return ordered.filter((claim) => !serials.has(claim.serial) && serials.add(claim.serial) !== undefined);
}
