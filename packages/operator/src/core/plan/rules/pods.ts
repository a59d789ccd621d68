import type { PodStart, Step } from "../../world/index.ts";
import { peerUrlOf } from "../addresses.ts";
import type { Facts } from "../facts/facts.ts";
import { isEnded } from "../facts/facts.ts";
import type { MemberFacts } from "../facts/member-facts.ts";
import type { PodView } from "../facts/seen.ts";

/** A Pod whose node does not answer is not waited for longer than this once its member is out of the cluster; milliseconds. */
const NODE_GONE_MS = 60_000;

/** Start of a member that found a cluster exists: it learns of the others from the list that it is given. */
export function startExisting(facts: Facts, member: MemberFacts): PodStart {
  return {
    clusterState: "existing",
    initialCluster: initialCluster(facts, member),
    forceEpoch: undefined,
    mustHaveData: member.hasJoined,
    ...adoption(member),
  };
}

/** Start of the one member that founds the cluster. */
export function startNew(facts: Facts, member: MemberFacts): PodStart {
  return {
    clusterState: "new",
    initialCluster: `${member.name}=${peerUrlOf(facts.cluster, member.name)}`,
    forceEpoch: undefined,
    mustHaveData: false,
  };
}

/** Volumes of a former cluster carry the mark of an EtcdMember that is gone: this one takes it over. */
function adoption(member: MemberFacts): { readonly adopts?: true } {
  return !member.hasJoined && member.claim?.clusterId !== undefined ? { adopts: true } : {};
}

function initialCluster(facts: Facts, self: MemberFacts): string {
  const parts = new Map([[self.name, peerUrlOf(facts.cluster, self.name)]]);
  for (const member of facts.members) {
    if (member.entry !== undefined) parts.set(member.name, peerUrlOf(facts.cluster, member.name));
  }
  for (const { entry } of facts.orphans) {
    if (entry.name !== "" && entry.peerUrls[0] !== undefined) parts.set(entry.name, entry.peerUrls[0]);
  }
  return [...parts].map(([name, url]) => `${name}=${url}`).join(",");
}

export function deletePod(pod: PodView, how: "Evict" | "Delete" | "Force", reason: string): Step {
  return { kind: "DeletePod", pod: pod.name, uid: pod.uid, how, reason };
}

/** True if a Pod can be made for this member now: its volume is there, and nothing of a former Pod is in the way. */
export function canHavePod(facts: Facts, member: MemberFacts): boolean {
  if (member.pod !== undefined) return false;
  if (facts.spec.storage.medium === "Memory") return !member.hasLostData;
  return member.claim !== undefined && !member.claim.isTerminating && member.claim.phase !== "Lost";
}

/** Why a Pod has to be made anew although its data is there; undefined if it need not. */
export function whyRemake(facts: Facts, member: MemberFacts): string | undefined {
  const { pod } = member;
  if (pod === undefined || pod.isTerminating) return undefined;
  if (isEnded(pod)) return `its Pod ended (${pod.phase})`;
  if (pod.forceEpoch !== undefined) return "its Pod was made for a recovery that is over";
  // Who deletes Pods themselves deletes this one as well; and what lies in memory would go with it.
  const isOurs = facts.spec.updateStrategy.type === "RollingUpdate" && facts.spec.storage.medium === "Disk";
  if (isOurs && !member.isHealthy && pod.templateHash !== facts.world.wanted.hash && !pod.ready) {
    return "it is not ready and its Pod is not what the spec asks for";
  }
  return undefined;
}

/** True if the Pod's node is known to be gone for so long that nobody will report the Pod's end. */
export function isNodeGone(facts: Facts, member: Pick<MemberFacts, "pod" | "node">): boolean {
  if (member.pod?.node === undefined || facts.world.nodes.length === 0) return false;
  const { node } = member;
  if (node === undefined || node.isOutOfService) return true;
  return !node.ready && node.notReadySinceMs !== undefined && facts.nowMs - node.notReadySinceMs > NODE_GONE_MS;
}
