import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "@jest/globals";
import { EtcdNode, waitUntil } from "@quorate/testkit";
import { LeaseKeeper } from "../../src/faults/lease-keeper.ts";
import { peerSuite } from "../peer-suite.ts";

/** Less than what is left of the keeper's deadline when a lease ends whose renewal was asked for 1.5 s after the last one. */
const AFTER_THE_END_MS = 100;

peerSuite("the lease keeper", [], (target) => {
  it("does not blame a member that looked for a lease only when its pause, and the lease, were over", async () => {
    await using node = await EtcdNode.start({ program: target, medium: "memory" });
    const keeper = new LeaseKeeper([node.endpoint], 1);
    try {
      await waitUntil(() => keeper.renewals > 0, { what: "a renewal", timeoutMs: 30_000, everyMs: 20 });
      const [lease] = keeper.leases;
      node.pause();
      await sleep((lease?.aliveUntil ?? 0) - performance.now() + AFTER_THE_END_MS);
      node.resume();
      await waitUntil(() => lease?.abandoned === true, { what: "the lease's end", timeoutMs: 30_000, everyMs: 20 });
    } finally {
      await keeper.stop();
    }
    expect(keeper.problems).toEqual([]);
  }, 100_000);
});
