import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { BASE, Net } from "../harness/net.ts";

describe("election restriction (§5.4.1)", () => {
  const table: readonly [log: number[], lastIndex: number, lastTerm: number, granted: boolean][] = [
    [[2], 1, 2, true],
    [[2], 2, 2, true],
    [[2, 2], 1, 2, false],
    [[2, 2], 1, 3, true],
    [[2], 5, 1, false],
    [[3], 2, 2, false],
    [[], 0, 1, true],
  ];
  for (const [log, lastIndex, lastTerm, granted] of table) {
    it(`with a log of terms ${log.join() || "none"} ${granted ? "grants" : "refuses"} one that ends at ${lastIndex} of term ${lastTerm}`, () => {
      const net = new Net({ voters: 3, terms: { 2: log } });
      net.send(2, { type: MessageType.Vote, from: 1n, term: 5, index: BASE + lastIndex, logTerm: lastTerm });
      expect(net.run(2).map(({ reject }) => reject)).toEqual([!granted]);
    });
  }

  it("compares with entries that are not durable yet, too", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.take(1);
    for (const message of net.network.splice(0)) net.at(Number(message.to)).node.step(message);
    net.take(2);
    net.send(2, { type: MessageType.Vote, from: 3n, term: 3, index: BASE + 1, logTerm: 2 });
    expect(net.run(2).find(({ type }) => type === MessageType.VoteResp)?.reject).toBe(true);
  });
});

describe("committing entries from previous terms (§5.4.2)", () => {
  it("never counts replicas of an older term's entry: figure 8", () => {
    const net = new Net({ voters: 3, terms: { 1: [2, 2], 2: [2], 3: [] } });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 3n, term: 3 });
    expect(net.at(1).node.role).toBe("leader");
    net.run(1);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 3, index: BASE + 2 });
    // Members 1 and 2 hold it, a majority, and still somebody else could win with another entry there.
    expect(net.at(1).node.committed).toBe(BASE);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 3, index: BASE + 3 });
    expect(net.at(1).node.committed).toBe(BASE + 3);
  });
});

describe("follower and candidate crashes (§5.5)", () => {
  it("goes on after a crash, and takes repeated requests as they are", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.settle(1, 2);
    net.at(3).crash();
    net.propose(1, "b");
    net.settle(1, 2);
    for (let i = 0; i < 3; i++) {
      net.at(1).node.tick();
      net.settle();
    }
    expect(net.texts(3)).toEqual(["a", "b"]);
  });

  it("loses with a crash only what it has told nobody", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.take(1);
    net.at(1).crash();
    expect(net.at(1).node.lastIndex).toBe(BASE + 1);
    net.network = [];
    net.elect(2);
    net.propose(2, "b");
    net.settle();
    expect([1, 2, 3].map((id) => net.texts(id))).toEqual([["b"], ["b"], ["b"]]);
  });
});
