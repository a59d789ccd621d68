import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createLeaseKeepAliveRequest,
  decodeLeaseKeepAliveResponse,
  encodeLeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
} from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import type { MessageStream } from "./support/message-stream.ts";
import { TestNode } from "./support/test-node.ts";
import { eventText, WatchCall } from "./support/watch-call.ts";

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-lease-", "memory");
  // The shortest TTL follows from the election timeout: 1 s with these.
  node = await TestNode.start(directory.path, ["--heartbeat-interval=20", "--election-timeout=200"]);
  client = node.client;
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

async function keepAlive(stream: MessageStream, id: bigint): Promise<LeaseKeepAliveResponse> {
  stream.send(encodeLeaseKeepAliveRequest(createLeaseKeepAliveRequest({ id })));
  return decodeLeaseKeepAliveResponse(await stream.next());
}

describe("Lease", () => {
  it("grants leases under the client's ID or one of its own, at no revision", async () => {
    const before = (await client.range({ key: b("a") })).header?.revision;
    const granted = await client.leaseGrant({ id: 7n, ttl: 60 });
    expect(granted).toMatchObject({ id: 7n, ttl: 60, error: "", header: { revision: before } });
    const { id, ttl } = await client.leaseGrant({ ttl: -5 });
    // Member 0x2e1259d415f2a040: its low 16 bits lead, the sign bit is clear.
    expect([id >> 48n, ttl]).toEqual([0x2040n, 1]);
    await client.leaseGrant({ id: -9n, ttl: 60 });
    expect((await client.leaseLeases()).leases.map((lease) => lease.id)).toEqual([id, 7n, -9n]);
    for (const lease of [id, 7n, -9n]) await client.leaseRevoke({ id: lease });
  });

  it("refuses in etcd's words", async () => {
    await client.leaseGrant({ id: 8n, ttl: 60 });

    expect(await refusal(client.leaseGrant({ id: 8n, ttl: 60 }))).toEqual({
      code: 9,
      details: "etcdserver: lease already exists",
    });
    expect(await refusal(client.leaseGrant({ ttl: 9_000_000_001 }))).toEqual({
      code: 11,
      details: "etcdserver: too large lease TTL",
    });
    expect(await refusal(client.leaseRevoke({ id: 404n }))).toEqual({
      code: 5,
      details: "etcdserver: requested lease not found",
    });
  });

  it("tells what is left of a lease and its keys, and of none", async () => {
    await client.leaseGrant({ id: 10n, ttl: 60 });
    for (const key of ["t/2", "t/1"]) await client.put({ key: b(key), lease: 10n });
    await client.put({ key: b("t/3"), lease: 10n });
    await client.put({ key: b("t/3") });

    const { ttl, grantedTtl, keys } = await client.leaseTimeToLive({ id: 10n, keys: true });
    expect([ttl >= 50 && ttl <= 60, grantedTtl, keys]).toEqual([true, 60, [b("t/1"), b("t/2")]]);
    expect((await client.leaseTimeToLive({ id: 10n })).keys).toEqual([]);
    expect(await client.leaseTimeToLive({ id: 404n })).toMatchObject({ id: 404n, ttl: -1, grantedTtl: 0 });
    expect((await client.range({ key: b("t/1") })).kvs[0]?.lease).toBe(10n);
  });

  it("deletes a revoked lease's keys as one revision, in their order", async () => {
    await client.leaseGrant({ id: 11n, ttl: 60 });
    for (const key of ["r/b", "r/a"]) await client.put({ key: b(key), lease: 11n });
    const watch = new WatchCall(client);
    await watch.open({ key: b("r/"), rangeEnd: b("r0") });
    const revision = (await client.leaseRevoke({ id: 11n })).header?.revision;

    const { events, header } = await watch.next();
    expect(header?.revision).toBe(revision);
    expect(events.map(eventText)).toEqual([`DELETE r/a@${revision}`, `DELETE r/b@${revision}`]);
    watch.stream.cancel();
  });

  it("lets leases expire with their keys, and keeps those alive that are renewed", async () => {
    const stream = client.bidiStream("Lease/LeaseKeepAlive");
    const watch = new WatchCall(client);
    await watch.open({ key: b("x/"), rangeEnd: b("x0") });
    const startedMs = performance.now();
    await client.leaseGrant({ id: 20n, ttl: 1 });
    await client.leaseGrant({ id: 21n, ttl: 1 });
    for (const [key, lease] of [
      ["x/2", 20n],
      ["x/1", 20n],
      ["x/kept", 21n],
    ] as const) {
      await client.put({ key: b(key), lease });
    }
    const puts = [await watch.next(), await watch.next(), await watch.next()];
    let expired: Awaited<ReturnType<WatchCall["next"]>> | undefined;
    const gone = watch.next().then((response) => {
      expired = response;
    });
    // Renewals pace the loop: each waits for its answer.
    while (expired === undefined) expect((await keepAlive(stream, 21n)).ttl).toBe(1);
    await gone;

    const revision = (puts[2]?.header?.revision ?? 0) + 1;
    expect(expired.events.map(eventText)).toEqual([`DELETE x/1@${revision}`, `DELETE x/2@${revision}`]);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000);
    expect(await keepAlive(stream, 20n)).toMatchObject({ id: 20n, ttl: 0 });
    expect((await client.range({ key: b("x/kept") })).count).toBe(1);
    expect((await client.leaseTimeToLive({ id: 20n })).ttl).toBe(-1);
    watch.stream.cancel();
    stream.halfClose();
    expect(await stream.ended()).toEqual({ code: 0, details: "" });
  });
});
