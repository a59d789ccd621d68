import { describe, expect, it } from "@jest/globals";
import { createMessage, MessageType } from "@quorate/raft";
import { ReplicaCluster } from "./replica-cluster.ts";

describe("leadership of a replica", () => {
  it("is told with every change, and who is new", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    expect(follower.leaders.at(-1)).toEqual({ leader: 1n, role: "follower", isNewLeader: true });
    expect(cluster.peer(1n).leaders.at(-1)).toEqual({ leader: 1n, role: "leader", isNewLeader: true });
    follower.replica.leaderEnded(1n);
    expect(follower.leaders.at(-1)).toEqual({ leader: 0n, role: "follower", isNewLeader: false });
  });

  it("goes to another as soon as a quorum has seen the leader end", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    cluster.isolate(1n);
    const next = cluster.peer(2n);
    expect(next.replica.leaderEnded(1n)).toBe(true);
    next.replica.campaign();
    cluster.settle();
    expect(next.replica.isLeader).toBe(false);
    expect(cluster.peer(3n).replica.leaderEnded(1n)).toBe(true);
    next.replica.campaign();
    cluster.settle();
    expect(next.replica.isLeader).toBe(true);
  });

  it("stays where only one member sees the leader end, however often, and that member soon follows again", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const mistaken = cluster.peer(2n);
    const { term } = leader.raft;
    const given: boolean[] = [];
    for (let i = 0; i < 50; i++) {
      given.push(mistaken.replica.leaderEnded(1n));
      mistaken.replica.campaign();
      cluster.tick(1);
      expect(mistaken.replica.leader).toBe(1n);
    }
    expect(given.filter(Boolean)).toHaveLength(1);
    expect([leader.replica.isLeader, leader.raft.term]).toEqual([true, term]);
    expect(mistaken.leaders.filter(({ isNewLeader }) => isNewLeader)).toHaveLength(2);
    const read = mistaken.read();
    cluster.settle();
    expect(read).toHaveLength(1);
  });

  it("is not given up for the end of somebody else, nor by the leader or a member that has stopped", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const follower = cluster.peer(2n);
    expect([follower.replica.leaderEnded(3n), leader.replica.leaderEnded(1n)]).toEqual([false, false]);
    follower.replica.stop();
    expect(follower.replica.leaderEnded(1n)).toBe(false);
  });

  it("is not contested by a member that meant to stand when nobody led, once somebody does", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const slow = cluster.peer(2n);
    slow.isDiskStuck = true;
    leader.put("a");
    cluster.settle();
    cluster.tick(1);
    expect(slow.replica.appliedIndex).toBeLessThan(slow.replica.commitIndex);
    expect(slow.replica.leaderEnded(1n)).toBe(true);
    // Not yet: something is committed that is not applied.
    slow.replica.campaign();
    cluster.tick(1);
    expect(slow.replica.leader).toBe(1n);
    const requests: number[] = [];
    cluster.loses = ({ type }) => {
      if (type === MessageType.PreVote) requests.push(type);
      return false;
    };
    slow.isDiskStuck = false;
    cluster.tick(2);
    expect(slow.versionOf("a")).toBe(1);
    expect(requests).toEqual([]);
  });

  it("is handed over on request, to whom it was asked for, and asked again it is the last request that counts", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const outcomes: string[] = [];
    const to = (id: bigint): void => leader.replica.transferLeader(id, (code) => outcomes.push(`${id} ${code}`));
    cluster.peer(2n).replica.transferLeader(3n, (code) => outcomes.push(`follower ${code}`));
    expect(outcomes).toEqual(["follower notLeader"]);
    cluster.loses = ({ type }) => type === MessageType.TimeoutNow;
    to(2n);
    cluster.settle();
    cluster.loses = () => false;
    to(3n);
    expect(outcomes).toEqual(["follower notLeader", "2 timeoutLeaderTransfer"]);
    cluster.settle();
    expect(outcomes).toEqual(["follower notLeader", "2 timeoutLeaderTransfer", "3 undefined"]);
    expect(cluster.peer(3n).replica.isLeader).toBe(true);
  });

  it("handed over to the leader itself is done with at once", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const outcomes: unknown[] = [];
    leader.replica.transferLeader(1n, (code) => outcomes.push(code));
    cluster.tick(1);
    expect(outcomes).toEqual([undefined]);
    expect(leader.replica.isLeader).toBe(true);
  });

  it("is not handed over to a member that is out of reach, which is told after an election timeout", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    cluster.isolate(3n);
    const outcomes: unknown[] = [];
    leader.replica.transferLeader(3n, (code) => outcomes.push(code));
    cluster.tick(10, [leader, cluster.peer(2n)]);
    expect(outcomes).toEqual([]);
    cluster.tick(1, [leader, cluster.peer(2n)]);
    expect(outcomes).toEqual(["timeoutLeaderTransfer"]);
    const put = leader.put("a");
    cluster.settle();
    expect(put.result).toBeDefined();
  });

  it("of a leader without a quorum ends, and the first request that comes through says so to nobody twice", () => {
    const cluster = new ReplicaCluster(5, { requestTimeoutTicks: 40 });
    const leader = cluster.elect(1n);
    const cut = new Set([1n, 2n]);
    cluster.loses = ({ from, to }) => cut.has(from) !== cut.has(to);
    const answer = leader.put("minority");
    const read = leader.read();
    cluster.tick(45);
    expect(leader.replica.isLeader).toBe(false);
    expect([answer.result, answer.failure, ...read]).toEqual([undefined, expect.stringMatching(/^timeout/), "timeout"]);
    const elected = cluster.peers.find(({ replica }) => replica.isLeader);
    expect(elected === undefined || !cut.has(elected.id)).toBe(true);
    cluster.loses = () => false;
    cluster.tick(40);
    expect(cluster.peers.map((peer) => peer.versionOf("minority"))).toEqual([0, 0, 0, 0, 0]);
    expect(cluster.peers.flatMap(({ fatal }) => fatal)).toEqual([]);
  });

  it("does not end for messages that no member sends", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const types = Object.values(MessageType);
    for (const type of types) {
      for (const term of [0, 1, leader.raft.term, leader.raft.term - 1]) {
        leader.replica.step(createMessage({ type, from: 77n, to: 1n, term, index: 1e9, commit: 1e9 }));
        leader.replica.step(createMessage({ type, from: 1n, to: 1n, term }));
      }
      cluster.loses = ({ to }) => to === 77n;
      cluster.settle();
    }
    expect(leader.replica.isLeader).toBe(true);
    const put = leader.put("a");
    cluster.settle();
    expect(put.result).toBeDefined();
  });
});
