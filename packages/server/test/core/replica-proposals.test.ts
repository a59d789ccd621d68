import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { createPutRequest, encodePutRequest } from "@quorate/protocol";
import { ConfChangeType, createMessage, EntryType, type Message, MessageType } from "@quorate/raft";
import { memberJson, promotionJson, RequestKind } from "@quorate/server/core";
import { Answer, requestEntry } from "./machine.ts";
import { type ClusterPeer, ReplicaCluster } from "./replica-cluster.ts";

const isProposal = ({ type }: Message): boolean => type === MessageType.Prop;
const normal = (data: Uint8Array): { term: number; index: number; type: EntryType; data: Uint8Array } => ({
  term: 0,
  index: 0,
  type: EntryType.Normal,
  data,
});

/** A proposal as another member passes it on. */
function foreignPut(to: bigint, key: string): Message {
  const request = encodePutRequest(createPutRequest({ key: utf8Bytes(key), value: utf8Bytes("v") }));
  const entries = [normal(requestEntry(RequestKind.Put, request, 1, 9999))];
  return createMessage({ type: MessageType.Prop, from: 3n, to, entries });
}

function versions(cluster: ReplicaCluster, key: string): number[] {
  return cluster.peers.map((peer) => peer.versionOf(key));
}

describe("proposals of a replica", () => {
  it("go to the leader in one message a turn, and are answered where they were made, once applied there", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    const sizes: number[] = [];
    cluster.loses = (message) => {
      if (isProposal(message)) sizes.push(message.entries.length);
      return false;
    };
    const answers = ["a", "b", "c"].map((key) => follower.put(key));
    cluster.settle();
    expect(sizes).toEqual([3]);
    expect(answers.map(({ result }) => result)).toEqual([2, 3, 4].map((revision) => ({ revision, prevKv: undefined })));
    expect(cluster.peers.map(({ replica }) => replica.pendingCount)).toEqual([0, 0, 0]);
  });

  it("wait for a leader where there is none, and are then proposed exactly once", () => {
    const cluster = new ReplicaCluster(3);
    cluster.settle();
    const follower = cluster.peer(3n);
    const answer = follower.put("a");
    cluster.tick(2);
    expect(answer).toMatchObject({ result: undefined, failure: undefined });
    cluster.elect(1n);
    cluster.tick(20);
    expect(answer.result).toMatchObject({ revision: 2 });
    expect(versions(cluster, "a")).toEqual([1, 1, 1]);
  });

  it("are not sent to a leader out of reach, and go out once it is back", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    follower.disconnected.add(1n);
    let sent = 0;
    cluster.loses = (message) => {
      if (isProposal(message)) sent++;
      return false;
    };
    const answer = follower.put("a");
    cluster.tick(3);
    expect([sent, answer.result]).toEqual([0, undefined]);
    follower.disconnected.clear();
    cluster.tick(1);
    expect(sent).toBe(1);
    expect(answer.result).toMatchObject({ revision: 2 });
    expect(versions(cluster, "a")).toEqual([1, 1, 1]);
  });

  it("wait while leadership is handed over, and are proposed once to the new leader; those of other members are not", () => {
    const cluster = new ReplicaCluster(3);
    const old = cluster.elect(1n);
    cluster.loses = ({ type }) => type === MessageType.TimeoutNow;
    old.replica.transferLeader(2n, () => {});
    cluster.settle();
    const answers = [old.put("a"), cluster.peer(3n).put("b")];
    cluster.settle();
    expect(answers.map(({ result }) => result)).toEqual([undefined, undefined]);
    cluster.loses = () => false;
    cluster
      .peer(2n)
      .replica.step(createMessage({ type: MessageType.TimeoutNow, from: 1n, to: 2n, term: old.raft.term }));
    cluster.settle();
    expect(cluster.peer(2n).replica.isLeader).toBe(true);
    cluster.tick(20);
    expect(answers[0]).toMatchObject({ failure: undefined, result: { prevKv: undefined } });
    expect(answers[1]).toMatchObject({ failure: "timeoutDueToLeaderFail", result: undefined });
    expect([...versions(cluster, "a"), ...versions(cluster, "b")]).toEqual([1, 1, 1, 0, 0, 0]);
  });

  it("are gone on with by the old leader when a hand-over fails", () => {
    const cluster = new ReplicaCluster(3);
    const old = cluster.elect(1n);
    cluster.loses = ({ type }) => type === MessageType.TimeoutNow;
    const outcomes: unknown[] = [];
    old.replica.transferLeader(2n, (code) => outcomes.push(code));
    cluster.settle();
    const answer = old.put("a");
    cluster.tick(9);
    expect([answer.result, outcomes.length]).toEqual([undefined, 0]);
    cluster.tick(3);
    expect(outcomes).toEqual(["timeoutLeaderTransfer"]);
    expect(answer.result).toMatchObject({ revision: 2 });
    expect(old.replica.isLeader).toBe(true);
  });

  it("that a leader made as such are refused once another leads, and elsewhere, and never proposed there", () => {
    const cluster = new ReplicaCluster(3);
    const old = cluster.elect(1n);
    expect(cluster.peer(2n).putAsLeader("a")).toMatchObject({ failure: "proposalDropped" });
    const before = old.putAsLeader("a");
    cluster.settle();
    expect(before.result).toBeDefined();
    cluster.loses = ({ type }) => type === MessageType.TimeoutNow;
    old.replica.transferLeader(2n, () => {});
    cluster.settle();
    const held = [old.putAsLeader("b"), old.put("c")];
    cluster.settle();
    cluster.loses = () => false;
    cluster
      .peer(2n)
      .replica.step(createMessage({ type: MessageType.TimeoutNow, from: 1n, to: 2n, term: old.raft.term }));
    cluster.settle();
    expect(cluster.peer(2n).replica.isLeader).toBe(true);
    cluster.tick(20);
    expect(held[0]).toMatchObject({ failure: "proposalDropped", result: undefined });
    expect(held[1]?.result).toBeDefined();
    expect([...versions(cluster, "a"), ...versions(cluster, "b"), ...versions(cluster, "c")]).toEqual([
      1, 1, 1, 0, 0, 0, 1, 1, 1,
    ]);
  });

  it("that a leader made as such are gone on with when a hand-over fails", () => {
    const cluster = new ReplicaCluster(3);
    const old = cluster.elect(1n);
    cluster.loses = ({ type }) => type === MessageType.TimeoutNow;
    old.replica.transferLeader(2n, () => {});
    cluster.settle();
    const answer = old.putAsLeader("a");
    cluster.tick(12);
    expect(answer.result).toMatchObject({ revision: 2 });
  });

  it("that were given up are never proposed later", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 5 });
    cluster.settle();
    const follower = cluster.peer(3n);
    const early = follower.put("a");
    for (let i = 0; i < 3; i++) follower.replica.tick();
    const late = follower.put("b");
    for (let i = 0; i < 3; i++) follower.replica.tick();
    expect([early.failure, late.failure]).toEqual(["timeout", undefined]);
    cluster.elect(1n);
    expect(late.result).toBeDefined();
    expect([...versions(cluster, "a"), ...versions(cluster, "b")]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("from other members are passed on to the leader, and dropped where there is none or it is out of reach", () => {
    const cluster = new ReplicaCluster(3);
    cluster.settle();
    const follower = cluster.peer(2n);
    follower.replica.step(foreignPut(2n, "too early"));
    follower.run();
    cluster.elect(1n);
    expect(versions(cluster, "too early")).toEqual([0, 0, 0]);

    follower.replica.step(foreignPut(2n, "passed on"));
    cluster.settle();
    expect(versions(cluster, "passed on")).toEqual([1, 1, 1]);

    follower.disconnected.add(1n);
    const own = follower.put("own");
    follower.replica.step(foreignPut(2n, "out of reach"));
    cluster.settle();
    follower.disconnected.clear();
    cluster.tick(1);
    expect(own.result).toBeDefined();
    expect([...versions(cluster, "out of reach"), ...versions(cluster, "own")]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("are refused beyond the bytes that may wait", () => {
    const cluster = new ReplicaCluster(3, { heldProposalBytesMax: 1000 });
    cluster.settle();
    const follower = cluster.peer(2n);
    follower.put("a", "x".repeat(1000));
    expect(follower.tryPut("b").refused).toBe("tooManyRequests");
    follower.replica.step(foreignPut(2n, "foreign"));
    cluster.elect(1n);
    expect(versions(cluster, "foreign")).toEqual([0, 0, 0]);
    expect(follower.tryPut("b").refused).toBeUndefined();
  });

  it("that time out say whether a leader was lost, a connection, or neither", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 15 });
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    cluster.loses = isProposal;
    const plain = follower.put("plain");
    cluster.tick(16);
    expect(plain.failure).toBe("timeout");

    const cutOff = follower.put("cut off");
    cluster.settle();
    follower.disconnected.add(1n);
    cluster.tick(16);
    expect(cutOff.failure).toBe("timeoutDueToConnectionLost");
    follower.disconnected.clear();

    const leader = cluster.peer(1n);
    cluster.loses = ({ type }) => type === MessageType.App;
    const withoutQuorum = leader.put("without quorum");
    for (const id of [2n, 3n]) leader.disconnected.add(id);
    cluster.tick(16);
    expect(withoutQuorum.failure).toBe("timeoutDueToConnectionLost");
  });

  it("lost with a leader fail as soon as the next one's term begins, and those that were not lost are answered", () => {
    const cluster = new ReplicaCluster(3);
    const old = cluster.elect(1n);
    const follower = cluster.peer(2n);
    // The first request reaches the log of others, the second only the leader that is lost.
    const survivor = follower.put("survivor");
    cluster.settle();
    cluster.loses = isProposal;
    const lost = follower.put("lost");
    const mine = old.put("lost with the leader");
    for (const peer of [follower, old]) {
      peer.run();
      peer.outbox.length = 0;
    }
    cluster.isolate(1n);
    for (const id of [2n, 3n]) cluster.peer(id).replica.leaderEnded(1n);
    cluster.elect(3n);
    cluster.tick(1, [cluster.peer(3n)]);
    expect(survivor.result).toBeDefined();
    expect(lost.failure).toBe("timeoutDueToLeaderFail");
    expect(mine).toMatchObject({ result: undefined, failure: undefined });

    cluster.loses = () => false;
    cluster.tick(3);
    expect(mine.failure).toBe("timeoutDueToLeaderFail");
    expect([...versions(cluster, "lost"), ...versions(cluster, "lost with the leader")]).toEqual([0, 0, 0, 0, 0, 0]);
    const next = follower.put("next");
    cluster.settle();
    expect(next.result).toBeDefined();
  });

  it("are not mistaken for one another's where members draw the same numbers", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const answers = cluster.peers.map((peer) => peer.put(`by ${peer.id}`));
    cluster.settle();
    const revisions = answers.map(({ result }) => (result as { revision: number }).revision);
    expect(new Set(revisions)).toEqual(new Set([2, 3, 4]));
  });

  it("fail where the replica stops, whether held or sent", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    cluster.loses = isProposal;
    const sent = follower.put("sent");
    cluster.settle();
    follower.disconnected.add(1n);
    const held = follower.put("held");
    const outcomes: unknown[] = [];
    cluster.peer(1n).replica.transferLeader(3n, (code) => outcomes.push(code));
    cluster.peer(1n).replica.stop();
    follower.replica.stop();
    expect([sent.failure, held.failure, outcomes]).toEqual(["stopped", "stopped", ["stopped"]]);
    expect(follower.tryPut("later").refused).toBe("stopped");
    for (const { replica } of [follower, cluster.peer(1n)]) {
      replica.tick();
      replica.campaign();
      replica.step(foreignPut(2n, "x"));
      replica.reportUnreachable(3n);
      replica.reportSnapshot(3n, "failed");
      replica.transferLeader(3n, (code) => outcomes.push(code));
    }
    follower.run();
    expect(outcomes).toEqual(["stopped", "stopped", "stopped"]);
    expect(follower.fatal).toEqual([]);
  });
});

describe("changes of the configuration", () => {
  const member = (id: bigint, isLearner: boolean): Uint8Array =>
    memberJson({ id, name: "", peerUrls: [`http://m${id}:1`], clientUrls: [], isLearner });

  function change(peer: ClusterPeer, type: ConfChangeType, nodeId: bigint, context: Uint8Array): Answer {
    const answer = new Answer();
    const low48 = peer.nextId();
    const request = { id: (peer.id << 48n) | BigInt(low48), low48, pending: answer };
    const refused = peer.replica.proposeConfChange({ type, nodeId, context }, request);
    if (refused !== undefined) answer.failed(refused);
    return answer;
  }

  it("are answered where they were asked for, the refused ones with why, and all members agree", () => {
    const cluster = new ReplicaCluster(3);
    cluster.elect(1n);
    const follower = cluster.peer(2n);
    const { AddLearnerNode, AddNode, RemoveNode } = ConfChangeType;
    cluster.loses = ({ to }) => to === 4n;
    const steps = [
      () => change(follower, AddLearnerNode, 4n, member(4n, true)),
      () => change(follower, AddLearnerNode, 4n, member(4n, true)),
      () => change(follower, AddNode, 3n, promotionJson(3n)),
      () => change(follower, RemoveNode, 9n, new Uint8Array(0)),
      () => change(cluster.peer(1n), RemoveNode, 4n, new Uint8Array(0)),
      () => change(follower, AddNode, 4n, member(4n, false)),
    ];
    const results = steps.map((run) => {
      const answer = run();
      cluster.settle();
      return answer.result;
    });
    expect(results).toEqual([
      { revision: 1 },
      "memberExist",
      "memberNotLearner",
      "memberNotFound",
      { revision: 1 },
      "memberNotFound",
    ]);
    for (const peer of cluster.peers) {
      expect(peer.raft.confState).toMatchObject({ voters: [1n, 2n, 3n], learners: [] });
      expect(peer.machine.membership.isRemoved(4n)).toBe(true);
    }
    const put = follower.put("a");
    cluster.settle();
    expect(put.result).toBeDefined();
  });

  it("come behind what was asked for before them", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const { lastIndex } = leader.raft;
    cluster.loses = ({ to }) => to === 4n;
    const put = leader.put("a");
    const added = change(leader, ConfChangeType.AddLearnerNode, 4n, member(4n, true));
    cluster.settle();
    expect([put.result, added.result]).toEqual([{ revision: 2, prevKv: undefined }, { revision: 2 }]);
    const entries = leader.raftLog.entries(lastIndex + 1, leader.raft.lastIndex + 1, 1e9);
    expect(Array.isArray(entries) ? entries.map(({ type }) => type) : entries).toEqual([
      EntryType.Normal,
      EntryType.ConfChange,
    ]);
  });

  it("are refused at once where no member leads, and time out where another is under way", () => {
    const cluster = new ReplicaCluster(3, { requestTimeoutTicks: 5 });
    cluster.settle();
    expect(change(cluster.peer(1n), ConfChangeType.RemoveNode, 3n, new Uint8Array(0)).failure).toBe("noLeader");
    const leader = cluster.elect(1n);
    cluster.loses = ({ type }) => type === MessageType.App;
    const first = change(leader, ConfChangeType.RemoveNode, 3n, new Uint8Array(0));
    const second = change(leader, ConfChangeType.RemoveNode, 2n, new Uint8Array(0));
    cluster.loses = () => false;
    cluster.tick(6);
    expect([first.result, second.failure]).toEqual([{ revision: 1 }, "timeout"]);
    expect(leader.raft.confState.voters).toEqual([1n, 2n]);
  });

  it("that remove the leader leave a cluster that elects another and takes writes", () => {
    const cluster = new ReplicaCluster(3);
    const leader = cluster.elect(1n);
    const removed = change(leader, ConfChangeType.RemoveNode, 1n, new Uint8Array(0));
    cluster.settle();
    expect(removed.result).toEqual({ revision: 1 });
    leader.replica.transferLeader(2n, () => {});
    cluster.settle();
    expect(cluster.peer(2n).replica.isLeader).toBe(true);
    // Nobody asks it for its vote any more: it hears of its successor when it sends its next heartbeat.
    cluster.tick(1);
    expect(leader.replica.isLeader).toBe(false);
    const put = cluster.peer(3n).put("a");
    cluster.loses = ({ to }) => to === 1n;
    cluster.settle();
    expect(put.result).toBeDefined();
  });
});
