import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createLockRequest,
  createUnlockRequest,
  decodeLockResponse,
  encodeLockRequest,
  encodeUnlockRequest,
} from "@quorate/protocol";
import { waitUntil } from "@quorate/testkit";
import { b, refusal } from "./support/etcd-client.ts";
import { TestCluster } from "./support/test-cluster.ts";

/** Locks of three members: the queue is the cluster's, and who waits at one member outlives the leader. */
const LOCK = "/v3lockpb.Lock/Lock";
const NAME = b("l");

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(3);
}, 30_000);

afterAll(async () => {
  await cluster.close();
});

const lockAt = async (index: number, lease: bigint): Promise<string> => {
  const request = encodeLockRequest(createLockRequest({ name: NAME, lease }));
  return new TextDecoder().decode(decodeLockResponse(await cluster.client(index).raw(LOCK, request)).key);
};

describe("Lock in a cluster", () => {
  it("is handed on between members, also when the leader has stopped meanwhile", async () => {
    const leader = await cluster.leader();
    const [first = -1, second = -1] = cluster.running.filter((index) => index !== leader);
    for (const id of [1n, 2n, 3n]) await cluster.client(first).leaseGrant({ id, ttl: 600 });
    const queueLength = async (): Promise<number> =>
      (await cluster.client(first).range({ key: b("l/"), rangeEnd: b("l0"), serializable: true })).count;
    const queued = (count: number): Promise<void> =>
      waitUntil(async () => (await queueLength()) === count, { what: `${count} in the queue`, timeoutMs: 10_000 });

    expect(await lockAt(leader, 1n)).toBe("l/1");
    const next = lockAt(first, 2n);
    await queued(2);
    const last = lockAt(second, 3n);
    await queued(3);
    await cluster.stopNode(leader);
    await waitUntil(
      async () => {
        const request = encodeUnlockRequest(createUnlockRequest({ key: b("l/1") }));
        return (await refusal(cluster.client(second).raw("/v3lockpb.Lock/Unlock", request))).code === 0;
      },
      { what: "the unlock", timeoutMs: 10_000 },
    );
    expect(await next).toBe("l/2");
    expect(await queueLength()).toBe(2);
    await cluster.client(first).leaseRevoke({ id: 2n });
    expect(await last).toBe("l/3");
  }, 60_000);
});
