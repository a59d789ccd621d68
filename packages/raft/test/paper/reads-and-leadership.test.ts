import { describe, expect, it } from "@jest/globals";
import { utf8Bytes, utf8Text } from "@quorate/base";
import { MessageType } from "@quorate/raft";

import { BASE, Net } from "../harness/net.ts";

function read(net: Net, id: number, key: string): void {
  net.at(id).node.readIndex(utf8Bytes(key));
}
function answers(net: Net, id: number): string[] {
  return (net.reads.get(BigInt(id)) ?? []).map(({ context, index }) => `${utf8Text(context)}@${index}`);
}

describe("linearizable reads (§8, dissertation §6.4)", () => {
  it("are answered when a quorum has confirmed the leadership, in order", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    read(net, 1, "a");
    net.run(1);
    expect(answers(net, 1)).toEqual([]);
    net.settle();
    read(net, 1, "b");
    read(net, 2, "c");
    read(net, 1, "d");
    net.settle();
    expect(answers(net, 1)).toEqual([`a@${BASE + 1}`, `b@${BASE + 1}`, `d@${BASE + 1}`]);
    expect(answers(net, 2)).toEqual([`c@${BASE + 1}`]);
  });

  it("are not answered by a leader that is cut off, and are forgotten with the term", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    read(net, 1, "stale");
    net.run(1);
    net.network = [];
    net.elect(2, 2, 3);
    net.propose(2, "x");
    net.settle(2, 3);
    net.at(1).node.tick();
    net.settle(1);
    expect(answers(net, 1)).toEqual([]);
    net.at(2).node.tick();
    net.settle();
    expect([net.at(1).node.role, answers(net, 1)]).toEqual(["follower", []]);
  });

  it("are not answered by a leader that was deposed without knowing, even if it leads again", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.elect(2, 2, 3);
    net.propose(2, "x");
    net.settle(2, 3);
    read(net, 1, "stale");
    net.run(1);
    net.network = [];
    net.at(2).node.tick();
    net.settle();
    net.at(2).node.tick();
    net.settle();
    net.elect(1);
    expect(net.at(1).node.role).toBe("leader");
    read(net, 1, "new");
    net.settle();
    expect(answers(net, 1)).toEqual([`new@${net.at(1).node.committed}`]);
  });

  it("that came too early are forgotten with the term", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    read(net, 1, "early");
    net.run(1);
    net.network = [];
    net.elect(2, 2);
    net.elect(2, 2, 3);
    net.at(2).node.tick();
    net.settle();
    expect(net.at(1).node.role).toBe("follower");
    net.elect(1);
    expect([net.at(1).node.role, answers(net, 1)]).toEqual(["leader", []]);
  });

  it("wait for the first commit of the term", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    read(net, 1, "early");
    expect(net.run(1).some(({ type }) => type === MessageType.Heartbeat)).toBe(false);
    net.settle();
    expect(answers(net, 1)).toEqual([`early@${BASE + 1}`]);
  });

  it("are confirmed neither by learners nor by strangers nor by tokens of the past", () => {
    const net = new Net({ voters: 3, learners: [4n] });
    net.elect(1);
    read(net, 1, "a");
    const token = net.run(1).find(({ type }) => type === MessageType.Heartbeat)?.context ?? new Uint8Array();
    net.send(1, { type: MessageType.HeartbeatResp, from: 4n, term: 2, context: token });
    net.send(1, { type: MessageType.HeartbeatResp, from: 9n, term: 2, context: token });
    net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 1, context: token });
    net.run(1);
    expect(answers(net, 1)).toEqual([]);
    net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context: token });
    net.run(1);
    expect(answers(net, 1).length).toBe(1);
    read(net, 1, "b");
    net.run(1);
    net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context: token });
    net.run(1);
    expect(answers(net, 1).length).toBe(1);
  });

  it("are dropped beyond the limit", () => {
    const net = new Net({ voters: 3, config: { maxPendingReads: 2 } });
    net.elect(1);
    for (const key of ["a", "b", "c"]) read(net, 1, key);
    net.settle();
    expect(answers(net, 1).length).toBe(2);
  });

  it("are answered at once under a lease", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true, readOnly: "lease" } });
    net.elect(1);
    read(net, 1, "a");
    net.run(1);
    expect(answers(net, 1)).toEqual([`a@${BASE + 1}`]);
  });
});

describe("leadership transfer (dissertation §3.10)", () => {
  it("goes to a voter that has caught up, in one step, whatever the leases", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true, preVote: true } });
    net.elect(1);
    net.at(1).node.transferLeader(3n);
    net.settle();
    expect([net.at(3).node.role, net.at(3).node.term, net.at(1).node.role]).toEqual(["leader", 3, "follower"]);
  });

  it("can be redirected, and proposals are refused meanwhile", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.settle(1);
    net.at(1).node.transferLeader(2n);
    expect(net.at(1).node.propose([utf8Bytes("b")])).toBe("transferring");
    net.at(1).node.transferLeader(3n);
    expect(net.at(1).node.status().transferee).toBe(3n);
    net.at(1).node.transferLeader(1n);
    expect(net.at(1).node.status().transferee).toBe(0n);
    expect(net.at(1).node.propose([utf8Bytes("b")])).toBe("accepted");
  });

  it("ends when the target leaves the configuration", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.at(1).node.proposeConfChange(utf8Bytes("r3"), { transition: 0, changes: [{ type: 1, nodeId: 3n }] });
    net.at(1).node.transferLeader(3n);
    net.settle(1, 2);
    expect(net.at(1).node.confState.voters).toEqual([1n, 2n]);
    expect(net.at(1).node.status().transferee).toBe(0n);
  });
});

describe("check-quorum (dissertation §6.2) and pre-vote (§9.6)", () => {
  it("lets a member that was cut off come back without disturbing anybody", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true, preVote: true } });
    net.elect(1);
    for (let i = 0; i < 100; i++) net.at(3).node.tick();
    net.settle(3);
    expect(net.at(3).node.term).toBe(2);
    net.at(1).node.tick();
    net.settle();
    expect([net.at(1).node.role, net.at(1).node.term, net.at(3).node.leader]).toEqual(["leader", 2, 1n]);
  });

  it("frees a member whose term is ahead, at the price of the leader's term", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true } });
    net.elect(1);
    for (let i = 0; i < 100; i++) net.at(3).node.tick();
    net.settle(3);
    expect(net.at(3).node.term).toBeGreaterThan(2);
    for (let i = 0; i < 60; i++) {
      for (const id of [1, 2, 3]) net.at(id).node.tick();
      net.settle();
    }
    const leader = [1, 2, 3].find((id) => net.at(id).node.role === "leader") as number;
    expect([1, 2, 3].map((id) => net.at(id).node.leader)).toEqual([BigInt(leader), BigInt(leader), BigInt(leader)]);
  });

  it("refuses to forward, and to be forwarded to, where that is asked", () => {
    const net = new Net({ voters: 3, config: { disableProposalForwarding: true } });
    expect(net.at(2).node.propose([utf8Bytes("a")])).toBe("noLeader");
    net.elect(1);
    expect(net.at(2).node.propose([utf8Bytes("a")])).toBe("forwardingDisabled");
    net.at(2).node.campaign();
    expect(net.at(2).node.propose([utf8Bytes("a")])).toBe("noLeader");
  });
});
