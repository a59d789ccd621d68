import { describe, expect, it } from "@jest/globals";
import { type Message, MessageType } from "@quorate/raft";
import { type ClusterPeer, ReplicaCluster, snapshotOf } from "./replica-cluster.ts";

/** Writes while member 3 is cut off, until the leader's log no longer reaches back to it. */
function leaveBehind(cluster: ReplicaCluster, leader: ClusterPeer, count = 200): void {
  cluster.isolate(3n);
  for (let i = 0; i < count; i++) {
    leader.put("a");
    cluster.settle();
    if (i % 10 === 0) cluster.tick(1, [leader, cluster.peer(2n)]);
  }
  cluster.loses = () => false;
}

/** How many entries a member holds in memory. */
function heldEntries(peer: ClusterPeer): number {
  return peer.raftLog.lastIndex() - peer.raftLog.firstIndex() + 1;
}

describe("snapshots of a replica", () => {
  it("are of the state as it is when they are sent, whatever raft has named", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    const [sent] = leader.snapshots;
    expect(sent?.message).toMatchObject({ to: 3n, type: MessageType.Snap, term: leader.raft.term });
    expect(sent?.snapshot).toEqual(sent?.message.snapshot);
    expect(sent?.snapshot.index).toBe(leader.replica.appliedIndex);
    expect(sent?.snapshot.term).toBe(leader.raft.term);
    expect(sent?.snapshot.confState.voters).toEqual([1n, 2n, 3n]);
  });

  it("bring a member back that then follows the log again, with no second snapshot", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    const follower = cluster.peer(3n);
    const sent = leader.snapshots[0];
    if (sent === undefined) throw new Error("no snapshot was sent");
    // As long as it is on its way, much more than usual is kept behind it.
    for (let i = 0; i < 300; i++) {
      leader.put("b");
      cluster.settle();
    }
    expect(leader.raftLog.firstIndex()).toBeLessThanOrEqual(sent.snapshot.index + 1);

    follower.replica.step(sent.message);
    follower.run();
    expect(follower.replica.isInstalling).toBe(true);
    follower.installs[0]?.done();
    expect(follower.replica.appliedIndex).toBe(sent.snapshot.index);
    leader.replica.reportSnapshot(3n, "delivered");
    cluster.tick(5);
    expect(follower.replica.appliedIndex).toBe(leader.replica.appliedIndex);
    expect(follower.versionOf("b")).toBe(300);
    expect(leader.snapshots).toHaveLength(1);
  });

  it("that failed are sent again, and the log behind them is let go", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    expect(leader.snapshots).toHaveLength(1);
    leader.replica.reportSnapshot(3n, "failed");
    cluster.tick(5);
    expect(leader.snapshots).toHaveLength(2);
    leader.replica.reportSnapshot(3n, "failed");
    cluster.isolate(3n);
    for (let i = 0; i < 300; i++) {
      leader.put("b");
      cluster.settle();
      cluster.tick(1, [leader, cluster.peer(2n)]);
    }
    expect(heldEntries(leader)).toBeLessThanOrEqual(120);
  });

  it("hold the log for a while after they were delivered, and no longer", () => {
    const cluster = new ReplicaCluster(3, { snapshotGraceTicks: 20 });
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    const index = leader.snapshots[0]?.snapshot.index ?? 0;
    leader.replica.reportSnapshot(3n, "delivered");
    cluster.isolate(3n);
    const write = (count: number, ticks: number): void => {
      for (let i = 0; i < count; i++) {
        leader.put("b");
        cluster.settle();
      }
      cluster.tick(ticks, [leader, cluster.peer(2n)]);
    };
    write(300, 10);
    expect(leader.raftLog.firstIndex()).toBeLessThanOrEqual(index + 1);
    write(0, 30);
    write(50, 0);
    expect(leader.raftLog.firstIndex()).toBeGreaterThan(index);
    expect(heldEntries(leader)).toBeLessThanOrEqual(120);
  });

  it("do not hold more than their bytes, however long they take", () => {
    const cluster = new ReplicaCluster(3, { catchUpBytesMax: 10_000 });
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    expect(leader.snapshots).toHaveLength(1);
    cluster.isolate(3n);
    for (let i = 0; i < 300; i++) {
      leader.put("b", "x".repeat(1000));
      cluster.settle();
    }
    // Eight times as much as usual, in entries of a little over 1000 bytes.
    expect(heldEntries(leader)).toBeLessThanOrEqual(80);
    expect(heldEntries(cluster.peer(2n))).toBeLessThanOrEqual(10);
  });

  it("are never sent in the name of a term that is over", () => {
    for (const isOver of [false, true]) {
      const cluster = new ReplicaCluster(3);
      const leader = cluster.elect(1n);
      leaveBehind(cluster, leader);
      // The answer that tells the leader that the log does not help is held back.
      let answer: Message | undefined;
      cluster.loses = (message) => {
        if (message.type === MessageType.AppResp && message.reject) answer = message;
        return answer !== undefined && message.from === 3n;
      };
      cluster.tick(3);
      if (answer === undefined) throw new Error("member 3 has not refused anything");
      expect(leader.snapshots).toEqual([]);
      const { term } = leader.raft;
      leader.raft.step(answer);
      const heartbeat = { ...snapshotOf(leader, 1n, 0), type: MessageType.Heartbeat, from: 2n, snapshot: undefined };
      if (isOver) leader.raft.step({ ...heartbeat, term: term + 1 });
      leader.replica.tick();
      leader.run();
      expect([leader.raft.term, leader.snapshots.length]).toEqual(isOver ? [term + 1, 0] : [term, 1]);
    }
  });

  it("are installed before anything else is applied, written or answered, and what came behind them keeps its order", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    const follower = cluster.peer(3n);
    const sent = leader.snapshots[0];
    if (sent === undefined) throw new Error("no snapshot was sent");
    follower.replica.step(sent.message);
    follower.run();
    leader.replica.reportSnapshot(3n, "delivered");
    const before = follower.replica.appliedIndex;
    for (const key of ["x", "y", "z"]) {
      leader.put(key);
      cluster.tick(2);
    }
    const put = follower.put("mine");
    const read = follower.read();
    cluster.tick(2);
    expect(follower.replica.appliedIndex).toBe(before);
    expect(follower.log.writes).toEqual([]);
    expect([follower.versionOf("x"), read, put.result]).toEqual([0, [], undefined]);

    follower.isDiskStuck = true;
    follower.installs[0]?.done();
    const indexes = follower.log.writes.flatMap(({ entries }) => entries.map(({ index }) => index));
    const first = sent.snapshot.index + 1;
    expect(indexes).toEqual(Array.from({ length: indexes.length }, (_, position) => first + position));
    expect(indexes).not.toEqual([]);
    follower.isDiskStuck = false;
    cluster.tick(5);
    expect([follower.versionOf("x"), follower.versionOf("z"), read.length, put.result]).toEqual([
      1,
      1,
      1,
      expect.anything(),
    ]);
    expect(follower.fatal).toEqual([]);
  });

  it("that cannot be installed are the end, and what waits is told so", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    leaveBehind(cluster, leader);
    cluster.tick(3);
    const follower = cluster.peer(3n);
    const sent = leader.snapshots[0];
    if (sent === undefined) throw new Error("no snapshot was sent");
    follower.replica.step(sent.message);
    follower.run();
    const put = follower.put("a");
    const failure = new Error("EIO");
    follower.installs[0]?.done(failure);
    expect(follower.fatal).toEqual([failure]);
    expect(put.failure).toBe("stopped");
  });

  it("whose installation ends after the replica has stopped change nothing any more", () => {
    for (const error of [undefined, new Error("closed")]) {
      const cluster = new ReplicaCluster(3);
      const leader = cluster.elect(1n);
      leaveBehind(cluster, leader);
      cluster.tick(3);
      const follower = cluster.peer(3n);
      const sent = leader.snapshots[0];
      if (sent === undefined) throw new Error("no snapshot was sent");
      follower.replica.step(sent.message);
      follower.run();
      const before = follower.replica.appliedIndex;
      follower.replica.stop();
      follower.installs[0]?.done(error);
      expect([follower.replica.appliedIndex, follower.fatal, follower.log.writes]).toEqual([before, [], []]);
    }
  });

  it("older than the log are ignored", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    for (let i = 0; i < 5; i++) leader.put("a");
    cluster.settle();
    cluster.tick(1);
    const follower = cluster.peer(3n);
    follower.replica.step(snapshotOf(leader, 3n, leader.replica.appliedIndex - 2));
    cluster.settle();
    expect([follower.installs, follower.replica.isInstalling]).toEqual([[], false]);
  });

  it("leave nothing to be cut that they have replaced", () => {
    const cluster = new ReplicaCluster(3, { catchUpBytesMax: 5000 });
    const leader = cluster.elect(1n);
    const follower = cluster.peer(3n);
    for (let i = 0; i < 4; i++) {
      leader.put("a", "x".repeat(1000));
      cluster.settle();
    }
    cluster.tick(1);
    leaveBehind(cluster, leader, 150);
    cluster.tick(3);
    const sent = leader.snapshots[0];
    if (sent === undefined) throw new Error("no snapshot was sent");
    follower.replica.step(sent.message);
    follower.run();
    follower.installs[0]?.done();
    leader.replica.reportSnapshot(3n, "delivered");
    for (let i = 0; i < 3; i++) {
      leader.put("b", "x".repeat(1000));
      cluster.settle();
    }
    cluster.tick(3);
    expect(follower.versionOf("b")).toBe(3);
    // Three thousand bytes since then: within the bound, had the ones before been forgotten.
    expect(follower.raftLog.firstIndex()).toBe(sent.snapshot.index + 1);
  });
});
