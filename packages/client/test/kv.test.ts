import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { KeyValue } from "@quorate/protocol";
import { EtcdNode } from "@quorate/testkit";
import { allKeys, compare, EtcdClient, fromKey, op, prefix, RPC, range, utf8Text } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

const texts = (kvs: readonly KeyValue[]) => kvs.map((kv) => `${utf8Text(kv.key)}=${utf8Text(kv.value)}`);

describe("key ranges", () => {
  it("end a prefix after its last key, whatever bytes it has", () => {
    expect(prefix("ab")).toEqual({ start: Uint8Array.of(97, 98), end: Uint8Array.of(97, 99) });
    expect(prefix(Uint8Array.of(1, 255, 255))).toEqual({ start: Uint8Array.of(1, 255, 255), end: Uint8Array.of(2) });
    expect(prefix(Uint8Array.of(255))).toEqual({ start: Uint8Array.of(255), end: Uint8Array.of(0) });
    expect(prefix("")).toEqual(allKeys());
    expect(fromKey("")).toEqual(allKeys());
  });
});

withServers("kv", ({ program }) => {
  let node: EtcdNode;
  let client: EtcdClient;
  beforeAll(async () => {
    node = await EtcdNode.start({ program, medium: "memory" });
    client = new EtcdClient({ endpoints: [node.endpoint] });
  }, 30_000);
  afterAll(async () => {
    await client.close();
    await node.close();
  });
  beforeEach(async () => {
    await client.kv.delete(allKeys());
    for (const [key, value] of ["a=3", "b=1", "ba=2", "c=0"].map((text) => text.split("=")))
      await client.kv.put(key ?? "", value ?? "");
  });

  it("reads one key, ranges, prefixes and everything from a key on", async () => {
    const { kv } = client;
    expect(texts((await kv.get("a")).kvs)).toEqual(["a=3"]);
    expect(await kv.getOne("none")).toBeUndefined();
    expect(utf8Text((await kv.getOne("b"))?.value ?? new Uint8Array(0))).toBe("1");
    expect(texts((await kv.get(range("a", "ba"))).kvs)).toEqual(["a=3", "b=1"]);
    expect(texts((await kv.get(prefix("b"))).kvs)).toEqual(["b=1", "ba=2"]);
    expect(texts((await kv.get(fromKey("ba"))).kvs)).toEqual(["ba=2", "c=0"]);
    expect(await kv.count(allKeys())).toBe(4);
  });

  it("sorts, limits, leaves values out, filters by revision and reads the past", async () => {
    const { kv } = client;
    const sorted = await kv.get(allKeys(), { sortBy: "value", limit: 2 });
    expect(texts(sorted.kvs)).toEqual(["c=0", "b=1"]);
    expect(sorted.more).toBe(true);
    expect(texts((await kv.get(allKeys(), { order: "descend", limit: 1 })).kvs)).toEqual(["c=0"]);
    expect(texts((await kv.get(prefix("b"), { keysOnly: true, serializable: true })).kvs)).toEqual(["b=", "ba="]);

    const { header } = await kv.put("a", "4");
    expect(texts((await kv.get(allKeys(), { minModRevision: header.revision })).kvs)).toEqual(["a=4"]);
    expect(texts((await kv.get("a", { revision: header.revision - 1 })).kvs)).toEqual(["a=3"]);
    await expect(kv.get("a", { revision: header.revision + 1 })).rejects.toMatchObject({ code: "futureRevision" });
  });

  it("tells what a put or delete replaced, and keeps value or lease when told to", async () => {
    const { kv } = client;
    const { id } = await client.unary(RPC.Lease.LeaseGrant, { ttl: 60 });
    expect(utf8Text((await kv.put("a", "5", { prevKv: true, lease: id })).prevKv?.value ?? new Uint8Array(0))).toBe(
      "3",
    );
    await kv.put("a", "", { ignoreValue: true, ignoreLease: true });
    expect(await kv.getOne("a")).toMatchObject({ lease: id, version: 3 });
    const { deleted, prevKvs } = await kv.delete(prefix("b"), { prevKv: true });
    expect([deleted, ...texts(prevKvs)]).toEqual([2, "b=1", "ba=2"]);
  });

  it("carries out the branch that the conditions choose", async () => {
    const { kv } = client;
    const swap = kv
      .txn()
      .if(compare.value("a", "=", "3"), compare.exists("b"), compare.version(prefix("b"), "<", 2))
      .do(op.put("a", "new", { prevKv: true }), op.get("b"))
      .else(op.get("a"), op.delete("c"), op.txn(kv.txn().if(compare.missing("z")).do(op.get("b")).request()));

    const first = await swap.commit();
    const second = await swap.commit();

    if (!first.succeeded || second.succeeded) throw new Error("the branches are the wrong way round");
    expect(utf8Text(first.responses[0].prevKv?.value ?? new Uint8Array(0))).toBe("3");
    expect(texts(first.responses[1].kvs)).toEqual(["b=1"]);
    expect(texts(second.responses[0].kvs)).toEqual(["a=new"]);
    expect(second.responses[1].deleted).toBe(1);
    expect(second.responses[2].succeeded).toBe(true);
    expect(second.header.revision).toBe(first.header.revision + 1);
  });

  it("refuses a transaction that puts a key twice", async () => {
    await expect(client.kv.txn().do(op.put("x", "1"), op.put("x", "2")).commit()).rejects.toMatchObject({
      code: "duplicateKey",
    });
  });

  it("pages through one revision while others write", async () => {
    const seen: string[] = [];
    for await (const page of client.kv.pages(allKeys(), { pageLength: 2 })) {
      await client.kv.put("bb", "late");
      seen.push(...texts(page.kvs));
    }
    expect(seen).toEqual(["a=3", "b=1", "ba=2", "c=0"]);
    const limited: number[] = [];
    for await (const { kvs } of client.kv.pages(allKeys(), { pageLength: 2, limit: 3 })) limited.push(kvs.length);
    expect(limited).toEqual([2, 1]);
  });

  it("reads key by key, with and without filters that a stream does not have", async () => {
    const seen: KeyValue[] = [];
    for await (const kv of client.kv.entries(prefix("b"))) seen.push(kv);
    expect(texts(seen)).toEqual(["b=1", "ba=2"]);
    const filtered: KeyValue[] = [];
    const minModRevision = seen[1]?.modRevision;
    for await (const kv of client.kv.entries(allKeys(), { minModRevision, pageLength: 1 })) filtered.push(kv);
    expect(texts(filtered)).toEqual(["ba=2", "c=0"]);
  });

  it("compacts", async () => {
    const { header } = await client.kv.put("a", "9");
    await client.kv.compact(header.revision, { physical: true });
    await expect(client.kv.get("a", { revision: header.revision - 1 })).rejects.toMatchObject({ code: "compacted" });
    await expect(client.kv.compact(header.revision)).rejects.toMatchObject({ code: "compacted" });
  });
});
