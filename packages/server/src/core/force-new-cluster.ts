import { createRaftConfChange, decodeRaftConfChange, encodeRaftConfChange } from "@quorate/protocol";
import { ConfChangeType, type ConfState, type Entry, EntryType, type HardState } from "@quorate/raft";
import { type ClusterMember, memberJson, promotionJson } from "./member.ts";

export interface ForceInput {
  /** This member as it is to be in the new cluster. */
  readonly self: ClusterMember;
  /** Members as of the entry before the first of `entries`. */
  readonly confState: ConfState;
  /** The log behind that, ascending and without gaps. */
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** What to do to a log before raft sees it. */
export interface ForcePlan {
  /** `entries` up to the commit index: what was not committed is dropped, as the members who could tell are given up. */
  readonly kept: readonly Entry[];
  /** To append to the log, durably, behind `kept`. */
  readonly appended: readonly Entry[];
  /** Committed with them. */
  readonly hardState: HardState;
}

/**
 * Makes this member the only one of its cluster, for `--force-new-cluster`: changes that add it, if it is not a voter, and then
 * remove everybody else are appended and taken for committed. Members are removed in ascending order of ID. Everything the others
 * acknowledged and this member never saw is lost. Pure: nothing is written here. Source: raft page, section 4.
 */
export function forceNewCluster({ self, confState, entries, hardState }: ForceInput): ForcePlan {
  const kept = entries.filter((entry) => entry.index <= hardState.commit);
  const { voters, learners } = membersAfter(confState, kept);
  const changes: { readonly type: ConfChangeType; readonly nodeId: bigint; readonly context: Uint8Array }[] = [];
  const none = new Uint8Array(0);
  // First, because a cluster must never be without voters.
  if (!voters.has(self.id)) {
    const context = learners.has(self.id) ? promotionJson(self.id) : memberJson(self);
    changes.push({ type: ConfChangeType.AddNode, nodeId: self.id, context });
  }
  for (const nodeId of [...voters, ...learners].sort((a, b) => (a < b ? -1 : 1))) {
    if (nodeId !== self.id) changes.push({ type: ConfChangeType.RemoveNode, nodeId, context: none });
  }
  const appended = changes.map((change, position) => ({
    type: EntryType.ConfChange,
    term: hardState.term,
    index: hardState.commit + 1 + position,
    data: encodeRaftConfChange(createRaftConfChange(change)),
  }));
  return { kept, appended, hardState: { ...hardState, commit: hardState.commit + appended.length } };
}

/** Who is a member once `entries` are applied. Changes that were refused when applied are counted too: removing is harmless. */
function membersAfter(
  confState: ConfState,
  entries: readonly Entry[],
): { readonly voters: Set<bigint>; readonly learners: Set<bigint> } {
  const voters = new Set(confState.voters);
  const learners = new Set(confState.learners);
  for (const entry of entries) {
    if (entry.type !== EntryType.ConfChange) continue;
    const { type, nodeId } = decodeRaftConfChange(entry.data);
    if (type === ConfChangeType.UpdateNode) continue;
    voters.delete(nodeId);
    learners.delete(nodeId);
    if (type === ConfChangeType.AddNode) voters.add(nodeId);
    if (type === ConfChangeType.AddLearnerNode) learners.add(nodeId);
  }
  return { voters, learners };
}
