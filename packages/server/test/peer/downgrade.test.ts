import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { createDowngradeRequest, DowngradeAction, encodeDowngradeRequest } from "@quorate/protocol";
import { EtcdCluster, findPeer, peersAreRequired, requirePeer, serverUnderTest, waitUntil } from "@quorate/testkit";
import { PeerClient } from "../../src/node/peer/index.ts";
import { b, EtcdClient, refusal } from "../node/support/etcd-client.ts";

/** Members of a real etcd and one of ours keep the same record of a downgrade, whoever was asked for it. */
const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const WAIT_MS = 20_000;
const own = serverUnderTest(ROOT);
const isHere = (findPeer("etcd-3.5") !== undefined && own !== undefined) || peersAreRequired();

(isHere ? describe : describe.skip)("a downgrade of two etcd 3.5 and one of ours", () => {
  it("is begun at ours and ended at etcd's, and everybody knows", async () => {
    const etcd = { program: [requirePeer("etcd-3.5")] };
    await using cluster = await EtcdCluster.start({ members: [{ program: own ?? [] }, etcd, etcd], medium: "memory" });
    const clients = cluster.nodes.map(({ clientPort }) => new EtcdClient(clientPort));
    const [ours, etcds] = clients as [EtcdClient, EtcdClient];
    const peers = new PeerClient(undefined);
    const known = (): Promise<readonly boolean[]> =>
      Promise.all(cluster.nodes.map(({ peerUrl }) => peers.getDowngradeEnabled(peerUrl, 5000)));
    const ask = (client: EtcdClient, action: number): ReturnType<typeof refusal> =>
      refusal(
        client.raw("Maintenance/Downgrade", encodeDowngradeRequest(createDowngradeRequest({ action, version: "3.4" }))),
      );
    try {
      const clusterVersion = async (): Promise<boolean> =>
        (await (await fetch(`http://${cluster.endpoints[0]}/version`)).text()).includes('"etcdcluster":"3.5.0"');
      await waitUntil(clusterVersion, { what: "cluster version 3.5", timeoutMs: WAIT_MS });
      expect(await known()).toEqual([false, false, false]);
      expect(await ask(ours, DowngradeAction.ENABLE)).toEqual({ code: 0, details: "" });
      expect(await known()).toEqual([true, true, true]);
      // 3.5 carries the change out and does not say so.
      void ask(etcds, DowngradeAction.CANCEL);
      await waitUntil(async () => (await known()).every((enabled) => !enabled), {
        what: "the end of the downgrade",
        timeoutMs: WAIT_MS,
      });
      for (const client of clients) await client.put({ key: b("k") });
    } finally {
      for (const client of clients) client.close();
    }
  }, 60_000);
});
