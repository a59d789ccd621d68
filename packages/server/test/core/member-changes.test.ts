import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { MapBackend } from "@quorate/mvcc/testing";
import type { ErrorCode } from "@quorate/protocol";
import { ConfChangeType, type PeerStatus, type RaftStatus } from "@quorate/raft";
import {
  addedMemberId,
  type ClusterMember,
  MemberChanges,
  type MemberChangesDeps,
  Membership,
  type MembershipChange,
} from "@quorate/server/core";

const NOW_MS = 50_000;
const WALL_MS = 1_700_000_000_999;
const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();
const text = new TextDecoder();

function member(id: bigint, init: Partial<ClusterMember> = {}): ClusterMember {
  return { id, name: `m${id}`, peerUrls: [`http://m${id}:1`], clientUrls: [], isLearner: false, ...init };
}

/** Member 1 of a cluster whose log applies at once what is proposed; everybody has been connected for long. */
class Bench {
  readonly membership: Membership = new Membership(new MapBackend());
  readonly proposed: MembershipChange[] = [];
  readonly forwarded: bigint[] = [];
  readonly outcomes: (readonly bigint[] | ErrorCode)[] = [];
  readonly changes: MemberChanges;

  constructor(members: readonly ClusterMember[], over: Partial<MemberChangesDeps> = {}, strictReconfigCheck = true) {
    for (const each of members) this.membership.add(each);
    const peers = members.map(({ id }) => ({ id, match: 100 }) as PeerStatus);
    this.changes = new MemberChanges(
      { memberId: 1n, strictReconfigCheck },
      {
        membership: this.membership,
        sha1,
        activeSince: () => 0,
        raftStatus: () => ({ id: 1n, role: "leader", lastIndex: 100, peers }) as unknown as RaftStatus,
        propose: (change, pending) => {
          this.proposed.push(change);
          const { refused } = this.membership.applyConfChange(change);
          pending.applied(refused ?? { revision: 1 });
          return undefined;
        },
        promoteViaLeader: (id, done) => {
          this.forwarded.push(id);
          done([member(9n)]);
        },
        nowMs: () => NOW_MS,
        wallMs: () => WALL_MS,
        ...over,
      },
    );
  }

  readonly done = (outcome: readonly ClusterMember[] | ErrorCode): void => {
    this.outcomes.push(typeof outcome === "string" ? outcome : outcome.map(({ id }) => id));
  };

  /** What the last call came to. */
  get outcome(): readonly bigint[] | ErrorCode | undefined {
    return this.outcomes.at(-1);
  }
}

describe("MemberChanges", () => {
  it("adds a voter or a learner under the ID of its URLs and the second", () => {
    const bench = new Bench([member(1n), member(2n), member(3n)]);
    const urls = ["http://a:1", "http://b:1"];
    const id = addedMemberId(urls, 1_700_000_000, sha1);
    let told: ClusterMember | undefined;

    bench.changes.add(urls, true, (outcome, added) => {
      told = added;
      bench.done(outcome);
    });

    expect(told).toEqual({ id, name: "", peerUrls: urls, clientUrls: [], isLearner: true });
    expect(bench.proposed[0]?.type).toBe(ConfChangeType.AddLearnerNode);
    expect(text.decode(bench.proposed[0]?.context)).toBe(
      `{"id":${id},"peerURLs":["http://a:1","http://b:1"],"isLearner":true}`,
    );
    expect(bench.outcome).toContain(id);

    bench.changes.add(["http://c:1"], false, bench.done);
    expect(bench.proposed[1]?.type).toBe(ConfChangeType.AddNode);
  });

  it("proposes nothing that the strict checks refuse, and everything without them", () => {
    const members = [member(1n), member(2n, { name: "" })];
    const strict = new Bench(members);
    const lax = new Bench(members, {}, false);

    for (const bench of [strict, lax]) bench.changes.add(["http://c:1"], false, bench.done);
    for (const bench of [strict, lax]) bench.changes.remove(1n, bench.done);

    expect(strict.outcomes).toEqual(["memberNotEnoughStarted", "memberNotEnoughStarted"]);
    expect(strict.proposed).toEqual([]);
    expect(lax.proposed.map(({ type }) => type)).toEqual([ConfChangeType.AddNode, ConfChangeType.RemoveNode]);
  });

  it("never proposes to remove the last voter, which no member would survive", () => {
    const bench = new Bench([member(1n), member(2n, { isLearner: true })], {}, false);

    bench.changes.remove(1n, bench.done);

    expect(bench.outcome).toBe("memberNotEnoughStarted");
    expect(bench.proposed).toEqual([]);
  });

  it("tells what the members refuse when they apply it, and what refuses the proposal", () => {
    const bench = new Bench([member(1n)]);
    const behind = new Bench([member(1n)], { propose: () => "tooManyRequests" });

    bench.changes.update(5n, ["http://c:1"], bench.done);
    behind.changes.update(1n, ["http://c:1"], behind.done);

    expect(bench.outcome).toBe("memberNotFound");
    expect(behind.outcome).toBe("tooManyRequests");
  });

  it("promotes on the leader, a learner that has caught up, and asks the leader elsewhere", () => {
    const members = [member(1n), member(2n, { isLearner: true })];
    const leader = new Bench(members);
    const follower = new Bench(members, {
      raftStatus: () => ({ id: 1n, role: "follower", lastIndex: 100, peers: [] }) as unknown as RaftStatus,
    });

    for (const { changes, done } of [leader, follower]) changes.promote(2n, done);
    leader.changes.promote(7n, leader.done);
    leader.changes.promote(1n, leader.done);

    expect(leader.outcomes).toEqual([[1n, 2n], "memberNotFound", "memberNotLearner"]);
    expect(text.decode(leader.proposed[0]?.context)).toBe('{"id":2,"peerURLs":null,"isPromote":true}');
    expect(leader.membership.get(2n)?.isLearner).toBe(false);
    expect(follower.forwarded).toEqual([2n]);
    expect(follower.outcome).toEqual([9n]);
    expect(follower.proposed).toEqual([]);
  });
});
