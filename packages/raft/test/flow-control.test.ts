import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { type Message, MessageType, type PeerStatus, type RaftConfigInput } from "@quorate/raft";

import { BASE, Net } from "./harness/net.ts";

/** Member 1 leads, and streams to 2, which is up to date and silent from now on. */
function streaming(config: Partial<RaftConfigInput>): Net {
  const net = new Net({ voters: 3, config });
  net.elect(1);
  expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 1, inflightCount: 0 });
  return net;
}
function peer(net: Net): PeerStatus | undefined {
  return net
    .at(1)
    .node.status()
    .peers.find(({ id }) => id === 2n);
}
/** The appends to 2 that come of proposing `text`. */
function appends(net: Net, text?: string): Message[] {
  if (text !== undefined) net.at(1).node.propose([utf8Bytes(text)]);
  return net.run(1).filter(({ type, to }) => type === MessageType.App && to === 2n);
}
function answer(net: Net, type: number, index = 0): Message[] {
  net.send(1, { type, from: 2n, term: 2, index });
  return appends(net);
}

describe("appends in flight to one peer", () => {
  it("never exceed their number, and the entries that do not fit wait", () => {
    const net = streaming({ maxInflightMsgs: 3 });
    const sent = Array.from({ length: 10 }, (_, i) => appends(net, `${i}`).length);
    expect(sent).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(peer(net)).toMatchObject({ inflightCount: 3, paused: true, next: BASE + 5 });
  });

  it("are freed by an acknowledgement up to its index, and what waited goes out together", () => {
    const net = streaming({ maxInflightMsgs: 3 });
    for (let i = 0; i < 6; i++) appends(net, `${i}`);
    const [append, ...rest] = answer(net, MessageType.AppResp, BASE + 3);
    expect([append?.index, append?.entries.length, rest]).toEqual([BASE + 4, 3, []]);
    expect(peer(net)).toMatchObject({ inflightCount: 2, paused: false });
  });

  it("are not freed by an acknowledgement of what was known", () => {
    const net = streaming({ maxInflightMsgs: 2 });
    for (let i = 0; i < 4; i++) appends(net, `${i}`);
    expect(answer(net, MessageType.AppResp, BASE + 1)).toEqual([]);
    expect(peer(net)).toMatchObject({ inflightCount: 2, paused: true });
  });

  it("are probed by an empty one after each heartbeat's answer, and by nothing else", () => {
    const net = streaming({ maxInflightMsgs: 2 });
    for (let i = 0; i < 4; i++) appends(net, `${i}`);
    for (let round = 0; round < 3; round++) {
      expect(answer(net, MessageType.HeartbeatResp)).toMatchObject([{ index: BASE + 3, entries: [] }]);
      expect(peer(net)).toMatchObject({ inflightCount: 2, paused: true });
      expect(appends(net, "more")).toEqual([]);
    }
  });

  it("never exceed their bytes by more than one message", () => {
    const net = streaming({ maxInflightBytes: 25, maxSizePerMsg: 0 });
    const text = "0123456789";
    const sent = Array.from({ length: 6 }, () => appends(net, text).length);
    expect(sent).toEqual([1, 1, 1, 0, 0, 0]);
    // Ten bytes have become free, which is room for one message more.
    expect(answer(net, MessageType.AppResp, BASE + 2).map(({ entries }) => entries.length)).toEqual([1]);
    expect(peer(net)).toMatchObject({ inflightCount: 3, paused: true });
  });

  it("do not hold up another peer", () => {
    const net = streaming({ maxInflightMsgs: 1 });
    for (let i = 0; i < 3; i++) {
      net.at(1).node.propose([utf8Bytes("x")]);
      net.run(1);
      net.send(1, { type: MessageType.AppResp, from: 3n, term: 2, index: BASE + 2 + i });
    }
    net.run(1);
    expect(net.at(1).node.committed).toBe(BASE + 4);
    expect(peer(net)).toMatchObject({ inflightCount: 1, match: BASE + 1 });
  });

  it("are each no larger than a message may be, but of one entry at least", () => {
    const net = streaming({ maxSizePerMsg: 40, maxInflightMsgs: 10 });
    net.at(1).node.propose(Array.from({ length: 5 }, () => utf8Bytes("0123456789")));
    net.at(1).node.propose([utf8Bytes("x".repeat(100))]);
    const sizes = appends(net).map(({ entries }) => entries.length);
    for (let index = BASE + 2; index <= BASE + 7; index++) {
      sizes.push(...answer(net, MessageType.AppResp, index).map(({ entries }) => entries.length));
    }
    expect(sizes.filter((count) => count > 0)).toEqual([2, 2, 1, 1]);
    expect(peer(net)).toMatchObject({ match: BASE + 7, next: BASE + 8 });
  });

  it("are forgotten when the peer cannot be reached, and it is probed with one at a time", () => {
    const net = streaming({ maxInflightMsgs: 3 });
    for (let i = 0; i < 3; i++) appends(net, `${i}`);
    net.at(1).node.reportUnreachable(2n);
    expect(peer(net)).toMatchObject({ state: "probe", next: BASE + 2, inflightCount: 0 });
    expect(appends(net, "a").map(({ index, entries }) => [index, entries.length])).toEqual([[BASE + 1, 4]]);
    expect([appends(net, "b"), peer(net)?.paused]).toEqual([[], true]);
    answer(net, MessageType.AppResp, BASE + 5);
    expect(peer(net)).toMatchObject({ state: "replicate", match: BASE + 5, next: BASE + 7 });
  });

  it("go to the target of a transfer at once, although it is waited for", () => {
    const net = streaming({});
    net.at(1).node.reportUnreachable(2n);
    appends(net, "a");
    expect([appends(net, "b"), peer(net)?.paused]).toEqual([[], true]);
    net.at(1).node.transferLeader(2n);
    expect(appends(net).map(({ index, entries }) => [index, entries.length])).toEqual([[BASE + 1, 2]]);
    // The order to campaign follows the acknowledgement of everything, and not of a part.
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2 });
    expect(net.run(1).some(({ type }) => type === MessageType.TimeoutNow)).toBe(false);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 3 });
    expect(net.run(1).filter(({ type }) => type === MessageType.TimeoutNow)).toMatchObject([{ to: 2n, term: 2 }]);
  });

  it("are resent from what is known to be there after a rejection", () => {
    const net = streaming({ maxInflightMsgs: 3 });
    for (let i = 0; i < 3; i++) appends(net, `${i}`);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 4, reject: true, rejectHint: BASE + 1 });
    expect(appends(net).map(({ index, entries }) => [index, entries.length])).toEqual([[BASE + 1, 3]]);
    expect(peer(net)).toMatchObject({ state: "probe", paused: true });
  });
});

describe("a leader whose disk does not keep up", () => {
  it("steps down once its oldest write has been in flight for the limit, not before", () => {
    const net = new Net({ voters: 3, config: { persistTimeoutTicks: 4 } });
    net.elect(1);
    net.at(1).node.propose([utf8Bytes("a")]);
    net.take(1);
    for (let i = 0; i < 3; i++) net.at(1).node.tick();
    // A later write does not make the first one younger.
    net.at(1).node.propose([utf8Bytes("b")]);
    net.take(1);
    expect(net.at(1).node.role).toBe("leader");
    net.at(1).node.tick();
    expect([net.at(1).node.role, net.at(1).node.leader, net.at(1).node.term]).toEqual(["follower", 0n, 2]);
  });

  it("goes on when the write is done in time", () => {
    const net = new Net({ voters: 3, config: { persistTimeoutTicks: 2 } });
    net.elect(1);
    for (let i = 0; i < 20; i++) {
      net.at(1).node.propose([utf8Bytes("a")]);
      net.take(1);
      net.at(1).node.tick();
      net.at(1).persist();
    }
    expect(net.at(1).node.role).toBe("leader");
  });

  it("does not win again before it has written, so that another can", () => {
    const net = new Net({ voters: 3, config: { persistTimeoutTicks: 2, preVote: true, checkQuorum: true } });
    net.elect(1);
    net.at(1).node.propose([utf8Bytes("a")]);
    net.take(1);
    for (let i = 0; i < 100; i++) net.at(1).node.tick();
    expect(net.at(1).node.role).toBe("preCandidate");
    expect(net.take(1).filter(({ type }) => type === MessageType.PreVote || type === MessageType.Vote)).toEqual([]);
    net.network = [];
    for (const id of [2, 3]) for (let i = 0; i < 10; i++) net.at(id).node.tick();
    net.network = [];
    net.elect(2, 2, 3);
    expect(net.at(2).node.role).toBe("leader");
  });

  it("stays if nobody else could lead", () => {
    const net = new Net({ voters: 1, config: { persistTimeoutTicks: 2 } });
    net.elect(1);
    net.at(1).node.propose([utf8Bytes("a")]);
    net.take(1);
    for (let i = 0; i < 10; i++) net.at(1).node.tick();
    expect(net.at(1).node.role).toBe("leader");
  });
});
