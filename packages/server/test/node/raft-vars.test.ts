import { describe, expect, it } from "@jest/globals";
import type { RaftStatus } from "@quorate/raft";
import { raftVars } from "../../src/node/raft-vars.ts";

const PEER = { isLearner: false, recentActive: true, paused: false, pendingSnapshot: 0, inflightCount: 0 };
const STATUS: RaftStatus = {
  id: 0x8e9e05c52164694dn,
  term: 3,
  vote: 0x8e9e05c52164694dn,
  role: "leader",
  leader: 0x8e9e05c52164694dn,
  committed: 11,
  applied: 10,
  firstIndex: 1,
  lastIndex: 12,
  stableIndex: 12,
  transferee: 0x1fn,
  confState: { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
  peers: [
    { id: 0x8e9e05c52164694dn, match: 12, next: 13, state: "replicate", ...PEER },
    { id: 0x1fn, match: 0, next: 1, state: "probe", ...PEER },
    { id: 0x2an, match: 5, next: 6, state: "snapshot", ...PEER },
  ],
};

describe("raftVars", () => {
  it("prints a leader's status as etcd's /debug/vars does", () => {
    expect(JSON.stringify(raftVars(STATUS))).toBe(
      '{"id":"8e9e05c52164694d","term":3,"vote":"8e9e05c52164694d","commit":11,"lead":"8e9e05c52164694d",' +
        '"raftState":"StateLeader","applied":10,"progress":{' +
        '"8e9e05c52164694d":{"match":12,"next":13,"state":"StateReplicate"},' +
        '"1f":{"match":0,"next":1,"state":"StateProbe"},"2a":{"match":5,"next":6,"state":"StateSnapshot"}},' +
        '"leadtransferee":"1f"}',
    );
  });

  it("knows every role, and nobody by 0", () => {
    const told = (["follower", "preCandidate", "candidate"] as const).map((role) =>
      raftVars({ ...STATUS, role, leader: 0n, vote: 0n, transferee: 0n, peers: [] }),
    );

    expect(told.map(({ raftState }) => raftState)).toEqual(["StateFollower", "StatePreCandidate", "StateCandidate"]);
    expect(told[0]).toMatchObject({ lead: "0", vote: "0", leadtransferee: "0", progress: {} });
  });
});
