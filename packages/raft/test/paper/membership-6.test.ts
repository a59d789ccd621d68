import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { encodeChange, parseChange } from "../harness/change-text.ts";
import { BASE, Net } from "../harness/net.ts";

function change(net: Net, id: number, text: string): void {
  net.at(id).node.proposeConfChange(encodeChange(text), parseChange(text), 2);
}

describe("membership changes (§6, dissertation §4)", () => {
  it("needs both majorities while a configuration is joint", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "explicit v4 v5 r2 r3");
    net.settle();
    expect(net.at(1).node.confState).toMatchObject({ voters: [1n, 4n, 5n], votersOutgoing: [1n, 2n, 3n] });
    net.propose(1, "a");
    net.run(1);
    const acknowledge = (from: bigint): void =>
      net.send(1, { type: MessageType.AppResp, from, term: 2, index: BASE + 3 });
    acknowledge(2n);
    acknowledge(3n);
    expect(net.at(1).node.committed).toBe(BASE + 2);
    acknowledge(4n);
    expect(net.at(1).node.committed).toBe(BASE + 3);
  });

  it("elects nobody in a joint configuration without both majorities", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "explicit v4 v5 r2 r3");
    net.settle();
    net.at(1).node.step({ ...probe(), term: 5 });
    net.at(1).node.campaign();
    net.run(1);
    const grant = (from: bigint): void => net.send(1, { type: MessageType.VoteResp, from, term: 6 });
    grant(4n);
    grant(5n);
    expect(net.at(1).node.role).toBe("candidate");
    grant(2n);
    expect(net.at(1).node.role).toBe("leader");
  });

  it("counts learners neither for commits nor for votes nor for its own activity", () => {
    const net = new Net({ voters: 3, learners: [4n, 5n], config: { checkQuorum: true } });
    net.elect(1);
    net.propose(1, "a");
    net.settle(1, 4, 5);
    expect(net.at(1).node.committed).toBe(BASE + 1);
    for (let i = 0; i < 20; i++) {
      net.at(1).node.tick();
      net.settle(1, 4, 5);
    }
    expect(net.at(1).node.role).toBe("follower");
  });

  it("has at most one change in its log that is not applied", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "v4");
    change(net, 1, "v5");
    net.settle(1, 2, 3);
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n, 3n, 4n]);
    change(net, 1, "v5");
    net.settle(1, 2, 3);
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n, 3n, 4n, 5n]);
  });

  it("accepts no change before everything it has inherited is applied", () => {
    const net = new Net({ voters: 3, terms: { 1: [1, 1] } });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    change(net, 1, "v4");
    net.settle();
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n, 3n]);
  });

  it("puts a change into force when it is applied, not when it is appended", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "v4");
    net.run(1);
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n, 3n]);
    net.settle(1, 2, 3);
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n, 3n, 4n]);
  });

  it("commits at once what a smaller quorum already holds", () => {
    const net = new Net({ voters: 2 });
    net.elect(1);
    change(net, 1, "r2");
    net.run(1);
    net.propose(1, "a");
    net.run(1);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2 });
    expect(net.at(1).node.committed).toBe(BASE + 2);
    net.run(1);
    expect([net.at(1).node.committed, net.texts(1)]).toEqual([BASE + 3, ["r2", "a"]]);
  });

  it("applies nothing of a change that is not possible, on all members alike", () => {
    const net = new Net({ voters: 1, config: { disableConfChangeValidation: true } });
    net.elect(1);
    change(net, 1, "r1");
    change(net, 1, "");
    net.settle();
    expect(net.at(1).node.confState.voters).toEqual([1n]);
    expect(net.at(1).node.role).toBe("leader");
  });
});

function probe() {
  return {
    type: MessageType.Heartbeat,
    from: 2n,
    to: 1n,
    term: 0,
    index: 0,
    logTerm: 0,
    commit: 0,
    entries: [],
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: new Uint8Array(),
    vote: 0n,
  };
}
