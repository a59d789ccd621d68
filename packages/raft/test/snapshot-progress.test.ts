import { describe, expect, it } from "@jest/globals";
import { EMPTY_CONF_STATE, type Message, MessageType, type PeerStatus } from "@quorate/raft";

import { encodeChange, parseChange } from "./harness/change-text.ts";
import { BASE, Net } from "./harness/net.ts";

/** Member 1 leads, 3 has missed what is compacted, and the snapshot for it, at BASE + 2, is on its way. */
function sendingSnapshot(): { net: Net; message: Message } {
  const net = new Net({ voters: 3 });
  net.elect(1, 1, 2);
  net.propose(1, "a");
  net.settle(1, 2);
  net.at(1).snapshot(0);
  net.at(1).node.reportUnreachable(3n);
  net.send(1, { type: MessageType.HeartbeatResp, from: 3n, term: 2 });
  const message = net.run(1).find(({ type }) => type === MessageType.Snap);
  if (message === undefined) throw new Error("no snapshot was sent");
  net.network = [];
  expect(peer(net)).toMatchObject({ state: "snapshot", pendingSnapshot: BASE + 2, next: BASE + 3 });
  return { net, message };
}
function peer(net: Net, id = 3n): PeerStatus | undefined {
  return net
    .at(1)
    .node.status()
    .peers.find((one) => one.id === id);
}
function proposeAmong(net: Net, ...texts: string[]): void {
  net.propose(1, ...texts);
  net.settle(1, 2);
}
function hears(net: Net): Message[] {
  net.send(1, { type: MessageType.HeartbeatResp, from: 3n, term: 2 });
  return net.run(1).filter(({ to }) => to === 3n);
}

describe("a peer that is sent a snapshot", () => {
  it("gets nothing else, neither entries nor a second one", () => {
    const { net } = sendingSnapshot();
    proposeAmong(net, "b");
    expect(hears(net)).toEqual([]);
    expect(peer(net)).toMatchObject({ state: "snapshot", paused: true });
  });

  it("is streamed to as soon as it acknowledges, whether the host has reported or not", () => {
    const { net, message } = sendingSnapshot();
    net.at(3).node.step(message);
    net.settle();
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 2, pendingSnapshot: 0 });
    net.at(1).node.reportSnapshot(3n, "delivered");
    net.at(1).node.reportSnapshot(3n, "failed");
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 2 });
  });

  it("is streamed to after it acknowledges a newer one than the message named", () => {
    const { net, message } = sendingSnapshot();
    proposeAmong(net, "b", "c");
    const newer = { index: BASE + 4, term: 2, confState: net.at(1).node.confState, data: new Uint8Array() };
    net.at(3).node.step({ ...message, snapshot: newer });
    net.settle();
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 4, next: BASE + 5 });
    proposeAmong(net, "d");
    net.at(1).node.tick();
    net.settle();
    expect(net.texts(3)).toEqual(["d"]);
  });

  it("is probed behind the one that was really sent, although the log has been cut there meanwhile", () => {
    const { net } = sendingSnapshot();
    proposeAmong(net, "b", "c");
    net.at(1).snapshot(0);
    net.at(1).node.reportSnapshot(3n, "delivered", BASE + 4);
    expect(peer(net)).toMatchObject({ state: "probe", next: BASE + 5, paused: true });
    // It is heard of while it is still busy with the snapshot: it must not be sent another.
    expect(hears(net)).toMatchObject([{ type: MessageType.App, index: BASE + 4, logTerm: 2 }]);
  });

  it("is probed behind the named one when the report names none, an older one or one that we do not have", () => {
    for (const index of [undefined, 0, BASE + 1, BASE + 99]) {
      const { net } = sendingSnapshot();
      net.at(1).node.reportSnapshot(3n, "delivered", index);
      expect(peer(net)).toMatchObject({ state: "probe", next: BASE + 3, paused: true });
    }
  });

  it("is streamed to when the newer one is acknowledged after the report", () => {
    const { net, message } = sendingSnapshot();
    proposeAmong(net, "b");
    net.at(1).node.reportSnapshot(3n, "delivered");
    const newer = { index: BASE + 3, term: 2, confState: net.at(1).node.confState, data: new Uint8Array() };
    net.at(3).node.step({ ...message, snapshot: newer });
    net.settle();
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 3 });
  });

  it("gets another one after a failure, once it is heard of again", () => {
    const { net } = sendingSnapshot();
    net.at(1).node.reportSnapshot(3n, "failed");
    expect(peer(net)).toMatchObject({ state: "probe", match: 0, next: 1, pendingSnapshot: 0, paused: true });
    proposeAmong(net, "b");
    expect(peer(net)).toMatchObject({ state: "probe", paused: true });
    expect(hears(net).map(({ type }) => type)).toEqual([MessageType.Snap]);
    expect(peer(net)).toMatchObject({ state: "snapshot" });
  });

  it("gets another one if the first is acknowledged after its entries are gone, too", () => {
    const { net, message } = sendingSnapshot();
    proposeAmong(net, "b", "c");
    net.at(1).snapshot(0);
    net.at(3).node.step(message);
    net.settle();
    // What it acknowledged does not connect to the log any more.
    expect(peer(net)).toMatchObject({ state: "snapshot", match: BASE + 2 });
    net.at(1).node.reportSnapshot(3n, "delivered");
    net.at(1).node.tick();
    net.settle();
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 4 });
    expect(net.at(3).appliedIndex).toBe(BASE + 4);
  });

  it("is forgotten when it is removed, reports included, and starts over when it is added again", () => {
    const { net, message } = sendingSnapshot();
    const change = (text: string): void => {
      net.at(1).node.proposeConfChange(encodeChange(text), parseChange(text), 2);
      net.settle(1, 2);
    };
    change("r3");
    expect(peer(net)).toBeUndefined();
    net.at(1).node.reportSnapshot(3n, "delivered", BASE + 2);
    net.at(1).node.reportUnreachable(3n);
    net.send(1, { type: MessageType.AppResp, from: 3n, term: 2, index: BASE + 2 });
    change("v3");
    expect(peer(net)).toMatchObject({ state: "probe", match: 0, recentActive: true, pendingSnapshot: 0 });
    // The snapshot of its former life may still arrive: nothing it says is wrong.
    net.at(3).node.step(message);
    for (let i = 0; i < 3; i++) {
      net.at(1).node.tick();
      net.settle();
    }
    expect(peer(net)).toMatchObject({ state: "replicate", match: net.at(1).node.lastIndex });
    expect(net.at(3).node.confState.voters).toEqual([1n, 2n, 3n]);
  });
});

describe("a member that is sent a snapshot", () => {
  const snapshotFor = (index: number, term: number, confState = { ...EMPTY_CONF_STATE, voters: [1n, 2n, 3n] }) => ({
    index,
    term,
    confState,
    data: new Uint8Array(),
  });
  const receive = (net: Net, snapshot: ReturnType<typeof snapshotFor>): Message[] => {
    net.send(2, { type: MessageType.Snap, from: 1n, term: 2, snapshot });
    return net.run(2).filter(({ type }) => type === MessageType.AppResp);
  };

  it("takes one that has it as a learner, and is a learner then", () => {
    const net = new Net({ voters: 3 });
    const [answer] = receive(net, snapshotFor(BASE + 3, 2, { ...EMPTY_CONF_STATE, voters: [1n, 3n], learners: [2n] }));
    expect([answer?.index, net.at(2).node.confState.learners]).toEqual([BASE + 3, [2n]]);
    net.at(2).node.campaign();
    expect(net.at(2).node.role).toBe("follower");
  });

  it("takes one of a joint configuration that it is leaving", () => {
    const net = new Net({ voters: 3 });
    const joint = { ...EMPTY_CONF_STATE, voters: [1n, 3n], votersOutgoing: [1n, 2n, 3n], autoLeave: true };
    const [answer] = receive(net, snapshotFor(BASE + 3, 2, joint));
    expect([answer?.index, net.at(2).node.confState]).toEqual([BASE + 3, joint]);
  });

  it("says how far it is to one that it is no part of, or that contradicts itself", () => {
    for (const confState of [
      { ...EMPTY_CONF_STATE, voters: [1n, 3n] },
      { ...EMPTY_CONF_STATE, voters: [1n, 2n], learners: [2n] },
    ]) {
      const net = new Net({ voters: 3 });
      expect(receive(net, snapshotFor(BASE + 3, 2, confState))).toMatchObject([{ index: BASE, reject: false }]);
      expect(net.at(2).node.lastIndex).toBe(BASE);
    }
  });

  it("says how far it is to a repeated or an old one, and replaces nothing", () => {
    const net = new Net({ voters: 3 });
    expect(receive(net, snapshotFor(BASE + 3, 2))).toMatchObject([{ index: BASE + 3 }]);
    expect(receive(net, snapshotFor(BASE + 3, 2))).toMatchObject([{ index: BASE + 3 }]);
    expect(receive(net, snapshotFor(BASE + 1, 2))).toMatchObject([{ index: BASE + 3 }]);
    expect(net.at(2).appliedIndex).toBe(BASE + 3);
  });

  it("commits by one that its log already matches, and keeps the entries behind it", () => {
    const net = new Net({ voters: 3, terms: { 2: [2, 2, 2] } });
    expect(receive(net, snapshotFor(BASE + 2, 2))).toMatchObject([{ index: BASE + 2 }]);
    expect([net.at(2).node.committed, net.at(2).node.lastIndex]).toEqual([BASE + 2, BASE + 3]);
  });
});
