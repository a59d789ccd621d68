import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { BASE, entry, Net } from "../harness/net.ts";

describe("log replication (§5.3)", () => {
  it("sends new entries to all followers in parallel, with what precedes them", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    const appends = net.take(1);
    expect(appends.map(({ to, index, logTerm, entries }) => [to, index, logTerm, entries.length])).toEqual([
      [2n, BASE + 1, 2, 1],
      [3n, BASE + 1, 2, 1],
    ]);
    expect(net.at(1).inFlight.length).toBe(1);
  });

  const quorums: readonly [voters: number, acknowledged: number[], committed: boolean][] = [
    [1, [], true],
    [3, [], false],
    [3, [2], true],
    [3, [2, 3], true],
    [5, [], false],
    [5, [2], false],
    [5, [2, 3], true],
    [5, [2, 3, 4], true],
  ];
  for (const [voters, acknowledged, committed] of quorums) {
    it(`of ${voters} an entry that ${acknowledged.join() || "nobody else"} holds is ${committed ? "" : "not "}committed`, () => {
      const net = new Net({ voters });
      net.elect(1);
      net.propose(1, "a");
      net.run(1);
      for (const id of acknowledged)
        net.send(1, { type: MessageType.AppResp, from: BigInt(id), term: 2, index: BASE + 2 });
      net.network = [];
      net.run(1);
      expect(net.texts(1)).toEqual(committed ? ["a"] : []);
    });
  }

  it("does not count its own entry before it is durable, and applies nothing that is not", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.take(1);
    net.send(1, { type: MessageType.AppResp, from: 2n, term: 2, index: BASE + 2 });
    expect(net.at(1).node.committed).toBe(BASE + 1);
    net.send(1, { type: MessageType.AppResp, from: 3n, term: 2, index: BASE + 2 });
    expect(net.at(1).node.committed).toBe(BASE + 2);
    net.take(1);
    expect(net.texts(1)).toEqual([]);
    net.run(1);
    expect(net.texts(1)).toEqual(["a"]);
  });

  it("commits with an entry everything that precedes it, from earlier leaders too", () => {
    const net = new Net({ voters: 3, terms: { 1: [1, 1], 2: [1], 3: [] } });
    net.elect(1);
    expect([1, 2, 3].map((id) => net.at(id).node.committed)).toEqual([BASE + 3, BASE + 3, BASE + 3]);
    expect([1, 2, 3].map((id) => net.at(id).appliedIndex)).toEqual([BASE + 3, BASE + 3, BASE + 3]);
  });

  it("tells followers what is committed, and they apply it in order", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a", "b");
    net.propose(1, "c");
    net.settle();
    expect([1, 2, 3].map((id) => net.texts(id))).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });

  it("commits no further than the append is known to match", () => {
    const net = new Net({ voters: 3, terms: { 2: [1, 1, 1] } });
    net.send(2, { type: MessageType.App, from: 1n, term: 2, index: BASE + 1, logTerm: 1, commit: BASE + 9 });
    expect(net.at(2).node.committed).toBe(BASE + 1);
  });

  it("learns the commit index from heartbeats, which tell no more than what is known to be in its log", () => {
    const net = new Net({ voters: 3 });
    net.elect(1);
    net.propose(1, "a");
    net.run(1);
    for (const message of net.network.splice(0)) net.members.get(message.to)?.node.step(message);
    for (const id of [2, 3]) for (const answer of net.run(id)) net.at(1).node.step(answer);
    net.run(1);
    // The news of the commit is lost with all appends; 3 acknowledged, and a heartbeat will do.
    net.network = [];
    expect([net.at(1).node.committed, net.at(3).node.committed]).toEqual([BASE + 2, BASE + 1]);
    net.at(1).node.tick();
    const heartbeat = net.run(1).find(({ type, to }) => type === MessageType.Heartbeat && to === 3n);
    expect(heartbeat?.commit).toBe(BASE + 2);
    if (heartbeat !== undefined) net.at(3).node.step(heartbeat);
    net.run(3);
    expect(net.texts(3)).toEqual(["a"]);
  });

  it("stops when a heartbeat commits what its log does not have: durable data was lost", () => {
    const net = new Net({ voters: 3 });
    expect(() => net.send(2, { type: MessageType.Heartbeat, from: 1n, term: 2, commit: BASE + 1 })).toThrow(
      "was it truncated or lost",
    );
  });

  it("takes no more entries than its disk keeps up with, and gets them again", () => {
    const net = new Net({ voters: 2, config: { maxUnstableSize: 4 } });
    net.elect(1);
    net.propose(1, "12345");
    for (const message of net.run(1)) net.at(2).node.step(message);
    net.network = [];
    net.take(2);
    expect(net.at(1).node.propose([new Uint8Array(1)])).toBe("accepted");
    for (const message of net.run(1)) net.at(2).node.step(message);
    expect(net.at(2).node.lastIndex).toBe(BASE + 2);
    net.network = [];
    for (let i = 0; i < 3; i++) {
      net.at(1).node.tick();
      net.settle();
    }
    expect(net.at(2).node.committed).toBe(BASE + 3);
  });

  it("does not pile up answers while the disk hangs", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.App, from: 1n, term: 2, index: BASE, logTerm: 1, entries: [entry(BASE + 1, 2)] });
    for (let i = 0; i < 50; i++) {
      net.take(2);
      net.send(2, { type: MessageType.App, from: 1n, term: 2, index: BASE + 1, logTerm: 2 });
    }
    // One answer for what came before the write was handed out, one for all that came since.
    expect(net.run(2).map(({ index }) => index)).toEqual([BASE + 1, BASE + 1]);
  });

  it("takes a write for done only as far as no later one replaces it", () => {
    const net = new Net({ voters: 3 });
    const append = (term: number, index: number, logTerm: number, entries: ReturnType<typeof entry>[]): void => {
      net.send(2, { type: MessageType.App, from: 1n, term, index: BASE + index, logTerm, entries });
      net.take(2);
    };
    append(2, 0, 1, [entry(BASE + 1, 2, "a"), entry(BASE + 2, 2, "b"), entry(BASE + 3, 2, "c")]);
    append(3, 1, 2, [entry(BASE + 2, 3, "d")]);
    expect(net.at(2).node.lastIndex).toBe(BASE + 2);
    net.at(2).persist(1);
    expect(net.at(2).node.status().stableIndex).toBe(BASE + 1);
    net.at(2).persist(1);
    expect(net.at(2).node.status().stableIndex).toBe(BASE + 2);
  });

  it("acknowledges only what is durable", () => {
    const net = new Net({ voters: 3 });
    net.send(2, { type: MessageType.App, from: 1n, term: 2, index: BASE, logTerm: 1, entries: [entry(BASE + 1, 2)] });
    expect(net.take(2)).toEqual([]);
    net.at(2).persist();
    expect(net.take(2).map(({ type, index }) => [type, index])).toEqual([[MessageType.AppResp, BASE + 1]]);
  });

  const checks: readonly [index: number, term: number, rejected: boolean][] = [
    [0, 1, false],
    [1, 1, false],
    [2, 2, false],
    [1, 2, true],
    [2, 1, true],
    [3, 3, true],
  ];
  for (const [offset, term, rejected] of checks) {
    it(`${rejected ? "rejects" : "takes"} entries behind ${offset} of term ${term} on a log of terms 1, 2`, () => {
      const net = new Net({ voters: 3, terms: { 2: [1, 2] } });
      net.send(2, { type: MessageType.App, from: 1n, term: 4, index: BASE + offset, logTerm: term });
      const [answer] = net.run(2);
      expect([answer?.reject, answer?.index]).toEqual([rejected, BASE + offset]);
    });
  }

  const conflicts: readonly [index: number, term: number, entries: number[], log: number[]][] = [
    [2, 2, [3], [1, 2, 3]],
    [1, 1, [3, 4], [1, 3, 4]],
    [0, 1, [1], [1, 2]],
    [0, 1, [3], [3]],
    [0, 1, [1, 2], [1, 2]],
    [0, 1, [1, 2, 3], [1, 2, 3]],
  ];
  for (const [offset, term, terms, log] of conflicts) {
    it(`makes ${log.join()} of the log 1,2 with ${terms.join()} behind ${offset}`, () => {
      const net = new Net({ voters: 3, terms: { 2: [1, 2] } });
      const entries = terms.map((of, i) => entry(BASE + offset + 1 + i, of));
      net.send(2, { type: MessageType.App, from: 1n, term: 4, index: BASE + offset, logTerm: term, entries });
      net.run(2);
      const { storage } = net.at(2);
      expect(log.map((_term, i) => storage.term(BASE + 1 + i))).toEqual(log);
      expect(storage.lastIndex()).toBe(BASE + log.length);
    });
  }

  it("keeps newer entries when an older append arrives late or twice", () => {
    const net = new Net({ voters: 3 });
    const append = (entries: ReturnType<typeof entry>[]): void =>
      net.send(2, { type: MessageType.App, from: 1n, term: 2, index: BASE, logTerm: 1, entries });
    append([entry(BASE + 1, 2, "a"), entry(BASE + 2, 2, "b")]);
    append([entry(BASE + 1, 2, "a")]);
    append([]);
    expect(net.at(2).node.lastIndex).toBe(BASE + 2);
  });

  it("never replaces a committed entry", () => {
    const net = new Net({ voters: 3 });
    net.send(2, {
      type: MessageType.App,
      from: 1n,
      term: 2,
      index: BASE,
      logTerm: 1,
      entries: [entry(BASE + 1, 2)],
      commit: BASE + 1,
    });
    const replace = () =>
      net.send(2, { type: MessageType.App, from: 3n, term: 3, index: BASE, logTerm: 1, entries: [entry(BASE + 1, 3)] });
    replace();
    expect(net.run(2).map(({ type, index }) => [type, index])).toEqual([
      [MessageType.AppResp, BASE + 1],
      [MessageType.AppResp, BASE + 1],
    ]);
    expect(net.at(2).storage.term(BASE + 1)).toBe(2);
  });

  const divergent: readonly number[][] = [
    [1, 1, 1, 4, 4, 5, 5, 6, 6],
    [1, 1, 1, 4],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    [1, 1, 1, 4, 4, 4, 4],
    [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  ];
  divergent.forEach((terms, i) => {
    it(`brings a follower's log in line with the leader's: figure 7 (${"abcdef"[i]})`, () => {
      const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
      const net = new Net({ voters: 3, terms: { 1: leader, 2: terms, 3: [] } });
      net.elect(1, 1);
      net.elect(1, 1, 3);
      expect(net.at(1).node.term).toBeGreaterThanOrEqual(8);
      net.at(1).node.tick();
      net.settle();
      net.at(1).node.tick();
      net.settle();
      expect(net.at(2).node.lastIndex).toBe(net.at(1).node.lastIndex);
      for (let index = BASE; index <= net.at(1).node.lastIndex; index++) {
        expect(net.at(2).storage.term(index)).toBe(net.at(1).storage.term(index));
      }
    });
  });

  it("skips all entries of a term at once when it looks for a match", () => {
    const net = new Net({
      voters: 2,
      terms: { 1: [2, ...Array<number>(50).fill(6)], 2: [2, ...Array<number>(50).fill(4)] },
    });
    net.elect(1, 1);
    net.send(1, { type: MessageType.VoteResp, from: 2n, term: 7 });
    let probes = 0;
    for (let round = 0; round < 20 && net.at(2).node.lastIndex !== net.at(1).node.lastIndex; round++) {
      const appends = net.run(1).filter(({ type }) => type === MessageType.App);
      probes += appends.length;
      for (const message of appends) net.at(2).node.step(message);
      for (const message of net.run(2)) net.at(1).node.step(message);
    }
    expect(net.at(2).storage.term(BASE + 51)).toBe(6);
    expect(probes).toBeLessThanOrEqual(3);
  });
});
