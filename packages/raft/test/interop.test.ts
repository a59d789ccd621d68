import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { EMPTY_CONF_STATE, type Message, MessageType } from "@quorate/raft";

import { encodeChange, parseChange } from "./harness/change-text.ts";
import { BASE, entry, Net } from "./harness/net.ts";

/** Members of other makes and releases, as far as what they send and expect differs from ours. */
function contextOf(net: Net, id: number): Uint8Array[] {
  return net
    .run(id)
    .filter(({ type, to }) => type === MessageType.Heartbeat && to === 2n)
    .map(({ context }) => context);
}
function readEntry(context: Uint8Array) {
  return [{ term: 0, index: 0, type: 0, data: context }];
}

describe("the context of a heartbeat", () => {
  for (const length of [0, 1, 7, 8, 9, 16, 300]) {
    it(`is echoed byte for byte: ${length} bytes`, () => {
      const net = new Net({ voters: 2 });
      const context = Uint8Array.from({ length }, (_, i) => 255 - (i % 256));
      net.send(2, { type: MessageType.Heartbeat, from: 1n, term: 2, commit: BASE, context });
      expect(net.run(2)).toMatchObject([{ type: MessageType.HeartbeatResp, to: 1n, term: 2, context }]);
    });
  }

  it("of ours is empty, or eight bytes in little endian that go up", () => {
    const net = new Net({ voters: 2 });
    net.elect(1);
    net.at(1).node.tick();
    expect(contextOf(net, 1)).toEqual([new Uint8Array()]);
    net.network = [];
    net.at(1).node.readIndex(utf8Bytes("a"));
    net.at(1).node.readIndex(utf8Bytes("b"));
    expect(contextOf(net, 1).map((context) => [...context])).toEqual([
      [1, 0, 0, 0, 0, 0, 0, 0],
      [2, 0, 0, 0, 0, 0, 0, 0],
    ]);
    // The next one repeats the newest: a lost round costs no more than a heartbeat.
    net.at(1).node.tick();
    expect(contextOf(net, 1).map((context) => [...context])).toEqual([[2, 0, 0, 0, 0, 0, 0, 0]]);
  });

  it("that is not one of ours confirms nothing", () => {
    const net = new Net({ voters: 2 });
    net.elect(1);
    net.at(1).node.readIndex(utf8Bytes("a"));
    net.run(1);
    for (const context of [
      utf8Bytes("a"),
      new Uint8Array(7),
      Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0),
      Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1),
      new Uint8Array(8).fill(255),
      Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0),
    ]) {
      net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context });
      net.run(1);
    }
    expect(net.reads.get(1n)).toEqual([]);
  });
});

describe("a read through a leader up to 3.6, which knows requests by their context", () => {
  const context = Uint8Array.of(0x8e, 0x9e, 5, 0, 0, 0, 0, 9);

  it("is passed on in full, echoed in full, and answered", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.Heartbeat, from: 1n, term: 2, commit: BASE });
    net.run(2);
    net.at(2).node.readIndex(context);
    const [request] = net.run(2);
    expect(request).toMatchObject({
      type: MessageType.ReadIndex,
      from: 2n,
      to: 1n,
      term: 0,
      entries: readEntry(context),
    });
    // The leader puts the request's own context into its heartbeats and compares for equality.
    net.send(2, { type: MessageType.Heartbeat, from: 1n, term: 2, commit: BASE, context });
    expect(net.run(2)).toMatchObject([{ type: MessageType.HeartbeatResp, context }]);
    net.send(2, { type: MessageType.ReadIndexResp, from: 1n, term: 2, index: BASE, entries: readEntry(context) });
    net.run(2);
    expect(net.reads.get(2n)).toEqual([{ index: BASE, context }]);
  });

  it("is not answered by the leader of an older term", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.Heartbeat, from: 3n, term: 3, commit: BASE });
    net.send(2, { type: MessageType.ReadIndexResp, from: 1n, term: 2, index: BASE, entries: readEntry(context) });
    net.run(2);
    expect(net.reads.get(2n)).toEqual([]);
  });

  it("is dropped without a leader, by whoever is to pass it on", () => {
    const net = new Net({ voters: 3 });
    net.at(2).node.readIndex(context);
    net.send(2, { type: MessageType.ReadIndex, from: 3n, entries: readEntry(context) });
    expect(net.run(2)).toEqual([]);
    net.at(2).node.campaign();
    net.at(2).node.readIndex(context);
    expect(net.run(2).some(({ type }) => type === MessageType.ReadIndex)).toBe(false);
  });
});

describe("a read by a follower of any release through a leader of ours", () => {
  const context = utf8Bytes("its own");

  it("is confirmed by a quorum's echoes of our token, and answered with its own context", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.send(1, { type: MessageType.ReadIndex, from: 3n, entries: readEntry(context) });
    const [token] = contextOf(net, 1);
    net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context: token ?? new Uint8Array() });
    const [answer] = net.run(1).filter(({ type }) => type === MessageType.ReadIndexResp);
    expect(answer).toMatchObject({ to: 3n, from: 1n, term: 2, index: BASE + 1, entries: readEntry(context) });
  });

  it("that comes before the first commit of the term waits for it", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    net.send(1, { type: MessageType.ReadIndex, from: 3n, entries: readEntry(context) });
    expect(contextOf(net, 1)).toEqual([]);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 1 });
    const [token] = contextOf(net, 1);
    net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context: token ?? new Uint8Array() });
    const [answer] = net.run(1).filter(({ type }) => type === MessageType.ReadIndexResp);
    expect(answer).toMatchObject({ to: 3n, index: BASE + 1 });
  });
});

describe("a follower of release 3.4 or 3.5", () => {
  it("acknowledges with an empty snapshot in its messages", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.run(1);
    const snapshot = { index: 0, term: 0, confState: EMPTY_CONF_STATE, data: new Uint8Array() };
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2, snapshot });
    net.run(1);
    expect(net.texts(1)).toEqual(["a"]);
  });

  it("that names only its last index is brought in line, one step at a time where terms differ", () => {
    const net = new Net({ voters: 2, terms: { 1: [2, 2, 2, 2, 2], 2: [] } });
    net.elect(1, 1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 3 });
    const probes = (): number[] =>
      net
        .run(1)
        .filter(({ type }) => type === MessageType.App)
        .map(({ index }) => index);
    expect(probes()).toEqual([BASE + 5]);
    const reject = (index: number, rejectHint: number): number[] => {
      net.send(1, { type: MessageType.AppResp, from: 2n, term: 3, index, reject: true, rejectHint });
      return probes();
    };
    // It has three entries behind the snapshot, of another term.
    expect(reject(BASE + 5, BASE + 3)).toEqual([BASE + 3]);
    expect(reject(BASE + 3, BASE + 3)).toEqual([BASE + 2]);
    expect(reject(BASE + 2, BASE + 3)).toEqual([BASE + 1]);
    // A repeated rejection is out of date.
    expect(reject(BASE + 2, BASE + 3)).toEqual([]);
  });
});

describe("a leader of release 3.7, whose messages of one batch leave in reverse", () => {
  it("is answered so that nothing is lost and nothing is acknowledged too early", () => {
    const net = new Net({ voters: 3 });
    const batch: Partial<Message>[] = [
      { index: BASE, logTerm: 1, entries: [entry(BASE + 1, 2, "a")] },
      { index: BASE + 1, logTerm: 2, entries: [entry(BASE + 2, 2, "b")] },
      { index: BASE + 2, logTerm: 2, entries: [entry(BASE + 3, 2, "c")], commit: BASE + 3 },
    ];
    for (const append of batch.toReversed()) net.send(2, { type: MessageType.App, from: 1n, term: 2, ...append });
    expect(net.run(2).map(({ index, reject, rejectHint }) => [index, reject, rejectHint])).toEqual([
      [BASE + 2, true, BASE],
      [BASE + 1, true, BASE],
      [BASE + 1, false, 0],
    ]);
    for (const append of batch) net.send(2, { type: MessageType.App, from: 1n, term: 2, ...append });
    net.run(2);
    expect(net.texts(2)).toEqual(["a", "b", "c"]);
  });
});

describe("a request from a member that is behind or elsewhere", () => {
  it("for a pre-vote in a lower term is refused in ours", () => {
    const net = new Net({ voters: 3, config: { preVote: true } });
    net.elect(1);
    net.send(1, { type: MessageType.PreVote, from: 3n, term: 1, index: BASE, logTerm: 1 });
    expect(net.run(1)).toMatchObject([{ type: MessageType.PreVoteResp, to: 3n, term: 2, reject: true }]);
  });

  it("for a vote in a lower term is not answered", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.send(1, { type: MessageType.Vote, from: 3n, term: 1, index: BASE, logTerm: 1 });
    expect(net.run(1)).toEqual([]);
  });

  it("for another leader names the target as its sender, with or without a term, through a follower or not", () => {
    for (const term of [0, 2]) {
      for (const via of [1, 2]) {
        const net = new Net({ voters: 3 });
        net.elect(1);
        net.send(via, { type: MessageType.TransferLeader, from: 3n, term });
        net.settle();
        expect([net.at(3).node.role, net.at(3).node.term]).toEqual(["leader", 3]);
      }
    }
  });

  it("for a membership change in the old form comes from a follower, whichever it is", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    expect(net.at(2).node.proposeConfChange(encodeChange("l4"), parseChange("l4"), 1)).toBe("forwarded");
    const [request] = net.run(2);
    expect(request).toMatchObject({ type: MessageType.Prop, term: 0, from: 2n, entries: [{ type: 1 }] });
    net.settle(1, 2, 3);
    expect([1, 2, 3].map((id) => net.at(id).node.confState.learners)).toEqual([[4n], [4n], [4n]]);
  });
});
