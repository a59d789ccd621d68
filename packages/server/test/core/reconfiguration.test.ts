import { describe, expect, it } from "@jest/globals";
import type { PeerStatus, RaftStatus } from "@quorate/raft";
import {
  additionProblem,
  type ClusterMember,
  type ClusterView,
  HEALTHY_AFTER_MS,
  learnerProblem,
  promotionProblem,
  removalProblem,
} from "@quorate/server/core";

const NOW_MS = 100_000;
const LONG_AGO_MS = NOW_MS - HEALTHY_AFTER_MS;

/**
 * A cluster seen by its member 1, one letter per member: `S` started and connected for long, `r` recently connected, `d` started but
 * down, `u` never started, `L` a learner that runs.
 */
function view(members: string): ClusterView {
  const letters = members.split("");
  return {
    selfId: 1n,
    nowMs: NOW_MS,
    members: letters.map((letter, position): ClusterMember => {
      const id = BigInt(position + 1);
      const name = letter === "u" ? "" : `m${id}`;
      return { id, name, peerUrls: [], clientUrls: [], isLearner: letter === "L" };
    }),
    activeSince: (id) => ({ S: LONG_AGO_MS, L: LONG_AGO_MS, r: LONG_AGO_MS + 1 })[letters[Number(id) - 1] ?? ""],
  };
}

describe("strict reconfiguration checks", () => {
  it.each([
    ["S", undefined],
    ["u", "memberNotEnoughStarted"],
    ["SS", undefined],
    ["Su", "memberNotEnoughStarted"],
    ["Sd", "unhealthy"],
    ["Sr", "unhealthy"],
    ["SSS", undefined],
    ["SSd", "unhealthy"],
    ["SSu", "memberNotEnoughStarted"],
    ["SSSd", undefined],
    ["SSSu", undefined],
    ["SSSdd", "unhealthy"],
    ["SSL", undefined],
    ["SL", undefined],
  ])("adding a voter to %s: %s", (members, problem) => {
    expect(additionProblem(view(members), false)).toBe(problem);
  });

  it.each([
    ["S", undefined],
    ["Su", "unhealthy"],
    ["SS", undefined],
    ["SSd", "unhealthy"],
    ["SSSd", undefined],
  ])("adding a learner to %s: %s", (members, problem) => {
    expect(additionProblem(view(members), true)).toBe(problem);
  });

  it.each([
    ["S", 1n, "memberNotEnoughStarted"],
    ["S", 9n, undefined],
    ["SS", 2n, undefined],
    ["SS", 1n, undefined],
    ["Sd", 2n, undefined],
    ["Su", 2n, undefined],
    ["Su", 1n, "memberNotEnoughStarted"],
    ["Sd", 1n, "unhealthy"],
    ["SSS", 2n, undefined],
    ["SSd", 3n, undefined],
    ["SSd", 2n, "unhealthy"],
    ["SSr", 3n, "unhealthy"],
    ["SSL", 3n, undefined],
    ["SdL", 3n, undefined],
    ["SSSSd", 1n, undefined],
    ["SSSdd", 1n, "unhealthy"],
  ])("removing from %s member %s: %s", (members, id, problem) => {
    expect(removalProblem(view(members), id)).toBe(problem);
  });

  it.each([
    ["SL", undefined],
    ["SuL", undefined],
    ["SuuL", "memberNotEnoughStarted"],
    ["SdL", undefined],
  ])("promoting the learner of %s: %s", (members, problem) => {
    expect(promotionProblem(view(members))).toBe(problem);
  });
});

function status(role: RaftStatus["role"], matches: Readonly<Record<string, number>>): RaftStatus {
  const peers = Object.entries(matches).map(([id, match]) => ({ id: BigInt(id), match }) as PeerStatus);
  return { id: 1n, role, lastIndex: 1000, peers } as unknown as RaftStatus;
}

describe("the readiness of a learner", () => {
  it("is nine tenths of the leader's log", () => {
    expect(learnerProblem(status("leader", { 1: 1000, 2: 900 }), 2n)).toBeUndefined();
    expect(learnerProblem(status("leader", { 1: 1000, 2: 899 }), 2n)).toBe("learnerNotReady");
  });

  it("is not known to others than the leader, and not of others than members", () => {
    expect(learnerProblem(status("follower", {}), 2n)).toBe("notLeader");
    expect(learnerProblem(status("leader", { 1: 1000 }), 2n)).toBe("memberNotFound");
  });
});
