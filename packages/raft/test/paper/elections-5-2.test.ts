import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { BASE, Net } from "../harness/net.ts";

describe("leader election (§5.2)", () => {
  it("raises the term, votes for itself and asks all others in parallel", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    expect([net.at(1).node.role, net.at(1).node.term, net.at(1).node.status().vote]).toEqual(["candidate", 2, 1n]);
    expect(net.run(1).map(({ type, to, term }) => [type, to, term])).toEqual([
      [MessageType.Vote, 2n, 2],
      [MessageType.Vote, 3n, 2],
    ]);
  });

  it("asks nobody before its own term and vote are durable", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    expect(net.take(1)).toEqual([]);
    net.at(1).persist();
    expect(net.take(1).length).toBe(2);
  });

  const outcomes: readonly [voters: number, granted: number[], refused: number[], role: string][] = [
    [1, [], [], "leader"],
    [2, [], [], "candidate"],
    [2, [2], [], "leader"],
    [2, [], [2], "follower"],
    [3, [2], [], "leader"],
    [3, [2], [3], "leader"],
    [3, [], [2], "candidate"],
    [3, [], [2, 3], "follower"],
    [4, [2], [], "candidate"],
    [4, [2, 3], [], "leader"],
    [4, [2], [3, 4], "follower"],
    [5, [2], [3], "candidate"],
    [5, [2, 3], [4, 5], "leader"],
    [5, [2], [3, 4, 5], "follower"],
    [7, [2, 3, 4], [5, 6, 7], "leader"],
  ];
  for (const [voters, granted, refused, role] of outcomes) {
    it(`of ${voters}, granted by ${granted.join()}, refused by ${refused.join()}: ${role}`, () => {
      const net = new Net({ voters });
      net.elect(1, 1);
      for (const id of refused) net.send(1, { type: MessageType.VoteResp, from: BigInt(id), term: 2, reject: true });
      for (const id of granted) net.send(1, { type: MessageType.VoteResp, from: BigInt(id), term: 2 });
      expect([net.at(1).node.role, net.at(1).node.term]).toEqual([role, 2]);
    });
  }

  it("counts each member's answer once, the first one, and nobody's who is no voter", () => {
    const net = new Net({ voters: 5, learners: [6n] });
    net.elect(1, 1);
    for (let i = 0; i < 3; i++) net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    net.send(1, { type: MessageType.VoteResp, from: 6n, term: 2 });
    net.send(1, { type: MessageType.VoteResp, from: 9n, term: 2 });
    net.send(1, { type: MessageType.VoteResp, from: 3n, term: 2, reject: true });
    net.send(1, { type: MessageType.VoteResp, from: 3n, term: 2 });
    expect(net.at(1).node.role).toBe("candidate");
  });

  it("counts its own vote only when it is durable", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    net.take(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    expect(net.at(1).node.role).toBe("candidate");
    net.at(1).persist();
    expect(net.at(1).node.role).toBe("leader");
  });

  const votes: readonly [vote: bigint, candidate: bigint, granted: boolean][] = [
    [0n, 1n, true],
    [0n, 2n, true],
    [1n, 1n, true],
    [2n, 2n, true],
    [1n, 2n, false],
    [2n, 1n, false],
  ];
  for (const [vote, candidate, granted] of votes) {
    it(`having voted for ${vote}, ${granted ? "grants" : "refuses"} ${candidate}: first come, first served`, () => {
      const net = new Net({ voters: 3 });
      if (vote !== 0n) net.send(3, { type: MessageType.Vote, from: vote, term: 2, index: BASE, logTerm: 1 });
      net.run(3);
      net.send(3, { type: MessageType.Vote, from: candidate, term: 2, index: BASE, logTerm: 1 });
      expect(net.run(3).map(({ to, reject }) => [to, reject])).toEqual([[candidate, !granted]]);
    });
  }

  it("says nothing about a vote before it is durable", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.Vote, from: 1n, term: 2, index: BASE, logTerm: 1 });
    expect(net.take(2)).toEqual([]);
    net.at(2).crash();
    net.send(2, { type: MessageType.Vote, from: 3n, term: 2, index: BASE, logTerm: 1 });
    expect(net.run(2).map(({ to, reject }) => [to, reject])).toEqual([[3n, false]]);
  });

  it("gives up its candidacy to the leader of its term", () => {
    for (const type of [MessageType.App, MessageType.Heartbeat]) {
      const net = new Net({ voters: 3 });
      net.elect(1, 1);
      net.send(1, { type, from: 2n, term: 2, index: BASE, logTerm: 1 });
      expect([net.at(1).node.role, net.at(1).node.leader, net.at(1).node.term]).toEqual(["follower", 2n, 2]);
    }
  });

  it("sends heartbeats as leader, and a follower that hears them does not campaign", () => {
    const net = new Net({ voters: 3, config: { heartbeatTicks: 2 } });
    net.elect(1);
    for (let tick = 0; tick < 60; tick++) {
      for (const id of [1, 2, 3]) net.at(id).node.tick();
      const sent = net.run(1).filter(({ type }) => type === MessageType.Heartbeat).length;
      expect(sent).toBe(tick % 2 === 1 ? 2 : 0);
      net.settle();
    }
    expect([1, 2, 3].map((id) => net.at(id).node.role)).toEqual(["leader", "follower", "follower"]);
  });

  it("draws timeouts from the whole interval, anew each time", () => {
    const net = new Net({ voters: 3, config: { electionTicks: 10 } });
    const seen = new Set<number>();
    for (let round = 0; round < 300; round++) {
      const { node } = net.at(1);
      net.send(1, { type: MessageType.Heartbeat, from: 2n, term: node.term + 1 });
      const { term } = node;
      let ticks = 0;
      while (node.term === term) {
        node.tick();
        ticks++;
      }
      net.run(1);
      seen.add(ticks);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("splits the vote and tries again", () => {
    const net = new Net({ voters: 4 });
    net.at(1).node.campaign();
    net.at(2).node.campaign();
    net.run(1);
    net.run(2);
    const votesFor = (id: bigint, to: readonly bigint[]) =>
      net.network.filter((message) => message.from === id && to.includes(message.to));
    for (const message of [...votesFor(1n, [3n]), ...votesFor(2n, [4n])]) net.at(Number(message.to)).node.step(message);
    net.network = [];
    net.settle();
    expect([1, 2].map((id) => net.at(id).node.role)).toEqual(["candidate", "candidate"]);
    net.elect(1);
    expect([net.at(1).node.role, net.at(1).node.term]).toEqual(["leader", 3]);
  });

  it("does not campaign as a learner, a stranger, or with a committed membership change that is not applied", () => {
    const net = new Net({ voters: 3, learners: [4n] });
    net.at(4).node.campaign();
    expect(net.at(4).node.role).toBe("follower");
    const change = { index: BASE + 1, term: 2, type: 1, data: new Uint8Array() };
    const { node } = net.at(2);
    net.send(2, {
      type: MessageType.App,
      from: 1n,
      term: 2,
      index: BASE,
      logTerm: 1,
      entries: [change],
      commit: BASE + 1,
    });
    node.campaign();
    expect([node.role, node.committed]).toEqual(["follower", BASE + 1]);
  });
});
