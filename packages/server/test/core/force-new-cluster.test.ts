import { describe, expect, it } from "@jest/globals";
import { MapBackend } from "@quorate/mvcc/testing";
import { createRaftConfChange, decodeRaftConfChange, encodeRaftConfChange } from "@quorate/protocol";
import { ConfChangeType, EMPTY_CONF_STATE, type Entry, EntryType } from "@quorate/raft";
import { type ClusterMember, type ForcePlan, forceNewCluster, Membership, memberJson } from "@quorate/server/core";

function member(id: bigint, isLearner = false): ClusterMember {
  return { id, name: "", peerUrls: [`http://m${id}:2380`], clientUrls: [], isLearner };
}

function entry(index: number, type: number, data: Uint8Array = new Uint8Array(0)): Entry {
  return { index, term: 2, type, data };
}

function changeEntry(index: number, type: number, id: bigint): Entry {
  const isLearner = type === ConfChangeType.AddLearnerNode;
  const context = type === ConfChangeType.RemoveNode ? new Uint8Array(0) : memberJson(member(id, isLearner));
  return entry(index, EntryType.ConfChange, encodeRaftConfChange(createRaftConfChange({ type, nodeId: id, context })));
}

/** Members that are left when the plan's entries are applied to a store in which `before` was applied. */
function membersAfter(plan: ForcePlan, ...before: ClusterMember[]): readonly ClusterMember[] {
  const members = new Membership(new MapBackend());
  for (const each of before) members.add(each);
  for (const { type, data } of [...plan.kept, ...plan.appended]) {
    if (type === EntryType.ConfChange) members.applyConfChange(decodeRaftConfChange(data));
  }
  return members.list();
}

describe("forceNewCluster", () => {
  it("drops what was not committed and removes everybody else", () => {
    const plan = forceNewCluster({
      self: member(2n),
      confState: { ...EMPTY_CONF_STATE, voters: [3n, 1n, 2n], learners: [4n] },
      entries: [
        entry(11, EntryType.Normal),
        entry(12, EntryType.Normal),
        changeEntry(13, ConfChangeType.RemoveNode, 2n),
      ],
      hardState: { term: 5, vote: 1n, commit: 12 },
    });

    expect(plan.kept.map(({ index }) => index)).toEqual([11, 12]);
    expect(plan.appended.map(({ index, term }) => ({ index, term }))).toEqual([
      { index: 13, term: 5 },
      { index: 14, term: 5 },
      { index: 15, term: 5 },
    ]);
    expect(plan.hardState).toEqual({ term: 5, vote: 1n, commit: 15 });
    expect(
      plan.appended.map(({ data }) => decodeRaftConfChange(data)).map(({ type, nodeId }) => [type, nodeId]),
    ).toEqual([1n, 3n, 4n].map((id) => [ConfChangeType.RemoveNode, id]));
    expect(membersAfter(plan, member(1n), member(2n), member(3n), member(4n, true))).toEqual([member(2n)]);
  });

  it("takes the changes in the log into account", () => {
    const plan = forceNewCluster({
      self: member(1n),
      confState: EMPTY_CONF_STATE,
      entries: [
        changeEntry(1, ConfChangeType.AddNode, 1n),
        changeEntry(2, ConfChangeType.AddNode, 2n),
        changeEntry(3, ConfChangeType.AddLearnerNode, 3n),
        changeEntry(4, ConfChangeType.RemoveNode, 2n),
      ],
      hardState: { term: 2, vote: 1n, commit: 4 },
    });

    expect(plan.appended.map(({ data }) => decodeRaftConfChange(data).nodeId)).toEqual([3n]);
    expect(membersAfter(plan)).toEqual([member(1n)]);
  });

  it("makes a learner a voter before it removes the voters", () => {
    const plan = forceNewCluster({
      self: member(3n, true),
      confState: { ...EMPTY_CONF_STATE, voters: [1n], learners: [3n] },
      entries: [],
      hardState: { term: 2, vote: 0n, commit: 9 },
    });

    expect(plan.appended.map(({ data }) => decodeRaftConfChange(data).nodeId)).toEqual([3n, 1n]);
    expect(membersAfter(plan, member(1n), member(3n, true))).toEqual([member(3n)]);
  });

  it("adds a member that is in no configuration, and changes nothing for one that is alone", () => {
    const stranger = forceNewCluster({
      self: member(7n),
      confState: { ...EMPTY_CONF_STATE, voters: [1n] },
      entries: [],
      hardState: { term: 2, vote: 0n, commit: 9 },
    });
    const lone = forceNewCluster({
      self: member(1n),
      confState: { ...EMPTY_CONF_STATE, voters: [1n] },
      entries: [entry(10, EntryType.Normal)],
      hardState: { term: 2, vote: 0n, commit: 10 },
    });

    expect(membersAfter(stranger, member(1n))).toEqual([member(7n)]);
    expect(lone.appended).toEqual([]);
    expect(lone.hardState.commit).toBe(10);
  });
});
