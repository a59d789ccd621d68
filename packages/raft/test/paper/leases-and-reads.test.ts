import { describe, expect, it } from "@jest/globals";
import { utf8Bytes, utf8Text } from "@quorate/base";
import { MessageType } from "@quorate/raft";

import { encodeChange, parseChange } from "../harness/change-text.ts";
import { BASE, Net } from "../harness/net.ts";

const LEASE = { checkQuorum: true, readOnly: "lease" } as const;

function read(net: Net, id: number, key: string): void {
  net.at(id).node.readIndex(utf8Bytes(key));
}
function answers(net: Net, id: number): string[] {
  return (net.reads.get(BigInt(id)) ?? []).map(({ context, index }) => `${utf8Text(context)}@${index}`);
}
function heartbeats(net: Net, id: number): number {
  return net.run(id).filter(({ type }) => type === MessageType.Heartbeat).length;
}

describe("reads under a lease (dissertation §6.4.1)", () => {
  it("need a round again once leadership was offered to somebody, whom no lease stops", () => {
    const net = new Net({ voters: 3, config: LEASE });
    net.elect(1);
    net.at(1).node.transferLeader(2n);
    net.run(1);
    const offer = net.network.find(({ type }) => type === MessageType.TimeoutNow);
    net.network = [];
    // The offer was accepted, of which the old leader hears nothing.
    if (offer !== undefined) net.at(2).node.step(offer);
    net.settle(2, 3);
    net.propose(2, "x");
    net.settle(2, 3);
    expect([net.at(2).node.role, net.texts(3)]).toEqual(["leader", ["x"]]);
    read(net, 1, "stale");
    expect([heartbeats(net, 1), answers(net, 1)]).toEqual([2, []]);
    for (let i = 0; i < 10; i++) net.at(1).node.tick();
    read(net, 1, "stale");
    net.run(1);
    expect(answers(net, 1)).toEqual([]);
  });

  it("are answered at once again in the next term", () => {
    const net = new Net({ voters: 3, config: LEASE });
    net.elect(1);
    net.at(1).node.transferLeader(2n);
    net.settle();
    net.at(2).node.transferLeader(1n);
    net.settle();
    read(net, 1, "a");
    net.run(1);
    expect(answers(net, 1)).toEqual([`a@${net.at(1).node.committed}`]);
  });

  it("need a round once a quorum has been silent for as long as it refuses to elect another", () => {
    const net = new Net({ voters: 3, config: LEASE });
    net.elect(1);
    // The check of the quorum comes once in an election timeout, so it notices silence up to two of them late.
    for (let i = 0; i < 5; i++) net.at(1).node.tick();
    net.settle();
    for (let i = 0; i < 10; i++) net.at(1).node.tick();
    net.run(1);
    expect(net.at(1).node.role).toBe("leader");
    read(net, 1, "stale");
    net.run(1);
    expect(answers(net, 1)).toEqual([]);
    net.at(2).node.tick();
    net.settle();
    expect(answers(net, 1)).toEqual([`stale@${BASE + 1}`]);
  });
});

describe("reads while the configuration changes", () => {
  it("are confirmed by a quorum that has become smaller", () => {
    const net = new Net({ voters: 2 });
    net.elect(1);
    net.at(1).node.proposeConfChange(encodeChange("r2"), parseChange("r2"), 2);
    net.take(1);
    read(net, 1, "a");
    net.take(1);
    net.at(1).persist();
    net.network = [];
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2 });
    net.run(1);
    expect(net.at(1).node.confState.voters).toEqual([1n]);
    expect(answers(net, 1)).toEqual([`a@${BASE + 1}`]);
  });

  it("need both quorums of a joint configuration", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    const change = "explicit v4 v5 r2 r3";
    net.at(1).node.proposeConfChange(encodeChange(change), parseChange(change), 2);
    net.settle();
    read(net, 1, "a");
    const context = net.run(1).find(({ type }) => type === MessageType.Heartbeat)?.context ?? new Uint8Array();
    const echo = (from: bigint): void => {
      net.send(1, { type: MessageType.HeartbeatResp, from, term: 2, context });
      net.run(1);
    };
    echo(4n);
    echo(5n);
    expect(answers(net, 1)).toEqual([]);
    echo(3n);
    expect(answers(net, 1)).toEqual([`a@${BASE + 2}`]);
  });
});

describe("linearizable reads while no quorum answers (dissertation §6.4)", () => {
  it("wait in a bounded queue, and all are answered by one round when the quorum is back", () => {
    const net = new Net({ voters: 3, config: { maxPendingReads: 100 } });
    net.elect(1);
    for (let i = 0; i < 1000; i++) read(net, 1, `r${i}`);
    net.run(1);
    net.network = [];
    expect(answers(net, 1)).toEqual([]);
    net.at(1).node.tick();
    net.settle();
    expect(answers(net, 1)).toEqual(Array.from({ length: 100 }, (_, i) => `r${i}@${BASE + 1}`));
    read(net, 1, "next");
    net.settle();
    expect(answers(net, 1).length).toBe(101);
  });

  it("are given up with the leadership, so that they are asked for again", () => {
    const net = new Net({ voters: 3, config: { checkQuorum: true } });
    net.elect(1);
    read(net, 1, "a");
    net.run(1);
    net.network = [];
    for (let i = 0; i < 20; i++) net.at(1).node.tick();
    expect(net.at(1).node.role).toBe("follower");
    net.run(1);
    net.network = [];
    for (const id of [2, 3]) net.at(id).node.forgetLeader();
    net.elect(1);
    expect([net.at(1).node.role, answers(net, 1)]).toEqual(["leader", []]);
  });
});
