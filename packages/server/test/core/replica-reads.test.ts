import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";
import { ReplicaCluster, snapshotOf } from "./replica-cluster.ts";

const READ_INDEX = new Set<number>([MessageType.ReadIndex]);
const READ_INDEX_RESP = new Set<number>([MessageType.ReadIndexResp]);

describe("linearizable reads of a replica", () => {
  it("see what was acknowledged before them, at every member", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const answer = leader.put("a");
    cluster.settle();
    expect(answer.result).toMatchObject({ revision: 2 });

    for (const peer of cluster.peers) {
      const read = peer.read();
      expect(read).toEqual([]);
      cluster.settle();
      expect(read).toEqual([`served at ${leader.replica.appliedIndex}`]);
      expect(peer.versionOf("a")).toBe(1);
    }
  });

  it("share one question, and those that come while it is under way share the next", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    let questions = 0;
    cluster.loses = ({ type }) => {
      if (READ_INDEX.has(type)) questions++;
      return false;
    };
    const early = [follower.read(), follower.read(), follower.read()];
    follower.run();
    const late = [follower.read(), follower.read()];
    cluster.settle();

    expect(questions).toBe(2);
    expect([...early, ...late].map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("wait until what the leader had committed is applied here", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const follower = cluster.peer(2n);
    follower.isDiskStuck = true;
    leader.put("a");
    cluster.settle();
    const read = follower.read();
    cluster.settle();
    expect(read).toEqual([]);
    expect(follower.versionOf("a")).toBe(0);

    follower.isDiskStuck = false;
    cluster.tick(2);
    expect(read).toEqual([`served at ${leader.replica.appliedIndex}`]);
    expect(follower.versionOf("a")).toBe(1);
  });

  it("are asked for again when question or answer got lost, and a second answer does nothing", () => {
    for (const lost of [READ_INDEX, READ_INDEX_RESP]) {
      const cluster = new ReplicaCluster(3);
      cluster.elect(1n);
      const follower = cluster.peer(2n);
      let count = 0;
      cluster.loses = ({ type }) => lost.has(type) && count++ === 0;
      const read = follower.read();
      cluster.settle();
      expect([read.length, count]).toEqual([0, 1]);
      cluster.tick(5);
      expect([read.length, count]).toEqual([1, 2]);
    }

    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    let answer: Parameters<typeof follower.replica.step>[0] | undefined;
    cluster.loses = (message) => {
      if (READ_INDEX_RESP.has(message.type)) answer = message;
      return false;
    };
    const first = follower.read();
    cluster.settle();
    const second = follower.read();
    const { counts } = follower.machine;
    expect(counts.slowReadIndexes).toBe(0);
    if (answer !== undefined) follower.replica.step(answer);
    expect([first.length, second.length]).toEqual([1, 0]);
    cluster.settle();
    expect([first.length, second.length]).toEqual([1, 1]);
    expect([counts.slowReadIndexes, counts.readIndexesFailed]).toEqual([1, 0]);
  });

  it("time out where the leader cannot be asked, those collected behind the question too", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 20 });
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    cluster.loses = ({ type }) => READ_INDEX.has(type);
    const first = follower.read();
    cluster.tick(10);
    const second = follower.read();
    cluster.tick(10);
    expect([first, second]).toEqual([[], []]);
    cluster.tick(1);
    expect([first, second]).toEqual([["timeout"], []]);
    cluster.tick(10);
    expect(second).toEqual(["timeout"]);
    // Of questions, each for what had been read before it.
    expect(follower.machine.counts.slowReadIndexes).toBe(2);
  });

  it("time out where the answer came and what it asks for is never applied", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 20 });
    const leader = cluster.elect(1n);
    const follower = cluster.peer(2n);
    // The follower hears of the index and of nothing else any more.
    cluster.loses = ({ to, type }) => to === 2n && type === MessageType.App;
    leader.put("a");
    cluster.settle();
    const read = follower.read();
    cluster.settle();
    cluster.isolate(2n);
    cluster.tick(20, [follower]);
    expect(read).toEqual([]);
    cluster.tick(1, [follower]);
    expect(read).toEqual(["timeout"]);
    cluster.loses = () => false;
    cluster.tick(30);
    expect(follower.versionOf("a")).toBe(1);
    expect(read).toEqual(["timeout"]);
  });

  it("fail when another member leads, as nobody knows whether the old leader has heard of them", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    cluster.loses = ({ type }) => READ_INDEX.has(type);
    const asked = follower.read();
    cluster.settle();
    cluster.isolate(1n);
    follower.replica.leaderEnded(1n);
    cluster.peer(3n).replica.leaderEnded(1n);
    cluster.elect(3n);
    expect(asked).toEqual(["leaderChanged"]);
    expect(follower.machine.counts.readIndexesFailed).toBe(1);

    const later = follower.read();
    cluster.settle();
    expect(later).toHaveLength(1);
    expect(later[0]).toMatch(/^served/);
  });

  it("are never answered by a leader that others have replaced", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 20 });
    const old = cluster.elect(1n);
    cluster.isolate(1n);
    for (const id of [2n, 3n]) cluster.peer(id).replica.leaderEnded(1n);
    const next = cluster.elect(2n);
    next.put("a");
    cluster.settle();
    expect(old.replica.isLeader).toBe(true);

    const read = old.read();
    cluster.tick(21);
    expect(read).toEqual(["timeout"]);
    expect(old.replica.isLeader).toBe(false);
  });

  it("wait without a leader for one, and are served then", () => {
    const cluster = new ReplicaCluster(3);
    cluster.settle();
    const read = cluster.peer(3n).read();
    cluster.tick(2);
    expect(read).toEqual([]);
    cluster.elect(1n);
    expect(read).toHaveLength(1);
    expect(read[0]).toMatch(/^served/);
  });

  it("wait for the leader's first commit of its term", () => {
    const cluster = new ReplicaCluster(3);
    cluster.settle();
    cluster.loses = ({ type }) => type === MessageType.AppResp;
    const leader = cluster.elect(1n);
    const read = leader.read();
    cluster.tick(2);
    expect(read).toEqual([]);
    cluster.loses = () => false;
    cluster.tick(6);
    expect(read).toHaveLength(1);
  });

  it("wait while a snapshot is being installed, even for what was applied before", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const follower = cluster.peer(2n);
    let answer: Parameters<typeof follower.replica.step>[0] | undefined;
    cluster.loses = (message) => {
      if (READ_INDEX_RESP.has(message.type)) answer = message;
      return READ_INDEX_RESP.has(message.type);
    };
    const read = follower.read();
    cluster.settle();
    cluster.loses = ({ to }) => to === 2n;
    for (let i = 0; i < 5; i++) leader.put("a");
    cluster.settle();
    follower.replica.step(snapshotOf(leader, 2n, leader.replica.appliedIndex));
    follower.run();
    expect(follower.replica.isInstalling).toBe(true);
    if (answer !== undefined) follower.replica.step(answer);
    follower.run();
    expect(read).toEqual([]);

    follower.installs[0]?.done();
    expect(read).toEqual([`served at ${leader.replica.appliedIndex}`]);
  });
});
