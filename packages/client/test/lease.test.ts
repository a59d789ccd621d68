import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { EtcdCluster, EtcdNode, withTimeout } from "@quorate/testkit";
import { EtcdClient } from "../src/index.ts";
import { withServers } from "./support/servers.ts";
import { take } from "./support/taking.ts";

withServers("lease", ({ program }) => {
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

  it("is granted, asked for, listed and revoked with its keys", async () => {
    const { lease, kv } = client;
    const { id, ttl } = await lease.grant(60, { id: 0x77n });
    expect([id, ttl]).toEqual([0x77n, 60]);
    await expect(lease.grant(60, { id })).rejects.toMatchObject({ code: "leaseExist" });
    await kv.put("leased", "", { lease: id });

    const asked = await lease.timeToLive(id, { keys: true });
    expect(asked.grantedTtl).toBe(60);
    expect(asked.keys.map((key) => Buffer.from(key).toString())).toEqual(["leased"]);
    expect((await lease.list()).leases).toContainEqual({ id });

    await lease.revoke(id);
    expect(await kv.getOne("leased")).toBeUndefined();
    expect((await lease.timeToLive(id)).ttl).toBe(-1);
    await expect(lease.revoke(id)).rejects.toMatchObject({ code: "leaseNotFound" });
  });

  it("is renewed once", async () => {
    const { id } = await client.lease.grant(60);
    expect((await client.lease.keepAliveOnce(id)).ttl).toBe(60);
    await expect(client.lease.keepAliveOnce(1n)).rejects.toMatchObject({ code: "leaseNotFound" });
  });

  it("outlives its time to live while it is kept, and tells when it is revoked", async () => {
    const { id, ttl } = await client.lease.grant(2);
    const other = await client.lease.grant(2);
    await using keeper = client.lease.keepAlive(id, { ttlSeconds: ttl });
    await using second = client.lease.keepAlive(other.id);
    const began = performance.now();

    expect((await take(keeper, 5)).map((renewal) => renewal.id)).toEqual([id, id, id, id, id]);

    expect(performance.now() - began).toBeGreaterThan(ttl * 1_000);
    expect((await client.lease.timeToLive(id)).ttl).toBeGreaterThanOrEqual(0);
    await client.lease.revoke(id);
    const reason = await withTimeout(keeper.ended, { what: "the loss", timeoutMs: 5_000 });
    expect(reason).toMatchObject({
      code: "leaseLost",
      message: `lease ${id.toString(16).padStart(16, "0")} expired or was revoked`,
    });
    expect(keeper.signal.aborted).toBe(true);
    expect(keeper.signal.reason).toBe(reason);
    await expect(take(keeper, 100)).rejects.toBe(reason);
    expect(second.signal.aborted).toBe(false);
  }, 20_000);

  it("is no longer kept once that is stopped", async () => {
    const { id } = await client.lease.grant(60);
    const keeper = client.lease.keepAlive(id);
    const renewals = take(keeper, 1_000);
    await keeper.stop();
    expect((await renewals).length).toBeLessThanOrEqual(1);
    expect(await keeper.ended).toBeUndefined();
  });

  it("lives through a restart of the server", async () => {
    const { id, ttl } = await client.lease.grant(10);
    await using keeper = client.lease.keepAlive(id, { ttlSeconds: ttl });
    await take(keeper, 1);
    await node.kill();
    await node.restart();

    await take(keeper, 2);

    expect(keeper.signal.aborted).toBe(false);
    expect((await client.lease.timeToLive(id)).grantedTtl).toBe(10);
  }, 30_000);

  it("is lost, no later than its time to live, when no server is there", async () => {
    const { id, ttl } = await client.lease.grant(2);
    await using keeper = client.lease.keepAlive(id, { ttlSeconds: ttl });
    await take(keeper, 1);
    await node.kill();
    const began = performance.now();

    const reason = await withTimeout(keeper.ended, { what: "the loss", timeoutMs: 5_000 });

    expect(performance.now() - began).toBeLessThan(ttl * 1_000 + 800);
    expect(reason).toMatchObject({ code: "leaseLost", cause: expect.objectContaining({ name: "EtcdError" }) });
    await node.restart();
  }, 30_000);
});

withServers("a lease in a cluster", ({ program }) => {
  it("is kept while a member hangs and another ends", async () => {
    await using cluster = await EtcdCluster.start({
      members: [{ program }, { program }, { program }],
      medium: "memory",
    });
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    const { id, ttl } = await client.lease.grant(6);
    await client.kv.put("leased", "", { lease: id });
    await using keeper = client.lease.keepAlive(id, { ttlSeconds: ttl });
    await take(keeper, 1);

    cluster.pause(0);
    // Its time to live passes while a member hangs, whichever the stream went to and whoever leads.
    await take(keeper, 3);
    cluster.resume(0);
    await cluster.kill(1);
    await take(keeper, 1);
    await cluster.restart(1);
    await take(keeper, 1);

    expect(keeper.signal.aborted).toBe(false);
    expect(await client.kv.getOne("leased")).toMatchObject({ lease: id });
  }, 120_000);
});
