/** `lease keep-alive` while the member that it asks hangs, with a cluster of real etcd members. */
import { describe, expect, it } from "@jest/globals";
import { EtcdClient } from "@quorate/client";
import { EtcdCluster, missingPeers, peersAreRequired, requirePeer, waitUntil, withTimeout } from "@quorate/testkit";
import { capturedRun } from "../captured-run.ts";

const TTL_SECONDS = 6;

const missing = missingPeers(["etcd-3.5"]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: keeping a lease alive needs ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("lease keep-alive", () => {
    it("goes on with another member when the one that it asks hangs, and ends with the lease", async () => {
      const program = [requirePeer("etcd-3.5")];
      await using cluster = await EtcdCluster.start({
        members: [{ program }, { program }, { program }],
        medium: "memory",
      });
      await using client = new EtcdClient({ endpoints: cluster.endpoints });
      const { id } = await client.lease.grant(TTL_SECONDS);
      const states = await Promise.all(cluster.endpoints.map((endpoint) => client.maintenance.status({ endpoint })));
      const members = states.map(({ header }) => header.memberId);
      let printed = (): string => "";
      const words = ["lease", "keep-alive", id.toString(16), "-w", "json"];
      const keeping = capturedRun([`--endpoints=${cluster.endpoints.join()}`, ...words], {
        during: (_signal, told) => {
          printed = told;
        },
      });
      /** Who answered, by the position of the member. */
      const answers = (): readonly number[] =>
        [...printed().matchAll(/"member_id":(\d+)/g)].map(([, member = ""]) => members.indexOf(BigInt(member)));
      const untilAnswers = (count: number, timeoutMs: number): Promise<void> =>
        waitUntil(() => answers().length >= count, { what: `${count} renewals`, timeoutMs });

      // The second is the first of the stream that goes on.
      await untilAnswers(2, 10_000);
      const asked = answers()[1] ?? -1;
      cluster.pause(asked);
      await untilAnswers(5, 20_000);

      expect(answers().slice(3)).not.toContain(asked);
      cluster.resume(asked);
      expect((await client.lease.timeToLive(id)).ttl).toBeGreaterThanOrEqual(0);
      await client.lease.revoke(id);
      expect((await withTimeout(keeping, { what: "the end", timeoutMs: 10_000 })).code).toBe(0);
    }, 60_000);
  });
}
