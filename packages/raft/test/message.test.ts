import { describe, expect, it } from "@jest/globals";
import { createMessage, EMPTY_CONF_STATE, type Message, MessageType, messageTypeName } from "@quorate/raft";

import { encodeChange } from "./harness/change-text.ts";
import { BASE, entry, Net } from "./harness/net.ts";

const T = MessageType;
const context = new Uint8Array(8);
const emptySnapshot = { index: 0, term: 0, confState: EMPTY_CONF_STATE, data: new Uint8Array() };
const snapshot = { ...emptySnapshot, index: BASE + 1, term: 2, confState: { ...EMPTY_CONF_STATE, voters: [1n, 2n] } };
const request = { term: 0, index: 0, type: 0, data: context };

/** What etcd members send, field by field as they fill them in, to member 2 of a cluster with members 1 and 2. */
const FROM_ETCD: Readonly<Record<string, Partial<Message> & { type: number }>> = {
  "a first append": {
    type: T.App,
    term: 2,
    index: 0,
    logTerm: 0,
    entries: [{ ...entry(1, 1), type: 1 }, entry(2, 2)],
    commit: 1,
  },
  "an append behind a snapshot": {
    type: T.App,
    term: 2,
    index: BASE,
    logTerm: 1,
    entries: [entry(BASE + 1, 2)],
    commit: BASE,
  },
  "an append of entries of several terms": {
    type: T.App,
    term: 9,
    index: BASE,
    logTerm: 1,
    entries: [entry(BASE + 1, 1), entry(BASE + 2, 4), entry(BASE + 3, 9)],
  },
  "an empty append, with an empty snapshot as 3.5 writes it": {
    type: T.App,
    term: 2,
    index: BASE,
    logTerm: 1,
    commit: BASE,
    snapshot: emptySnapshot,
  },
  "an acknowledgement": { type: T.AppResp, term: 2, index: BASE, snapshot: emptySnapshot },
  "a refusal without a term of its log, as 3.4 writes it": {
    type: T.AppResp,
    term: 2,
    index: BASE,
    reject: true,
    rejectHint: BASE,
  },
  "an acknowledgement of nothing, to a leader of a lower term": { type: T.AppResp, term: 3 },
  "a request for a vote": { type: T.Vote, term: 3, index: BASE, logTerm: 1 },
  "a request for a vote on the leader's behalf": {
    type: T.Vote,
    term: 3,
    index: BASE,
    logTerm: 1,
    context: new TextEncoder().encode("CampaignTransfer"),
  },
  "a request for a vote with an empty log": { type: T.Vote, term: 1 },
  "a request for a pre-vote": { type: T.PreVote, term: 2, index: BASE, logTerm: 1 },
  "a vote": { type: T.VoteResp, term: 2 },
  "a refused pre-vote": { type: T.PreVoteResp, term: 2, reject: true },
  "a heartbeat with a commit index": { type: T.Heartbeat, term: 2, commit: BASE },
  "a heartbeat with a context": { type: T.Heartbeat, term: 2, commit: BASE, context },
  "an answer to a heartbeat": { type: T.HeartbeatResp, term: 2, context },
  "a snapshot": { type: T.Snap, term: 2, snapshot },
  "an order to campaign": { type: T.TimeoutNow, term: 2 },
  "a wish for another leader, which carries a term": { type: T.TransferLeader, term: 2, from: 2n },
  "a wish for another leader from a client": { type: T.TransferLeader, from: 2n },
  "a forwarded proposal": { type: T.Prop, entries: [request, request] },
  "a forwarded membership change": { type: T.Prop, entries: [{ ...request, type: 1, data: encodeChange("l3") }] },
  "a forwarded change of the general form without data": {
    type: T.Prop,
    entries: [{ ...request, type: 2, data: new Uint8Array() }],
  },
  "a forwarded read": { type: T.ReadIndex, entries: [request] },
  "an answer to a read": { type: T.ReadIndexResp, term: 2, index: BASE, entries: [request] },
  "a kind that we do not know": { type: 99, term: 2 },
};

/** What no member of a cluster can have sent. */
const IMPOSSIBLE: Readonly<Record<string, Partial<Message> & { type: number }>> = {
  "an append without a term": { type: T.App, index: BASE, logTerm: 1 },
  "an append with a gap": { type: T.App, term: 2, index: BASE, logTerm: 1, entries: [entry(BASE + 2, 2)] },
  "an append whose terms go back": {
    type: T.App,
    term: 5,
    index: BASE,
    logTerm: 1,
    entries: [entry(BASE + 1, 3), entry(BASE + 2, 2)],
  },
  "an append of entries of a later term": {
    type: T.App,
    term: 2,
    index: BASE,
    logTerm: 1,
    entries: [entry(BASE + 1, 3)],
  },
  "a snapshot message without one": { type: T.Snap, term: 2 },
  "a snapshot of a term that its sender does not know": {
    type: T.Snap,
    term: 2,
    snapshot: { ...snapshot, term: 3 },
  },
  "an empty snapshot": { type: T.Snap, term: 2, snapshot: emptySnapshot },
  "a proposal of nothing": { type: T.Prop },
  "a proposal of an unknown kind": { type: T.Prop, entries: [{ ...request, type: 7 }] },
  "a read without a context": { type: T.ReadIndex },
  "a heartbeat from nobody": { type: T.Heartbeat, term: 2, from: 0n },
  "an acknowledgement of ours that we have not sent": { type: T.AppResp, term: 1, from: 2n, index: BASE },
  "a vote of ours that we have not given": { type: T.VoteResp, term: 2, from: 2n },
};

describe("a message from a peer", () => {
  for (const [name, init] of Object.entries(FROM_ETCD)) {
    it(`is taken: ${name}`, () => {
      const net = new Net({ voters: 2 });
      expect(net.at(2).node.step(createMessage({ from: 1n, to: 2n, ...init }))).toBe("stepped");
      net.run(2);
      net.at(2).node.checkInvariants();
    });
  }

  for (const [name, init] of Object.entries(IMPOSSIBLE)) {
    it(`has no effect: ${name}`, () => {
      const net = new Net({ voters: 2 });
      expect(net.at(2).node.step(createMessage({ from: 1n, to: 2n, ...init }))).toBe("malformed");
      expect([net.at(2).node.hasReady(), net.at(2).node.term]).toEqual([false, 1]);
    });
  }

  it("of a local kind has no effect", () => {
    for (const type of [
      T.Hup,
      T.Beat,
      T.Unreachable,
      T.SnapStatus,
      T.CheckQuorum,
      T.StorageAppend,
      T.StorageAppendResp,
      T.StorageApply,
      T.StorageApplyResp,
    ]) {
      expect(new Net({ voters: 1 }).at(1).node.step(createMessage({ type, from: 1n, to: 1n, term: 9 }))).toBe("local");
    }
  });

  it("that answers counts only when its sender is a member", () => {
    for (const type of [T.AppResp, T.VoteResp, T.HeartbeatResp, T.ReadIndexResp, T.PreVoteResp]) {
      const net = new Net({ voters: 2 });
      expect(net.at(2).node.step(createMessage({ type, from: 9n, to: 2n, term: 9 }))).toBe("unknownSender");
      expect(net.at(2).node.term).toBe(1);
    }
  });

  it("comes back to the leader it was forwarded by, and is answered", () => {
    const net = new Net({ voters: 2 });
    net.elect(2);
    net.at(2).node.step(createMessage({ type: T.ReadIndex, from: 2n, to: 2n, entries: [request] }));
    net.settle();
    expect(net.reads.get(2n)).toEqual([{ index: BASE + 1, context }]);
  });

  it("has a name, known or not", () => {
    expect([messageTypeName(T.App), messageTypeName(99)]).toEqual(["App", "Unknown(99)"]);
  });
});
