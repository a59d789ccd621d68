import { peerUrlOf } from "../addresses.ts";
import type { EtcdMemberEntry, EtcdMemberList, World } from "./seen.ts";

/** Who is a member, by the best source there is. */
export interface Membership {
  /**
   * `Quorum`: a linearizable list of this pass. `Local`: what one member has applied, while there is no quorum. `Memory`: what the
   * EtcdMembers' statuses say. Only the first one justifies a change.
   */
  readonly source: "Quorum" | "Local" | "Memory";
  readonly entries: readonly EtcdMemberEntry[];
}

export function membershipOf(world: World, clusterId: string | undefined): Membership {
  const list = world.etcd.list;
  if (list !== undefined && (clusterId === undefined || list.clusterId === clusterId)) {
    return { source: "Quorum", entries: list.members };
  }
  const local = newestLocalList(world, clusterId);
  if (local !== undefined) return { source: "Local", entries: local.members };
  return { source: "Memory", entries: remembered(world) };
}

/** The list of the member that has applied most; by name among equals, so that the choice does not depend on an order of answers. */
function newestLocalList(world: World, clusterId: string | undefined): EtcdMemberList | undefined {
  let best: { readonly list: EtcdMemberList; readonly applied: number; readonly name: string } | undefined;
  for (const [name, list] of world.etcd.localLists) {
    if (clusterId !== undefined && list.clusterId !== clusterId) continue;
    const answer = world.etcd.answers.get(name);
    const applied = answer?.kind === "status" ? answer.status.appliedIndex : 0;
    if (best === undefined || applied > best.applied || (applied === best.applied && name < best.name)) {
      best = { list, applied, name };
    }
  }
  return best?.list;
}

function remembered(world: World): readonly EtcdMemberEntry[] {
  const entries: EtcdMemberEntry[] = [];
  for (const member of world.members) {
    const { memberID, phase, role } = member.status ?? {};
    if (memberID === undefined || phase === "Removed") continue;
    // Nobody votes who was not marked as joined before.
    const isLearner =
      phase === "Learner" || phase === "Joining" || role === "Learner" || member.status?.joined !== true;
    const isListed =
      phase === "Voter" || phase === "Learner" || phase === "Joining" || phase === "Leaving" || phase === "Lost";
    if (!isListed) continue;
    const name = member.metadata.name;
    entries.push({ id: memberID, name, peerUrls: [peerUrlOf(world.cluster, name)], clientUrls: [], isLearner });
  }
  return entries;
}
