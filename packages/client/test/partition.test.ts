import { expect, it } from "@jest/globals";
import { EtcdCluster, PeerLinks, waitUntil, withTimeout } from "@quorate/testkit";
import { EtcdClient, isEtcdError, utf8Text } from "../src/index.ts";
import { withServers } from "./support/servers.ts";
import { take } from "./support/taking.ts";

/*
 * Shows that watches and leases leave a member that has lost the others, though it still answers: its watches would miss every change,
 * and it cannot renew a lease. The client knows only that member when they begin, and all three afterwards.
 */
withServers("a member cut off from the others", ({ program }) => {
  it("is left by watches and leases", async () => {
    const prepared: { cluster?: EtcdCluster } = {};
    await using links = await PeerLinks.listen(3, (index) => pidOf(prepared.cluster, index));
    await using cluster = await EtcdCluster.prepare({
      members: [{ program }, { program }, { program }],
      medium: "memory",
      advertisePeerUrl: (index, listenUrl) => links.advertise(index, listenUrl),
    });
    prepared.cluster = cluster;
    await cluster.startAll();
    await using client = new EtcdClient({ endpoints: cluster.endpoints.slice(0, 1) });
    await using others = new EtcdClient({ endpoints: cluster.endpoints.slice(1) });
    const { id, ttl } = await client.lease.grant(6);
    await client.kv.put("leased", "", { lease: id });
    await using keeper = client.lease.keepAlive(id, { ttlSeconds: ttl });
    await using watcher = client.watch("watched");
    await Promise.all([watcher.created, take(keeper, 1)]);
    client.setEndpoints(cluster.endpoints);

    for (const other of [1, 2]) {
      links.set(0, other, "cut");
      links.set(other, 0, "cut");
    }
    // The first write may be lost on its way to a leader that was cut off.
    await waitUntil(() => succeeds(others.kv.put("watched", "while it is cut off", { deadlineMs: 2_000 })), {
      what: "a write among the others",
      timeoutMs: 30_000,
    });

    const [event] = await withTimeout(take(watcher.events(), 1), { what: "the event", timeoutMs: 9_000 });
    expect(utf8Text(event?.kv.value ?? new Uint8Array(0))).toBe("while it is cut off");
    await take(keeper, 2);
    expect(keeper.signal.aborted).toBe(false);
    expect(await others.kv.getOne("leased")).toMatchObject({ lease: id });
    // Calls that require a leader are refused there at once, and made elsewhere: writes too, since nothing was done.
    for (let i = 0; i < 3; i++) {
      const options = { requireLeader: true, deadlineMs: 3_000 };
      expect((await client.kv.get("watched", options)).count).toBe(1);
      await client.kv.put("put", `${i}`, options);
    }
    expect((await others.kv.getOne("put"))?.version).toBe(3);
  }, 90_000);
});

async function succeeds(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (isEtcdError(error)) return false;
    throw error;
  }
}

function pidOf(cluster: EtcdCluster | undefined, index: number): number | undefined {
  const node = cluster?.nodes[index];
  return node?.running === true ? node.process.pid : undefined;
}
