import { describe, expect, it } from "@jest/globals";
import { EMPTY_CONF_STATE, MessageType } from "@quorate/raft";

import { BASE, entry, Net } from "../harness/net.ts";

const EMPTY = new Uint8Array();

describe("log compaction (§7)", () => {
  const confState = { ...EMPTY_CONF_STATE, voters: [1n, 2n, 3n] };

  it("sends the snapshot to a follower whose entries are gone, and then the entries behind it", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    for (const text of ["a", "b", "c"]) net.propose(1, text);
    net.settle(1, 2);
    net.at(1).snapshot(0);
    net.propose(1, "d");
    net.settle(1, 2);
    for (let i = 0; i < 3; i++) {
      net.at(1).node.tick();
      net.settle();
    }
    expect(net.texts(3)).toEqual(["d"]);
    expect(net.at(3).appliedIndex).toBe(net.at(1).appliedIndex);
  });

  it("drops the whole log for a snapshot it does not match, though part of it was being written", () => {
    const net = new Net({ voters: 3 });
    net.send(2, {
      type: MessageType.App,
      from: 1n,
      term: 2,
      index: BASE,
      logTerm: 1,
      entries: [entry(BASE + 1, 2), entry(BASE + 2, 2)],
    });
    net.take(2);
    net.send(2, {
      type: MessageType.Snap,
      from: 3n,
      term: 3,
      snapshot: { index: BASE + 1, term: 3, confState, data: EMPTY },
    });
    expect(net.at(2).node.lastIndex).toBe(BASE + 1);
    net.take(2);
    // The first write is done: it confirms nothing of the log that is there now.
    net.at(2).persist(1);
    expect([net.at(2).node.status().stableIndex, net.at(2).node.lastIndex]).toEqual([0, BASE + 1]);
    net.run(2);
    expect([net.at(2).node.status().stableIndex, net.at(2).node.applied]).toEqual([BASE + 1, BASE + 1]);
  });

  it("does not campaign while a snapshot is not durable", () => {
    const net = new Net({ voters: 3 });
    net.send(2, {
      type: MessageType.Snap,
      from: 3n,
      term: 3,
      snapshot: { index: BASE + 5, term: 3, confState, data: EMPTY },
    });
    net.at(2).node.campaign();
    net.take(2);
    net.at(2).node.campaign();
    expect(net.at(2).node.role).toBe("follower");
    net.run(2);
    net.at(2).node.campaign();
    expect(net.at(2).node.role).toBe("candidate");
  });

  it("acknowledges a snapshot when it is durable, and entries behind it likewise", () => {
    const net = new Net({ voters: 3 });
    net.send(2, {
      type: MessageType.Snap,
      from: 3n,
      term: 3,
      snapshot: { index: BASE + 5, term: 3, confState, data: EMPTY },
    });
    net.send(2, {
      type: MessageType.App,
      from: 3n,
      term: 3,
      index: BASE + 5,
      logTerm: 3,
      entries: [entry(BASE + 6, 3, "x")],
      commit: BASE + 6,
    });
    expect(net.take(2)).toEqual([]);
    expect(net.run(2).map(({ index }) => index)).toEqual([BASE + 6]);
    expect(net.texts(2)).toEqual(["x"]);
  });

  it("hands out a newer snapshot although an older one is being written", () => {
    const net = new Net({ voters: 3 });
    for (const index of [BASE + 5, BASE + 7]) {
      net.send(2, { type: MessageType.Snap, from: 3n, term: 3, snapshot: { index, term: 3, confState, data: EMPTY } });
      net.take(2);
    }
    net.at(2).persist(1);
    expect(net.at(2).node.status().stableIndex).toBe(0);
    net.run(2);
    expect([net.at(2).node.status().stableIndex, net.at(2).appliedIndex]).toEqual([BASE + 7, BASE + 7]);
  });

  it("goes on waiting for a snapshot to arrive although the peer could not be reached with something else", () => {
    const net = new Net({ voters: 3 });
    net.elect(1, 1, 2);
    net.propose(1, "a");
    net.settle(1, 2);
    net.at(1).snapshot(0);
    net.at(1).node.reportUnreachable(3n);
    net.send(1, { type: MessageType.HeartbeatResp, from: 3n, term: 2 });
    net.run(1);
    const peer = () =>
      net
        .at(1)
        .node.status()
        .peers.find(({ id }) => id === 3n);
    expect(peer()).toMatchObject({ state: "snapshot", pendingSnapshot: BASE + 2 });
    net.at(1).node.reportUnreachable(3n);
    expect(peer()).toMatchObject({ state: "snapshot", pendingSnapshot: BASE + 2 });
  });

  it("sends none to a peer that was not heard of", () => {
    const net = new Net({ voters: 3 });
    net.elect(1, 1, 2);
    net.propose(1, "a");
    net.settle(1, 2);
    net.at(1).snapshot(0);
    net.at(1).node.reportUnreachable(3n);
    net.at(1).node.tick();
    expect(net.run(1).some(({ type }) => type === MessageType.Snap)).toBe(false);
    net.send(1, { type: MessageType.HeartbeatResp, from: 3n, term: 2 });
    expect(net.run(1).some(({ type }) => type === MessageType.Snap)).toBe(true);
  });
});
