import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { BASE, entry, Net } from "../harness/net.ts";

describe("terms (§5.1)", () => {
  it("starts as a follower in the stored term", () => {
    const net = new Net({ voters: 3 });
    expect([net.at(1).node.role, net.at(1).node.term, net.at(1).node.leader]).toEqual(["follower", 1, 0n]);
  });

  for (const role of ["follower", "candidate", "leader"] as const) {
    it(`adopts a higher term and becomes a follower, as a ${role}`, () => {
      const net = new Net({ voters: 3 });
      if (role === "candidate") net.elect(1, 1);
      if (role === "leader") net.elect(1);
      expect(net.at(1).node.role).toBe(role);
      net.send(1, { type: MessageType.App, from: 2n, term: 9, index: BASE, logTerm: 1 });
      expect([net.at(1).node.role, net.at(1).node.term, net.at(1).node.leader]).toEqual(["follower", 9, 2n]);
    });
  }

  it("knows no leader when it adopts the term from anybody but a leader", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.send(2, { type: MessageType.AppResp, from: 3n, term: 9 });
    expect([net.at(2).node.term, net.at(2).node.leader]).toEqual([9, 0n]);
  });

  it("rejects what comes from a lower term", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.send(2, {
      type: MessageType.App,
      from: 3n,
      term: 1,
      index: BASE + 1,
      logTerm: 2,
      entries: [entry(BASE + 2, 1)],
    });
    expect([net.at(2).node.lastIndex, net.at(2).node.leader]).toEqual([BASE + 1, 1n]);
    net.send(2, { type: MessageType.Vote, from: 3n, term: 1, index: 99, logTerm: 9 });
    expect(net.run(2)).toEqual([]);
  });

  it("keeps term and vote through a crash", () => {
    const net = new Net({ voters: 3 });
    net.send(1, { type: MessageType.Vote, from: 2n, term: 5, index: BASE, logTerm: 1 });
    net.run(1);
    net.at(1).crash();
    expect([net.at(1).node.term, net.at(1).node.status().vote]).toEqual([5, 2n]);
    net.send(1, { type: MessageType.Vote, from: 3n, term: 5, index: BASE + 5, logTerm: 1 });
    expect(net.run(1).map(({ to, reject }) => [to, reject])).toEqual([[3n, true]]);
  });
});
