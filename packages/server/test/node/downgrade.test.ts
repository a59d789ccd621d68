import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createDowngradeRequest,
  DowngradeAction,
  decodeDowngradeResponse,
  encodeDowngradeRequest,
} from "@quorate/protocol";
import { waitUntil } from "@quorate/testkit";
import { PeerClient } from "../../src/node/peer/index.ts";
import { refusal } from "./support/etcd-client.ts";
import { TestCluster } from "./support/test-cluster.ts";

/** Three members are taken down to 3.6 and, as nobody of 3.6 comes, back again. */
const { VALIDATE, ENABLE, CANCEL } = DowngradeAction;
const INVALID_ARGUMENT = 3;
const FAILED_PRECONDITION = 9;
const WRONG_FORMAT = { code: INVALID_ARGUMENT, details: "etcdserver: wrong downgrade target version format" };
const INVALID_TARGET = { code: INVALID_ARGUMENT, details: "etcdserver: invalid downgrade target version" };
const IN_PROGRESS = { code: FAILED_PRECONDITION, details: "etcdserver: cluster has a downgrade job in progress" };

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(3, ["--downgrade-check-time=100ms"]);
}, 30_000);

afterAll(async () => {
  await cluster.close();
});

async function downgrade(index: number, action: number, version = ""): Promise<string> {
  const request = encodeDowngradeRequest(createDowngradeRequest({ action, version }));
  const response = decodeDowngradeResponse(await cluster.client(index).raw("Maintenance/Downgrade", request));
  expect(response.header?.memberId).toBe(cluster.node(index).node.context.memberId);
  expect(response.header?.revision).toBe(1);
  return response.version;
}

const clusterVersions = (): readonly unknown[] =>
  cluster.running.map((index) => cluster.node(index).node.member.membership.clusterVersion);

async function settledAt(version: string): Promise<void> {
  await waitUntil(() => clusterVersions().every((each) => each === version), {
    what: `cluster version ${version}`,
    timeoutMs: 15_000,
    detail: () => clusterVersions().join(),
  });
}

describe("Downgrade", () => {
  it("refuses targets that are none", async () => {
    await settledAt("3.7.0");
    for (const action of [VALIDATE, ENABLE]) {
      expect(await refusal(downgrade(0, action, "3.x"))).toEqual(WRONG_FORMAT);
      expect(await refusal(downgrade(0, action, ""))).toEqual(WRONG_FORMAT);
      for (const target of ["3.7", "3.8.0", "3.5", "2.6"]) {
        expect(await refusal(downgrade(0, action, target))).toEqual(INVALID_TARGET);
      }
    }
    expect(await refusal(downgrade(0, 7))).toEqual({ code: 2, details: "etcdserver: unknown method" });
    expect(await downgrade(0, CANCEL)).toBe("3.7");
    expect(await downgrade(0, VALIDATE, "3.6")).toBe("3.7");
    expect((await cluster.client(0).status()).downgradeInfo).toEqual({ enabled: false, targetVersion: "" });
  });

  it("takes the cluster down by one minor version, and back when it is cancelled", async () => {
    const follower = await cluster.follower();
    expect(await downgrade(follower, ENABLE, "3.6.5")).toBe("3.7");
    expect(await refusal(downgrade(follower, VALIDATE, "3.6"))).toEqual(IN_PROGRESS);
    expect(await refusal(downgrade(follower, ENABLE, "3.6"))).toEqual(IN_PROGRESS);
    const peers = new PeerClient(undefined);
    for (const index of cluster.running) {
      expect(await peers.getDowngradeEnabled(cluster.peerUrl(index), 5000)).toBe(true);
    }
    await settledAt("3.6.0");
    expect(await cluster.client(follower).status()).toMatchObject({
      version: "3.7.1",
      storageVersion: "3.6.0",
      downgradeInfo: { enabled: true, targetVersion: "3.6.0" },
    });
    expect((await cluster.node(follower).http("/version")).body).toBe(
      '{"etcdserver":"3.7.1","etcdcluster":"3.6.0","storage":"3.6.0"}',
    );

    await cluster.stopNode(follower);
    await cluster.startNode(follower);
    const { downgradeInfo } = await cluster.client(follower).status();
    expect(downgradeInfo).toEqual({ enabled: true, targetVersion: "3.6.0" });
    // Members of 3.7 have not arrived: the leader does not end the downgrade by itself.
    expect(await downgrade(follower, CANCEL)).toBe("3.6");
    await settledAt("3.7.0");
    expect((await cluster.client(follower).status()).downgradeInfo).toEqual({ enabled: false, targetVersion: "" });
    expect(await peers.getDowngradeEnabled(cluster.peerUrl(follower), 5000)).toBe(false);
  }, 60_000);
});
