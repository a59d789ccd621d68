import { describe, expect, it } from "@jest/globals";
import { MapBackend } from "@quorate/mvcc/testing";
import { type ConfChange, ConfChangeType } from "@quorate/raft";
import {
  type ClusterMember,
  Membership,
  type MembershipChange,
  memberJson,
  parseChangeContext,
  parseMemberListJson,
  promotionJson,
} from "@quorate/server/core";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = new TextDecoder();

function member(id: bigint, init: Partial<ClusterMember> = {}): ClusterMember {
  return { id, name: "", peerUrls: [`http://m${id}:2380`], clientUrls: [], isLearner: false, ...init };
}

function change(type: number, nodeId: bigint, context = ""): MembershipChange {
  return { type, nodeId, context: bytes(context) };
}

function add(id: bigint, init: Partial<ClusterMember> = {}): MembershipChange {
  const type = init.isLearner === true ? ConfChangeType.AddLearnerNode : ConfChangeType.AddNode;
  return { type, nodeId: id, context: memberJson(member(id, init)) };
}

function promote(id: bigint): MembershipChange {
  return { type: ConfChangeType.AddNode, nodeId: id, context: promotionJson(id) };
}

function update(id: bigint, ...peerUrls: string[]): MembershipChange {
  return { type: ConfChangeType.UpdateNode, nodeId: id, context: memberJson(member(id, { peerUrls })) };
}

const remove = (id: bigint): MembershipChange => change(ConfChangeType.RemoveNode, id);

function membership(...changes: MembershipChange[]): Membership {
  const result = new Membership(new MapBackend());
  for (const each of changes) expect(result.applyConfChange(each).refused).toBeUndefined();
  return result;
}

describe("Membership", () => {
  it("carries out what a log of etcd 3.4.23 holds: two learners, one too many, promotion, update, removal", () => {
    // As found in the write-ahead log of a member that etcdctl was used on; 3.5.30 and 3.7.1 write the same.
    const log: readonly [ConfChange["type"], bigint, string][] = [
      [0, 3597377852809848098n, '{"id":3597377852809848098,"peerURLs":["http://127.0.0.1:21341"],"name":"n1"}'],
      [3, 875825802754251584n, '{"id":875825802754251584,"peerURLs":["http://127.0.0.1:21343"],"isLearner":true}'],
      [3, 16784601161048999280n, '{"id":16784601161048999280,"peerURLs":["http://127.0.0.1:21345"],"isLearner":true}'],
      [0, 875825802754251584n, '{"id":875825802754251584,"peerURLs":null,"isPromote":true}'],
      [
        0,
        11411988518198560860n,
        '{"id":11411988518198560860,"peerURLs":["http://127.0.0.1:21347","http://127.0.0.1:21349"]}',
      ],
      [2, 11411988518198560860n, '{"id":11411988518198560860,"peerURLs":["http://127.0.0.1:21351"]}'],
      [1, 11411988518198560860n, ""],
    ];
    const backend = new MapBackend();
    const members = new Membership(backend);

    const outcomes = log.map(([type, id, context]) => members.applyConfChange(change(type, id, context)));

    expect(outcomes.map(({ kind, refused }) => refused ?? kind)).toEqual([
      "add",
      "add",
      "tooManyLearners",
      "promote",
      "add",
      "update",
      "remove",
    ]);
    expect(outcomes[5]?.member?.peerUrls).toEqual(["http://127.0.0.1:21351"]);
    expect(members.list()).toEqual([
      member(875825802754251584n, { peerUrls: ["http://127.0.0.1:21343"] }),
      member(3597377852809848098n, { peerUrls: ["http://127.0.0.1:21341"], name: "n1" }),
    ]);
    expect(members.isRemoved(11411988518198560860n)).toBe(true);
    expect(new Membership(backend).list()).toEqual(members.list());
    expect(text.decode(backend.list("members_removed")[0]?.key)).toBe("9e5f8718100fc85c");
  });

  it.each<[string, MembershipChange, string]>([
    ["an ID that was removed", add(3n), "memberNotFound"],
    ["an ID that is there", add(1n, { peerUrls: ["http://new:1"] }), "memberExist"],
    ["a peer URL in use", add(4n, { peerUrls: ["http://new:1", "http://m2:2380"] }), "peerUrlExist"],
    ["a learner too many", add(4n, { isLearner: true }), "tooManyLearners"],
    ["to promote nobody", promote(9n), "memberNotFound"],
    ["to promote a voter", promote(1n), "memberNotLearner"],
    ["to promote a removed member", promote(3n), "memberNotFound"],
    ["to remove nobody", remove(9n), "memberNotFound"],
    ["to remove a member twice", remove(3n), "memberNotFound"],
    ["to update nobody", update(9n, "http://new:1"), "memberNotFound"],
    ["to give a member another's peer URL", update(1n, "http://m2:2380"), "peerUrlExist"],
  ])("refuses %s, and nothing changes", (_what, refused, code) => {
    const members = membership(add(1n), add(2n, { isLearner: true }), add(3n), remove(3n));
    const before = members.list();

    expect(members.validate(refused)).toBe(code);
    expect(members.applyConfChange(refused)).toMatchObject({ refused: code, member: undefined });
    expect(members.list()).toEqual(before);
  });

  it("counts learners against the limit it was given", () => {
    const members = new Membership(new MapBackend(), { maxLearners: 2 });

    expect(members.applyConfChange(add(1n, { isLearner: true })).refused).toBeUndefined();
    expect(members.applyConfChange(add(2n, { isLearner: true })).refused).toBeUndefined();
    expect(members.applyConfChange(add(3n, { isLearner: true })).refused).toBe("tooManyLearners");
    expect(members.applyConfChange(promote(1n)).refused).toBeUndefined();
    expect(members.applyConfChange(add(3n, { isLearner: true })).refused).toBeUndefined();
  });

  it("updates peer URLs alone, also to URLs the member had", () => {
    const members = membership(add(1n), add(2n, { isLearner: true }));
    members.setAttributes(2n, "two", ["http://c:1"]);

    members.applyConfChange(update(2n, "http://m2:2380", "http://other:1"));

    expect(members.get(2n)).toEqual(
      member(2n, {
        peerUrls: ["http://m2:2380", "http://other:1"],
        name: "two",
        clientUrls: ["http://c:1"],
        isLearner: true,
      }),
    );
  });

  it.each([
    ["3.4.0", false, "memberNotLearner"],
    ["3.5.0", false, "memberNotLearner"],
    ["3.6.0", true, undefined],
    ["3.7.0", true, undefined],
  ])("says what members of the cluster's version %s say of a learner with new URLs", (version, isLearner, refused) => {
    const members = membership(add(1n), add(2n, { isLearner: true }));
    members.setClusterVersion(version);

    members.applyConfChange(update(2n, "http://other:1"));

    expect(members.get(2n)?.isLearner).toBe(isLearner);
    expect(members.validate(promote(2n))).toBe(refused);
  });

  it.each<[string, MembershipChange]>([
    ["of unknown type", change(7, 1n)],
    ["whose context is no JSON", change(ConfChangeType.AddNode, 1n, "{")],
    ["whose context names another member", { ...add(1n), nodeId: 2n }],
  ])("fails on a change %s, as every member of etcd does", (_what, poison) => {
    expect(() => membership().validate(poison)).toThrow(/of the membership is/);
  });

  it("reads the context of a change, IDs beyond 2^53 included, and what newer members may add", () => {
    expect(parseChangeContext(bytes('{"id":18446744073709551615,"peerURLs":null,"isPromote":true,"x":[1]}'))).toEqual({
      member: member(18446744073709551615n, { peerUrls: [] }),
      isPromotion: true,
    });
    expect(parseChangeContext(bytes('{"peerURLs":[]}'))).toBeUndefined();
    expect(parseChangeContext(bytes("null"))).toBeUndefined();
  });
});

describe("the JSON of members", () => {
  it("escapes what Go escapes, since the bytes are hashed", () => {
    expect(text.decode(memberJson(member(1n, { name: "a<b>&\u2028" })))).toBe(
      '{"id":1,"peerURLs":["http://m1:2380"],"name":"a\\u003cb\\u003e\\u0026\\u2028"}',
    );
  });

  it("is read as an array with every digit of the IDs, whatever names hold", () => {
    const members = [member(16091689760503811849n, { name: '"id":7' }), member(2n, { isLearner: true })];
    const json = `[${members.map((each) => text.decode(memberJson(each))).join(",")}]\n`;

    expect(parseMemberListJson(json)).toEqual(members);
    expect(parseMemberListJson("[]")).toEqual([]);
    for (const wrong of ["", "{}", "[1]", "[{}]", "null", '[{"id":1},null]']) {
      expect({ wrong, list: parseMemberListJson(wrong) }).toEqual({ wrong, list: undefined });
    }
  });
});
