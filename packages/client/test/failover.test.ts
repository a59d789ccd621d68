import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { EtcdCluster, EtcdNode, freePorts, waitUntil } from "@quorate/testkit";
import { EtcdClient, isEtcdError, RPC } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

const key = utf8Bytes("k");
const READS = 60;

withServers("failover", ({ program }) => {
  let cluster: EtcdCluster;
  beforeAll(async () => {
    cluster = await EtcdCluster.start({ members: [{ program }, { program }, { program }], medium: "memory" });
  }, 60_000);
  afterAll(() => cluster.close());

  it("goes round the members", async () => {
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    await Promise.all(client.endpoints.map((endpoint) => client.unary(RPC.Maintenance.Status, {}, { endpoint })));

    const members = new Set<bigint>();
    for (let i = 0; i < 6; i++) {
      members.add((await client.unary(RPC.Maintenance.Status, {})).header?.memberId ?? 0n);
    }

    expect(members.size).toBe(3);
  });

  it("passes over a dead endpoint", async () => {
    const [port = 0] = await freePorts(1);
    await using client = new EtcdClient({ endpoints: [`127.0.0.1:${port}`, ...cluster.endpoints] });

    for (let i = 0; i < 8; i++) await client.unary(RPC.KV.Put, { key });
  });

  it("asks others first after a call that a hanging member did not answer", async () => {
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    await Promise.all(client.endpoints.map((endpoint) => client.unary(RPC.Maintenance.Status, {}, { endpoint })));
    cluster.pause(2);

    let failures = 0;
    for (let i = 0; i < 12; i++) {
      await client.unary(RPC.Maintenance.Status, {}, { deadlineMs: 300 }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "deadlineExceeded", endpoint: cluster.endpoints[2] });
        failures++;
      });
    }
    cluster.resume(2);

    // Going round three would have found it four times.
    expect(failures).toBeGreaterThanOrEqual(1);
    expect(failures).toBeLessThanOrEqual(2);
  });

  it("takes reads elsewhere that a hanging member does not answer", async () => {
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    await Promise.all(client.endpoints.map((endpoint) => client.unary(RPC.Maintenance.Status, {}, { endpoint })));
    cluster.pause(1);

    const read = () => client.kv.get("k", { serializable: true, deadlineMs: 2_000 });
    const answers = await Promise.all(Array.from({ length: 6 }, read));
    cluster.resume(1);

    expect(answers).toHaveLength(6);
  });

  it("answers every read while a member is killed and comes back, and no write is carried out twice", async () => {
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    const before = (await client.unary(RPC.KV.Put, { key })).header?.revision ?? 0;
    let acknowledged = 0;
    let unknown = 0;
    let running = true;
    const writing = (async () => {
      while (running) {
        try {
          await client.unary(RPC.KV.Put, { key });
          acknowledged++;
        } catch (error) {
          if (!isEtcdError(error)) throw error;
          if (error.mayHaveApplied) unknown++;
        }
      }
    })();

    await waitUntil(() => acknowledged >= 20, { what: "20 writes", timeoutMs: 10_000 });
    await cluster.kill(0);
    for (let i = 0; i < READS; i++) await client.unary(RPC.KV.Range, { key });
    await cluster.restart(0);
    for (let i = 0; i < READS; i++) await client.unary(RPC.KV.Range, { key });
    running = false;
    await writing;

    const { header } = await client.unary(RPC.KV.Range, { key });
    const applied = (header?.revision ?? 0) - before;
    expect(applied).toBeGreaterThanOrEqual(acknowledged);
    expect(applied).toBeLessThanOrEqual(acknowledged + unknown);
  }, 60_000);
});

withServers("a restart", ({ program }) => {
  it("is waited for, by reads and by writes that were not sent yet", async () => {
    await using node = await EtcdNode.start({ program, medium: "memory" });
    await using client = new EtcdClient({
      endpoints: [node.endpoint],
      dialTimeoutMs: 30_000,
      requestDeadlineMs: 30_000,
    });
    await client.unary(RPC.KV.Put, { key });
    await node.kill();
    // Until the client has seen the connection go, it may send into it; such a write is not repeated.
    await expect(client.unary(RPC.KV.Range, { key }, { deadlineMs: 200 })).rejects.toMatchObject({ name: "EtcdError" });

    const answers = Promise.all([client.unary(RPC.KV.Range, { key }), client.unary(RPC.KV.Put, { key })]);
    await node.restart();

    const [{ count }, { header }] = await answers;
    expect(count).toBe(1);
    expect(header?.revision).toBe(3);
  }, 60_000);
});
