import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { createPutRequest, createRangeRequest, encodePutRequest } from "@quorate/protocol";
import { createMessage, EMPTY_CONF_STATE, MessageType } from "@quorate/raft";
import { RequestKind } from "@quorate/server/core";
import { LoneMember, SELF } from "./machine.ts";

const put = (key: string, value = "v"): Uint8Array =>
  encodePutRequest(createPutRequest({ key: utf8Bytes(key), value: utf8Bytes(value) }));

describe("the replica", () => {
  it("makes one append and one sync of everything proposed in a turn, and answers when it is durable", () => {
    const member = new LoneMember().lead();
    const answers = ["a", "b", "c"].map((key) => member.propose(RequestKind.Put, put(key)).answer);
    expect(member.log.writes).toEqual([]);

    member.endTurn();
    expect(member.log.writes.map(({ entries, mustSync }) => [entries.length, mustSync])).toEqual([[3, true]]);
    expect(answers.map(({ result }) => result)).toEqual([undefined, undefined, undefined]);

    member.log.finish();
    expect(answers.map(({ result }) => result)).toEqual([2, 3, 4].map((revision) => ({ revision, prevKv: undefined })));
    expect(member.batches).toEqual([3]);
  });

  it("collects the next batch while a sync is in flight, and keeps the order", () => {
    const member = new LoneMember().lead();
    const first = member.propose(RequestKind.Put, put("a")).answer;
    member.endTurn();
    const second = member.propose(RequestKind.Put, put("b")).answer;
    member.endTurn();
    expect(first.result).toBeUndefined();
    member.log.finish();
    expect(first.result).toEqual({ revision: 2, prevKv: undefined });
    expect(second.result).toBeUndefined();
    member.log.finishAll();
    expect(second.result).toEqual({ revision: 3, prevKv: undefined });
  });

  it("is over when an append fails: nothing is answered as done, everything later is refused", () => {
    const member = new LoneMember().lead();
    const { answer } = member.propose(RequestKind.Put, put("a"));
    member.endTurn();
    const failure = new Error("EIO");
    member.log.finish(failure);

    expect(member.fatal).toEqual([failure]);
    expect([answer.result, answer.failure]).toEqual([undefined, "stopped"]);
    expect(member.propose(RequestKind.Put, put("b")).refused).toBe("stopped");
    expect(member.machine.store.revision).toBe(1);
  });

  it("fails requests that are not applied in time", () => {
    const member = new LoneMember({ requestTimeoutTicks: 3 }).lead();
    const { answer } = member.propose(RequestKind.Put, put("a"));
    member.endTurn();
    for (let tick = 0; tick < 3; tick++) member.replica.tick();
    expect(answer.failure).toBeUndefined();
    member.replica.tick();
    expect(answer.failure).toBe("timeout");
    expect(member.replica.pendingCount).toBe(0);
    member.log.finishAll();
    expect(answer.result).toBeUndefined();
    expect(member.machine.store.revision).toBe(2);
  });

  it("refuses what would make the log's uncommitted part too large, and takes more when that shrinks", () => {
    const member = new LoneMember({}, { maxUncommittedSize: 1000 }).lead();
    const big = put("a", "x".repeat(900));
    const first = member.propose(RequestKind.Put, big).answer;
    member.endTurn();
    const second = member.propose(RequestKind.Put, big).answer;
    member.endTurn();
    expect([first.failure, second.failure]).toEqual([undefined, "tooManyRequests"]);
    member.log.finishAll();
    const third = member.propose(RequestKind.Put, big).answer;
    member.endTurn();
    member.log.finishAll();
    expect(third.result).toEqual({ revision: 3, prevKv: undefined });
  });

  it("refuses while too much is committed and not applied", () => {
    const member = new LoneMember({ applyBacklogMax: 0 });
    expect(member.replica.commitIndex - member.replica.appliedIndex).toBe(1);
    expect(member.propose(RequestKind.Put, put("a")).refused).toBe("tooManyRequests");
    expect(member.replica.pendingCount).toBe(0);
    member.lead();
    expect(member.propose(RequestKind.Put, put("a")).refused).toBeUndefined();
  });

  it("keeps requests without a leader waiting until they time out", () => {
    const member = new LoneMember({ requestTimeoutTicks: 2 });
    const { answer, refused } = member.propose(RequestKind.Put, put("a"));
    member.endTurn();
    expect(refused).toBeUndefined();
    for (let tick = 0; tick < 3; tick++) member.replica.tick();
    expect(answer.failure).toBe("timeout");
  });

  it("serves linearizable reads at once as a sole leader, after its first commit as a new one, never as none", () => {
    const member = new LoneMember({ requestTimeoutTicks: 5 });
    const log: string[] = [];
    const read = (name: string): void =>
      member.replica.linearizableRead(
        () => log.push(`${name} served`),
        (code) => log.push(`${name} ${code}`),
      );
    read("early");
    member.replica.campaign();
    expect(log).toEqual([]);
    member.log.finishAll();
    expect(log).toEqual(["early served"]);
    read("late");
    expect(log).toEqual(["early served", "late served"]);

    const follower = new LoneMember({ requestTimeoutTicks: 1 });
    follower.replica.linearizableRead(
      () => log.push("never"),
      (code) => log.push(code),
    );
    follower.replica.tick();
    follower.replica.tick();
    expect(log.slice(2)).toEqual(["timeout"]);
  });

  it("cuts the log in memory by entries", () => {
    const member = new LoneMember({ catchUpEntries: 10 }).lead();
    for (let i = 0; i < 100; i++) {
      member.propose(RequestKind.Put, put("a"));
      member.endTurn();
      member.log.finishAll();
    }

    const kept = member.raftLog.lastIndex() - member.raftLog.firstIndex() + 1;
    expect(kept).toBeGreaterThanOrEqual(10);
    expect(kept).toBeLessThanOrEqual(21);
  });

  it("cuts the log in memory by bytes", () => {
    const member = new LoneMember({ catchUpEntries: 1000, catchUpBytesMax: 5000 }).lead();
    for (let i = 0; i < 40; i++) {
      member.propose(RequestKind.Put, put("a", "x".repeat(1000)));
      member.endTurn();
      member.log.finishAll();
    }

    expect(member.raftLog.lastIndex() - member.raftLog.firstIndex()).toBeLessThan(6);
    expect(member.machine.store.revision).toBe(41);
  });

  it("fails everything that waits when it stops", () => {
    const member = new LoneMember();
    const log: string[] = [];
    const { answer } = member.propose(RequestKind.Put, put("a"));
    member.replica.linearizableRead(
      () => {},
      (code) => log.push(code),
    );
    member.replica.stop();
    member.replica.linearizableRead(
      () => {},
      (code) => log.push(code),
    );
    member.endTurn();

    expect([answer.failure, ...log]).toEqual(["stopped", "stopped", "stopped"]);
  });

  it("goes on from its log after a restart, applying nothing twice", () => {
    const member = new LoneMember().lead();
    for (const key of ["a", "b"]) member.propose(RequestKind.Put, put(key));
    member.endTurn();
    member.log.finishAll();

    const result = member.machine.store.range(createRangeRequest({ key: utf8Bytes("b") }));
    expect(result).toMatchObject({ revision: 3, count: 1 });
    expect(member.replica.appliedIndex).toBe(member.replica.commitIndex);
    expect(member.machine.events).toEqual(["conf change of 7", "first commit"]);
  });

  it("installs a snapshot that comes while another is being installed, once that is in place", () => {
    const member = new LoneMember().lead();
    const snapshotFrom = (index: number): void => {
      const confState = { ...EMPTY_CONF_STATE, voters: [SELF, 8n, 9n] };
      const snapshot = { index, term: 5, confState, data: new Uint8Array(0) };
      member.replica.step(createMessage({ type: MessageType.Snap, from: 8n, to: SELF, term: 6, snapshot }));
      member.endTurn();
    };
    snapshotFrom(100);
    snapshotFrom(200);
    expect(member.installs.map(({ snapshot }) => snapshot.index)).toEqual([100]);

    member.installs[0]?.done();
    expect(member.replica.appliedIndex).toBe(100);
    expect(member.machine.applier.appliedTerm).toBe(5);
    expect(member.installs.map(({ snapshot }) => snapshot.index)).toEqual([100, 200]);

    member.installs[1]?.done();
    member.log.finishAll();
    expect(member.replica.appliedIndex).toBe(200);
    expect(member.raft.applied).toBe(200);
    expect(member.fatal).toEqual([]);
  });
});
