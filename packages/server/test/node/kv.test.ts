import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  CompareResult,
  CompareTarget,
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  type KeyValue,
  type RequestOp,
  SortOrder,
  SortTarget,
} from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const OUT_OF_RANGE = 11;
const ALL = b("\0");

const text = new TextDecoder();
const pairs = (kvs: readonly KeyValue[]): string[] =>
  kvs.map(({ key, value }) => `${text.decode(key)}=${text.decode(value)}`);
const putOp = (key: string, value = "v"): RequestOp =>
  createRequestOp({ requestPut: createPutRequest({ key: b(key), value: b(value) }) });
const rangeOp = (key: string): RequestOp => createRequestOp({ requestRange: createRangeRequest({ key: b(key) }) });
const deleteOp = (key: string): RequestOp =>
  createRequestOp({ requestDeleteRange: createDeleteRangeRequest({ key: b(key) }) });

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-kv-", "memory");
  node = await TestNode.start(directory.path, ["--max-txn-ops=4"]);
  client = node.client;
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

describe("KV", () => {
  it("begins at revision 1 and names cluster, member and term in every header", async () => {
    const { header, count, kvs } = await client.range({ key: b("a") });

    expect([count, kvs]).toEqual([0, []]);
    expect(header).toEqual({
      clusterId: 324952591200643719n,
      memberId: 3319814642761637952n,
      revision: 1,
      raftTerm: 2,
    });
  });

  it("puts, reads and deletes", async () => {
    expect((await client.put({ key: b("a"), value: b("1") })).header?.revision).toBe(2);
    const { prevKv, header } = await client.put({ key: b("a"), value: b("2"), prevKv: true });
    expect([header?.revision, prevKv]).toEqual([
      3,
      { key: b("a"), createRevision: 2, modRevision: 2, version: 1, value: b("1"), lease: 0n },
    ]);
    expect((await client.range({ key: b("a") })).kvs).toEqual([
      { key: b("a"), createRevision: 2, modRevision: 3, version: 2, value: b("2"), lease: 0n },
    ]);
    expect(pairs((await client.range({ key: b("a"), revision: 2 })).kvs)).toEqual(["a=1"]);

    const deleted = await client.deleteRange({ key: b("a"), prevKv: true });
    expect([deleted.header?.revision, deleted.deleted, pairs(deleted.prevKvs)]).toEqual([4, 1, ["a=2"]]);
    const nothing = await client.deleteRange({ key: b("a") });
    expect([nothing.header?.revision, nothing.deleted]).toEqual([4, 0]);
  });

  it("reads ranges with order, limits, filters and serializably", async () => {
    const first = (await client.put({ key: b("r/1"), value: b("z") })).header?.revision ?? 0;
    await client.put({ key: b("r/2"), value: b("y") });
    await client.put({ key: b("r/3"), value: b("x") });
    const range = { key: b("r/"), rangeEnd: b("r0") };

    const limited = await client.range({ ...range, limit: 2 });
    expect([pairs(limited.kvs), limited.more, limited.count]).toEqual([["r/1=z", "r/2=y"], true, 3]);
    const byValue = { ...range, sortOrder: SortOrder.ASCEND, sortTarget: SortTarget.VALUE };
    expect(pairs((await client.range(byValue)).kvs)).toEqual(["r/3=x", "r/2=y", "r/1=z"]);
    expect(pairs((await client.range({ ...range, minModRevision: first + 1, serializable: true })).kvs)).toEqual([
      "r/2=y",
      "r/3=x",
    ]);
    const counted = await client.range({ ...range, countOnly: true });
    expect([counted.count, counted.kvs]).toEqual([3, []]);
    expect(pairs((await client.range({ ...range, keysOnly: true, limit: 1 })).kvs)).toEqual(["r/1="]);
  });

  it("returns a value larger than any scratch buffer", async () => {
    const value = new Uint8Array(1_000_000).map((_, i) => i % 251);
    await client.put({ key: b("big"), value });
    const read = (await client.range({ key: b("big") })).kvs[0]?.value ?? new Uint8Array(0);

    expect(Buffer.compare(read, value)).toBe(0);
  });

  it("runs transactions at one revision, and read-only ones at none", async () => {
    await client.put({ key: b("t/b"), value: b("old") });
    const before = (await client.range({ key: b("t") })).header?.revision ?? 0;
    const compare = createCompare({
      key: b("t/b"),
      target: CompareTarget.VALUE,
      result: CompareResult.EQUAL,
      value: b("old"),
    });
    const written = await client.txn({
      compare: [compare],
      success: [putOp("t/x", "1"), deleteOp("t/b"), rangeOp("t/x")],
      failure: [putOp("t/never")],
    });
    expect([written.succeeded, written.header?.revision, written.responses.length]).toEqual([true, before + 1, 3]);
    expect(written.responses[0]?.responsePut?.header).toMatchObject({ revision: before + 1, memberId: 0n });
    expect(written.responses[1]?.responseDeleteRange?.deleted).toBe(1);
    expect(pairs(written.responses[2]?.responseRange?.kvs ?? [])).toEqual(["t/x=1"]);

    const refused = await client.txn({ compare: [compare], success: [putOp("t/y")], failure: [rangeOp("t/x")] });
    expect([refused.succeeded, refused.header?.revision]).toEqual([false, before + 1]);
    const empty = await client.txn({});
    expect([empty.succeeded, empty.header?.revision]).toEqual([true, before + 1]);
    const read = await client.txn({ success: [rangeOp("t/x")] });
    expect(pairs(read.responses[0]?.responseRange?.kvs ?? [])).toEqual(["t/x=1"]);
  });

  it("answers what it cannot do in etcd's words", async () => {
    const put = { key: b("e"), value: b("v") };
    const invalid = (details: string): { code: number; details: string } => ({ code: INVALID_ARGUMENT, details });
    const cases: [Promise<unknown>, { code: number; details: string }][] = [
      [client.range(), invalid("etcdserver: key is not provided")],
      [client.put(), invalid("etcdserver: key is not provided")],
      [client.deleteRange(), invalid("etcdserver: key is not provided")],
      [client.txn({ compare: [createCompare()] }), invalid("etcdserver: key is not provided")],
      [client.range({ key: b("e"), sortOrder: 9 }), invalid("etcdserver: invalid sort option")],
      [
        client.range({ key: b("e"), revision: 1e9 }),
        { code: OUT_OF_RANGE, details: "etcdserver: mvcc: required revision is a future revision" },
      ],
      [client.put({ ...put, ignoreValue: true }), invalid("etcdserver: value is provided")],
      [client.put({ ...put, ignoreLease: true, lease: 1n }), invalid("etcdserver: lease is provided")],
      [client.put({ key: b("none"), ignoreValue: true }), invalid("etcdserver: key not found")],
      [client.put({ ...put, lease: 404n }), { code: NOT_FOUND, details: "etcdserver: requested lease not found" }],
      [
        client.txn({ success: ["1", "2", "3", "4", "5"].map((key) => putOp(key)) }),
        invalid("etcdserver: too many operations in txn request"),
      ],
      [client.txn({ success: [putOp("d"), putOp("d")] }), invalid("etcdserver: duplicate key given in txn request")],
      [client.txn({ success: [createRequestOp({})] }), invalid("etcdserver: key not found")],
      [
        client.compact({ revision: 1e9 }),
        { code: OUT_OF_RANGE, details: "etcdserver: mvcc: required revision is a future revision" },
      ],
      [client.put({ key: b("e"), value: new Uint8Array(1_572_864) }), invalid("etcdserver: request is too large")],
    ];
    for (const [call, expected] of cases) expect(await refusal(call)).toEqual(expected);
    expect((await client.range({ key: b("e") })).count).toBe(0);
  });

  it("compacts, logically at once and physically before it answers when asked to", async () => {
    await client.put({ key: b("c"), value: b("1") });
    const revision = (await client.put({ key: b("c"), value: b("2") })).header?.revision ?? 0;
    await client.compact({ revision, physical: true });

    const compacted = { code: OUT_OF_RANGE, details: "etcdserver: mvcc: required revision has been compacted" };
    expect(await refusal(client.range({ key: b("c"), revision: revision - 1 }))).toEqual(compacted);
    expect(await refusal(client.compact({ revision }))).toEqual(compacted);
    expect(pairs((await client.range({ key: b("c"), revision })).kvs)).toEqual(["c=2"]);
    expect(node.node.member.store.compactionPending).toBe(false);
  });

  it("keeps the order of requests of one connection, however many come at once", async () => {
    const revisions = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => (await client.put({ key: b(`o/${i}`) })).header?.revision ?? 0),
    );

    for (const [i, revision] of revisions.entries()) expect(revision).toBe((revisions[0] ?? 0) + i);
    expect((await client.range({ key: b("o/"), rangeEnd: b("o0"), countOnly: true })).count).toBe(500);
    expect((await client.deleteRange({ key: b("o/"), rangeEnd: b("o0") })).deleted).toBe(500);
    expect((await client.range({ key: ALL, rangeEnd: ALL, countOnly: true })).count).toBeGreaterThan(3);
  });
});
