import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { MessageType } from "@quorate/raft";

import { encodeChange, parseChange } from "./harness/change-text.ts";
import { BASE, Net } from "./harness/net.ts";

function change(net: Net, id: number, text: string): string {
  return net.at(id).node.proposeConfChange(encodeChange(text), parseChange(text), 2);
}
function propose(net: Net, id: number, text = "x"): string {
  return net.at(id).node.propose([utf8Bytes(text)]);
}

describe("what becomes of a proposal", () => {
  it("is dropped by a follower that knows no leader", () => {
    expect(propose(new Net({ voters: 3 }), 1)).toBe("noLeader");
  });

  it("is dropped by candidates and pre-candidates", () => {
    for (const [preVote, role] of [
      [false, "candidate"],
      [true, "preCandidate"],
    ] as const) {
      const net = new Net({ voters: 3, config: { preVote } });
      net.at(1).node.campaign();
      expect([net.at(1).node.role, propose(net, 1)]).toEqual([role, "noLeader"]);
    }
  });

  it("is dropped by a former leader, which knows no other", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true } });
    net.elect(1);
    for (let i = 0; i < 20; i++) net.at(1).node.tick();
    expect([net.at(1).node.role, propose(net, 1)]).toEqual(["follower", "noLeader"]);
  });

  it("is forwarded without a term and with its sender, and taken by the leader", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    expect(propose(net, 2)).toBe("forwarded");
    const [message] = net.run(2);
    expect(message).toMatchObject({ type: MessageType.Prop, from: 2n, to: 1n, term: 0 });
    net.settle();
    expect(net.texts(3)).toEqual(["x"]);
  });

  it("is lost, not looped, when the member it was forwarded to does not lead any more", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    propose(net, 2);
    const [message] = net.run(2);
    net.network = [];
    net.elect(3, 1, 3);
    net.at(1).node.forgetLeader();
    if (message !== undefined) net.at(1).node.step(message);
    expect(net.run(1)).toEqual([]);
  });

  it("is refused while leadership is handed over, and taken again once that has timed out", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    // The time for it begins with it, not with the period of the leader's that it falls into.
    for (let i = 0; i < 7; i++) net.at(1).node.tick();
    net.at(1).node.transferLeader(2n);
    net.run(1);
    net.network = [];
    expect([propose(net, 1), change(net, 1, "v4")]).toEqual(["transferring", "transferring"]);
    for (let i = 0; i < 9; i++) net.at(1).node.tick();
    expect(propose(net, 1)).toBe("transferring");
    net.at(1).node.tick();
    expect([propose(net, 1), net.at(1).node.role]).toEqual(["accepted", "leader"]);
  });

  it("is refused by a leader that is not a member any more", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    change(net, 1, "r1");
    net.settle();
    expect([net.at(1).node.role, propose(net, 1)]).toEqual(["leader", "notMember"]);
  });

  it("counts nothing for a change that was refused and left an empty entry", () => {
    const net = new Net({ voters: 1, config: { maxUncommittedSize: 30 } });
    net.elect(1);
    for (let i = 0; i < 40; i++) change(net, 1, "explicit v2 v3");
    for (let i = 0; i < 40; i++) change(net, 1, "");
    net.settle(1);
    expect(net.at(1).node.lastIndex).toBeGreaterThan(BASE + 40);
    // The change that was accepted is the only one that counted, and it is applied.
    expect([propose(net, 1, "123456789012345"), propose(net, 1, "123456789012345")]).toEqual(["accepted", "accepted"]);
    expect(propose(net, 1, "1")).toBe("limit");
  });

  it("of any size is taken when nothing is uncommitted, and one without data always", () => {
    const net = new Net({ voters: 3, config: { maxUncommittedSize: 2 } });
    net.elect(1);
    expect([propose(net, 1, "12345"), propose(net, 1, "1"), propose(net, 1, "")]).toEqual([
      "accepted",
      "limit",
      "accepted",
    ]);
    net.settle();
    expect(propose(net, 1, "1")).toBe("accepted");
  });

  it("counts only what this leader has proposed in its term", () => {
    const net = new Net({ voters: 3, config: { maxUncommittedSize: 4 } });
    net.elect(1);
    propose(net, 1, "1234");
    net.run(1);
    net.network = [];
    net.elect(2, 2, 3);
    net.settle();
    net.at(2).node.tick();
    net.settle();
    net.elect(1);
    expect([propose(net, 1, "1234"), propose(net, 1, "1")]).toEqual(["accepted", "limit"]);
  });
});
