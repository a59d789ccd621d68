import { afterEach, describe, expect, it } from "@jest/globals";
import { waitUntil } from "@quorate/testkit";
import { b, refusal } from "./support/etcd-client.ts";
import { TestCluster } from "./support/test-cluster.ts";

const WAIT_MS = 10_000;
const UNAVAILABLE = 14;

let cluster: TestCluster | undefined;

afterEach(async () => {
  const fatal = cluster?.nodes.flatMap((node) => node?.fatal ?? []);
  await cluster?.close();
  cluster = undefined;
  expect(fatal).toEqual([]);
});

async function founded(size: number, flags: readonly string[] = []): Promise<TestCluster> {
  cluster = await TestCluster.start(size, ["--strict-reconfig-check=false", ...flags]);
  return cluster;
}

function idOf(of: TestCluster, index: number): bigint {
  return of.node(index).node.context.memberId;
}

describe("a cluster in the course of its life", () => {
  it("goes on from one member that is forced to stand alone, with everything committed, and after that without force", async () => {
    const three = await founded(3);
    const client = three.client(0);
    for (let i = 0; i < 50; i++) await client.put({ key: b(`k/${i}`), value: b(`${i}`) });
    const { id: lease } = await client.leaseGrant({ ttl: 600 });
    await client.put({ key: b("leased"), lease });
    await three.converged();
    const before = await client.hashKv();
    for (const index of [0, 1, 2]) await three.stopNode(index);

    const alone = (await three.startNode(1, ["--force-new-cluster"])).client;
    const members = async (): Promise<readonly string[]> => (await alone.memberList()).members.map(({ name }) => name);
    await waitUntil(async () => (await members()).length === 1, {
      what: "the members being removed",
      timeoutMs: WAIT_MS,
    });
    expect(await members()).toEqual(["n2"]);
    expect((await alone.hashKv()).hash).toBe(before.hash);
    expect((await alone.range({ key: b("k/"), rangeEnd: b("k0") })).count).toBe(50);
    expect(await alone.leaseTimeToLive({ id: lease, keys: true })).toMatchObject({ keys: [b("leased")] });
    await alone.put({ key: b("alone"), value: b("1") });
    await three.stopNode(1);

    const again = (await three.startNode(1)).client;
    expect((await again.range({ key: b("alone") })).kvs[0]?.value).toEqual(b("1"));
    expect((await again.memberList()).members.map(({ name }) => name)).toEqual(["n2"]);
    await again.put({ key: b("again") });
  });

  it("removes its leader on request, and takes writes at the others again without waiting for an election timeout", async () => {
    const three = await founded(3);
    const leader = await three.leader();
    const others = three.running.filter((index) => index !== leader);
    const { members } = await three.client(leader).memberRemove({ id: idOf(three, leader) });
    expect(members).toHaveLength(2);
    const beganMs = performance.now();
    for (const index of others) {
      // What is passed on to the leader while it hands over is lost, and its client is told that nobody knows.
      await waitUntil(
        async () => (await refusal(three.client(index).put({ key: b(`by ${index}`) }))).code !== UNAVAILABLE,
        {
          what: "a write after the removal",
          timeoutMs: WAIT_MS,
        },
      );
      expect((await three.client(index).range({ key: b(`by ${index}`) })).count).toBe(1);
    }
    expect(performance.now() - beganMs).toBeLessThan(1500);
    await waitUntil(() => three.node(leader).log.includes("removed"), { what: "the end of it", timeoutMs: WAIT_MS });
    const leaders = others.map((index) => three.node(index).node.replica.leader);
    expect(new Set(leaders).size).toBe(1);
    expect(others.map((index) => idOf(three, index))).toContain(leaders[0]);
    await three.stopNode(leader);
    for (const index of others) await three.client(index).put({ key: b("two") });
  });

  it.each([5, 7])(
    "of %i members takes writes everywhere with a minority gone, and none with a majority gone",
    async (size) => {
      const many = await founded(size);
      for (const index of many.running) await many.client(index).put({ key: b(`by ${index}`) });
      const minority = Math.floor((size - 1) / 2);
      for (let i = 0; i < minority; i++) await many.stopNode(i);
      for (const index of many.running) await many.client(index).put({ key: b("k"), value: b(`${index}`) });
      await many.converged();
      const hashes = await Promise.all(many.running.map(async (index) => (await many.client(index).hashKv()).hash));
      expect(new Set(hashes).size).toBe(1);

      await many.stopNode(minority);
      const last = many.client(size - 1);
      expect((await refusal(last.put({ key: b("k"), value: b("never") }))).code).toBe(14);
      expect((await last.range({ key: b("k"), serializable: true })).kvs[0]?.value).toEqual(b(`${size - 1}`));
      await many.startNode(0);
      await last.put({ key: b("k"), value: b("healed") });
      expect((await many.client(0).range({ key: b("k") })).kvs[0]?.value).toEqual(b("healed"));
    },
  );
});
