import { expect, it } from "@jest/globals";
import type { KeyValue, LeaseKeepAliveRequest, LeaseKeepAliveResponse, SnapshotResponse } from "@quorate/protocol";
import {
  type ClientOptions,
  compare,
  EtcdClient,
  type EtcdErrorCode,
  type MessageStream,
  op,
  prefix,
  RPC,
  type WatchEvent,
} from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(value: T): T => value;

/** Never run: what is here compiles, or does not where that is expected. */
async function typings(client: EtcdClient): Promise<void> {
  const status = await client.unary(RPC.Maintenance.Status, {});
  is<Equal<typeof status.leader, bigint>>(true);
  is<Equal<typeof status.raftIndex, number>>(true);
  // @ts-expect-error: no such field
  await client.unary(RPC.KV.Put, { kye: new Uint8Array(0) });
  // @ts-expect-error: keys of messages are bytes
  await client.unary(RPC.KV.Put, { key: "text" });
  // @ts-expect-error: a stream is not a unary method
  await client.unary(RPC.Watch.Watch, {});
  // @ts-expect-error: a unary method is not a stream
  await client.stream(RPC.KV.Put, {});

  const snapshot = await client.stream(RPC.Maintenance.Snapshot, {});
  is<Equal<typeof snapshot, MessageStream<never, SnapshotResponse>>>(true);
  const keepAlive = await client.stream(RPC.Lease.LeaseKeepAlive);
  is<Equal<typeof keepAlive, MessageStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>>>(true);
  // @ts-expect-error: no such field
  await keepAlive.write({ ttl: 1 });

  const kv = await client.kv.getOne("a");
  is<Equal<typeof kv, KeyValue | undefined>>(true);
  // @ts-expect-error: no such order
  await client.kv.get(prefix("a"), { sortBy: "revision" });
  // @ts-expect-error: units are in the names
  await client.kv.get("a", { timeout: 1 });
  // @ts-expect-error: leases are bigints
  await client.kv.put("a", "b", { lease: 7 });

  const result = await client.kv
    .txn()
    .if(compare.version("a", ">", 1))
    .do(op.put("a", "b"), op.get("a"))
    .else(op.delete("a"))
    .commit();
  if (result.succeeded) {
    is<Equal<(typeof result.responses)["length"], 2>>(true);
    is<Equal<(typeof result.responses)[1]["count"], number>>(true);
    // @ts-expect-error: the first answers a put
    void result.responses[0].kvs;
    // @ts-expect-error: there are two
    String(result.responses[2]);
  } else {
    is<Equal<(typeof result.responses)[0]["deleted"], number>>(true);
  }
  // @ts-expect-error: no such comparison
  compare.version("a", ">=", 1);
  // @ts-expect-error: a version is a number
  compare.version("a", "=", "1");

  for await (const event of client.watch("a").events()) is<Equal<typeof event, WatchEvent>>(true);
  // @ts-expect-error: one kind of change
  client.watch("a", { only: "create" });

  const options: ClientOptions = { endpoints: ["a:1"], user: { name: "n", password: "p" } };
  // @ts-expect-error: a user has a password
  const wrong: ClientOptions = { user: { name: "n" } };
  void [options, wrong];
  const code: EtcdErrorCode = "compacted";
  // @ts-expect-error: no such code
  const other: EtcdErrorCode = "compactd";
  void [code, other];
}

it("compiles", () => {
  expect(typings).toBeInstanceOf(Function);
});
