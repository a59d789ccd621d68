import { describe, expect, it } from "@jest/globals";
import { SeededPrng, utf8Bytes } from "@quorate/base";
import {
  createMessage,
  EMPTY_CONF_STATE,
  EntryType,
  MemoryLogStorage,
  MessageType,
  parseConfig,
  RawNode,
} from "@quorate/raft";

import { BASE, entry, Net } from "../harness/net.ts";

describe("client interaction (§8)", () => {
  it("finds the leader through any member: proposals and reads are passed on", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    for (const id of [1, 2, 3]) {
      expect(net.at(id).node.leader).toBe(1n);
      net.propose(id, `by ${id}`);
      net.at(id).node.readIndex(utf8Bytes(`read ${id}`));
    }
    net.settle();
    for (const id of [1, 2, 3]) {
      expect(net.texts(id)).toEqual(["by 1", "by 2", "by 3"]);
      expect(net.reads.get(BigInt(id))?.length).toBe(1);
    }
  });

  it("begins a term with an empty entry of the leader's own, before anything else", () => {
    const net = new Net({ voters: 3 });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    net.propose(1, "x");
    const appends = net.run(1).filter(({ type, to }) => type === MessageType.App && to === 2n);
    expect(appends[0]).toMatchObject({ index: BASE, term: 2 });
    expect(appends[0]?.entries[0]).toMatchObject({ term: 2, index: BASE + 1, type: EntryType.Normal });
    expect(appends[0]?.entries[0]?.data.length).toBe(0);
  });

  it("does not know what is committed before that entry is, and then knows all of it", () => {
    const net = new Net({ voters: 3, terms: { 1: [1, 1], 2: [1, 1], 3: [] } });
    net.at(1).node.campaign();
    net.run(1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 2 });
    net.at(1).node.readIndex(utf8Bytes("early"));
    // A quorum has the inherited entries, and says so; that alone commits nothing.
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2 });
    net.run(1);
    expect([net.at(1).node.committed, net.reads.get(1n)]).toEqual([BASE, []]);
    net.settle();
    expect(net.at(1).node.committed).toBe(BASE + 3);
    expect(net.reads.get(1n)).toMatchObject([{ index: BASE + 3 }]);
  });

  it("answers a read only with what a quorum heard after it came: an earlier round does not count", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.at(1).node.tick();
    net.at(1).node.readIndex(utf8Bytes("a"));
    const heartbeats = net.run(1).filter(({ type, to }) => type === MessageType.Heartbeat && to === 2n);
    expect(heartbeats.length).toBe(2);
    const echo = (context: Uint8Array): void => {
      net.send(1, { type: MessageType.HeartbeatResp, from: 2n, term: 2, context });
      net.run(1);
    };
    echo(heartbeats[0]?.context ?? new Uint8Array());
    expect(net.reads.get(1n)).toEqual([]);
    echo(heartbeats[1]?.context ?? new Uint8Array());
    expect(net.reads.get(1n)?.length).toBe(1);
  });

  it("reports the index that was committed when the read came, not when it was confirmed", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.at(1).node.readIndex(utf8Bytes("a"));
    net.propose(1, "x");
    net.settle();
    expect(net.reads.get(1n)).toMatchObject([{ index: BASE + 1 }]);
  });

  it("hands each entry to the state machine once, however often it was sent, and not again after a restart", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a", "b");
    const appends = net.run(1).filter(({ to }) => to === 2n);
    for (const message of [...appends, ...appends]) net.at(2).node.step(message);
    net.settle();
    for (const message of appends) net.at(2).node.step(message);
    net.settle();
    expect(net.texts(2)).toEqual(["a", "b"]);
    net.at(2).snapshot(0);
    net.at(2).crash();
    net.propose(1, "c");
    for (let i = 0; i < 3; i++) {
      net.at(1).node.tick();
      net.settle();
    }
    expect(net.texts(2)).toEqual(["a", "b", "c"]);
  });
});

describe("a restart (§5, §8)", () => {
  it("takes what was applied for committed although the stored commit index lags", () => {
    const storage = new MemoryLogStorage();
    const confState = { ...EMPTY_CONF_STATE, voters: [1n, 2n] };
    storage.applySnapshot({ index: BASE, term: 1, confState, data: new Uint8Array() });
    storage.append([1, 2, 3].map((offset) => entry(BASE + offset, 1)));
    storage.setHardState({ term: 1, vote: 0n, commit: BASE });
    const parsed = parseConfig({ id: 1n, applied: BASE + 2 });
    if (!parsed.ok) throw new Error(parsed.errors.join("; "));
    const node = new RawNode(parsed.config, { storage, prng: new SeededPrng(1) });
    expect([node.committed, node.applied]).toEqual([BASE + 2, BASE + 2]);
    // What is behind it is handed out when it is known to be committed, and nothing before.
    node.step(createMessage({ type: MessageType.Heartbeat, from: 2n, to: 1n, term: 1, commit: BASE + 3 }));
    expect(node.ready().committedEntries.map(({ index }) => index)).toEqual([BASE + 3]);
  });

  it("keeps the vote, and does not give it twice", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.Vote, from: 1n, term: 2, index: BASE, logTerm: 1 });
    expect(net.run(2)).toMatchObject([{ type: MessageType.VoteResp, reject: false }]);
    net.at(2).crash();
    net.send(2, { type: MessageType.Vote, from: 3n, term: 2, index: BASE + 9, logTerm: 1 });
    expect(net.run(2)).toMatchObject([{ type: MessageType.VoteResp, to: 3n, reject: true }]);
    net.send(2, { type: MessageType.Vote, from: 1n, term: 2, index: BASE, logTerm: 1 });
    expect(net.run(2)).toMatchObject([{ type: MessageType.VoteResp, to: 1n, reject: false }]);
  });

  it("makes no leader of a member that was one", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.at(1).crash();
    expect([net.at(1).node.role, net.at(1).node.leader, net.at(1).node.term]).toEqual(["follower", 0n, 2]);
  });
});
