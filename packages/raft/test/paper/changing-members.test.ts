import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { encodeChange, parseChange } from "../harness/change-text.ts";
import { BASE, Net } from "../harness/net.ts";

function change(net: Net, id: number, text: string): string {
  return net.at(id).node.proposeConfChange(encodeChange(text), parseChange(text), 2);
}
function ticks(net: Net, id: number, count: number): void {
  for (let i = 0; i < count; i++) net.at(id).node.tick();
}

describe("disruptive servers (§6, dissertation §4.2.3)", () => {
  it("that were removed without knowing cannot unseat a leader that the others hear from", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true } });
    net.elect(1);
    change(net, 1, "r3");
    net.settle(1, 2);
    expect(net.at(3).node.confState.voters).toEqual([1n, 2n, 3n]);
    ticks(net, 3, 100);
    net.settle();
    expect([net.at(1).node.role, net.at(1).node.term, net.at(2).node.leader]).toEqual(["leader", 2, 1n]);
  });

  it("do not even raise their term when they ask first", () => {
    const net = new Net({ voters: 3, config: { preVote: true } });
    net.elect(1);
    net.propose(1, "x");
    net.settle(1, 2);
    ticks(net, 3, 100);
    net.settle();
    expect([net.at(3).node.term, net.at(1).node.role]).toEqual([2, "leader"]);
  });

  it("get a vote in spite of a live leader if that leader has sent them", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true } });
    net.elect(1);
    const ask = (context: Uint8Array): void =>
      net.send(2, { type: MessageType.Vote, from: 3n, term: 3, index: BASE + 1, logTerm: 2, context });
    ask(new Uint8Array());
    expect(net.run(2)).toEqual([]);
    ask(new TextEncoder().encode("CampaignTransfer"));
    expect(net.run(2)).toMatchObject([{ type: MessageType.VoteResp, to: 3n, term: 3, reject: false }]);
  });
});

describe("a leader that is removed (§6, dissertation §4.2.2)", () => {
  it("leads on without counting itself until the new configuration is committed", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "r1");
    net.settle();
    expect([net.at(1).node.role, net.at(1).node.confState.voters]).toEqual(["leader", [2n, 3n]]);
    ticks(net, 1, 1);
    expect(net.run(1).filter(({ type }) => type === MessageType.Heartbeat).length).toBe(2);
  });

  it("steps down with the change if it is told to, and stays out", () => {
    for (const text of ["r1", "l1"]) {
      const net = new Net({ voters: 3, config: { stepDownOnRemoval: true } });
      net.elect(1);
      change(net, 1, text);
      net.settle();
      expect([net.at(1).node.role, net.at(1).node.leader, net.at(1).node.confState.voters]).toEqual([
        "follower",
        0n,
        [2n, 3n],
      ]);
      ticks(net, 1, 100);
      net.settle();
      expect(net.at(1).node.role).toBe("follower");
      net.elect(2);
      net.propose(2, "after");
      net.settle();
      expect([net.at(2).node.role, net.texts(3).at(-1)]).toEqual(["leader", "after"]);
    }
  });

  it("steps down although its state machine lags, and nothing that it applies later disturbs it", () => {
    const net = new Net({ voters: 3, config: { maxCommittedSizePerReady: 0, stepDownOnRemoval: true } });
    net.elect(1);
    change(net, 1, "r1");
    net.propose(1, "a", "b", "c");
    net.settle();
    expect(net.at(1).node.role).toBe("follower");
    net.elect(2);
    for (let i = 0; i < 3; i++) {
      net.at(2).node.tick();
      net.settle();
    }
    expect(net.texts(2)).toEqual(net.texts(3));
    net.at(1).node.checkInvariants();
  });
});

describe("learners (dissertation §4.2.1)", () => {
  it("receive the log, and count when they have become voters", () => {
    const net = new Net({ voters: 1, learners: [2n] });
    net.elect(1);
    net.propose(1, "a");
    net.settle();
    expect(net.texts(2)).toEqual(["a"]);
    change(net, 1, "v2");
    net.settle();
    net.propose(1, "b");
    net.run(1);
    expect(net.texts(1).at(-1)).not.toBe("b");
    net.settle();
    expect([net.texts(1).at(-1), net.texts(2).at(-1)]).toEqual(["b", "b"]);
    ticks(net, 2, 100);
    net.settle();
    expect(net.at(2).node.role).toBe("leader");
  });

  it("do not campaign, whoever asks, but vote when they are asked", () => {
    const net = new Net({ voters: 2, learners: [3n] });
    ticks(net, 3, 100);
    net.at(3).node.campaign();
    net.send(3, { type: MessageType.TimeoutNow, from: 1n, term: 1 });
    expect([net.at(3).node.role, net.at(3).node.term]).toEqual(["follower", 1]);
    net.send(3, { type: MessageType.Vote, from: 1n, term: 2, index: BASE, logTerm: 1 });
    expect(net.run(3)).toMatchObject([{ type: MessageType.VoteResp, reject: false }]);
  });

  it("are what demoted voters become, at once or when the joint configuration is left", () => {
    const single = new Net({ voters: 3 });
    single.elect(1);
    change(single, 1, "l3");
    single.settle();
    expect(single.at(1).node.confState).toMatchObject({ voters: [1n, 2n], learners: [3n] });
    const joint = new Net({ voters: 3 });
    joint.elect(1);
    change(joint, 1, "explicit l3");
    joint.settle();
    expect(joint.at(1).node.confState).toMatchObject({
      votersOutgoing: [1n, 2n, 3n],
      learnersNext: [3n],
      learners: [],
    });
    change(joint, 1, "");
    joint.settle();
    expect(joint.at(1).node.confState).toMatchObject({ voters: [1n, 2n], votersOutgoing: [], learners: [3n] });
  });
});

describe("a joint configuration that is left by itself (dissertation §4.3)", () => {
  it("is left by the next leader if the one that entered it is gone", () => {
    const net = new Net({ voters: 5 });
    net.elect(1);
    change(net, 1, "implicit r5");
    const others = [2, 3, 4, 5];
    const deliver = (): void => {
      for (const message of net.network.splice(0)) net.members.get(message.to)?.node.step(message);
    };
    // The others apply the change; the leader is lost before it can propose to leave.
    net.run(1);
    deliver();
    for (const id of others) net.run(id);
    deliver();
    net.take(1);
    net.network = net.network.filter(({ type, entries }) => type === MessageType.App && entries.length === 0);
    deliver();
    for (const id of others) net.run(id);
    net.network = [];
    expect(net.at(2).node.confState).toMatchObject({ votersOutgoing: [1n, 2n, 3n, 4n, 5n], autoLeave: true });
    net.elect(2, ...others);
    expect([net.at(2).node.role, net.at(2).node.confState]).toEqual([
      "leader",
      { voters: [1n, 2n, 3n, 4n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    ]);
  });

  it("is left after a transfer that was in the way, without anybody proposing anything", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "implicit r3");
    // The transfer begins before the change is applied, and its target never campaigns.
    net.at(1).node.transferLeader(2n);
    const settleWithoutOrders = (): void => {
      for (let round = 0; round < 20; round++) {
        for (const id of [1, 2, 3]) net.run(id);
        for (const message of net.network.splice(0)) {
          if (message.type !== MessageType.TimeoutNow) net.members.get(message.to)?.node.step(message);
        }
      }
    };
    settleWithoutOrders();
    expect(net.at(1).node.confState).toMatchObject({ votersOutgoing: [1n, 2n, 3n], autoLeave: true });
    ticks(net, 1, 10);
    settleWithoutOrders();
    expect(net.at(1).node.confState).toMatchObject({ voters: [1n, 2n], votersOutgoing: [], autoLeave: false });
  });
});
