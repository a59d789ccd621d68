import { afterEach, describe, expect, it } from "@jest/globals";
import { AlarmAction, type AlarmMember } from "@quorate/protocol";
import { waitUntil } from "@quorate/testkit";
import { hexId } from "../../src/core/index.ts";
import { changeStoredValue } from "./support/changed-value.ts";
import { b } from "./support/etcd-client.ts";
import { TestCluster } from "./support/test-cluster.ts";

/** Three members, one of which comes to hold another value than the others, while its files are as they should be. */
const CORRUPT = 2;
const CHANGED_REVISION = 3;

let cluster: TestCluster;

afterEach(async () => {
  await cluster.close();
});

async function start(flags: readonly string[]): Promise<void> {
  cluster = await TestCluster.start(3, flags);
  const client = cluster.client(await cluster.leader());
  for (let i = 0; i < 10; i++) await client.put({ key: b(`k${i}`), value: b("right") });
  await cluster.converged();
}

async function spoilFollower(): Promise<{ readonly index: number; readonly memberId: bigint }> {
  const index = await cluster.follower();
  const { memberId } = cluster.node(index).node.context;
  await cluster.stopNode(index);
  await changeStoredValue(cluster.dataDirectory(index), CHANGED_REVISION, b("wrong"));
  return { index, memberId };
}

async function alarms(): Promise<readonly AlarmMember[]> {
  return (await cluster.client(await cluster.leader()).alarm({ action: AlarmAction.GET })).alarms;
}

async function untilAlarm(): Promise<readonly AlarmMember[]> {
  let active: readonly AlarmMember[] = [];
  await waitUntil(
    async () => {
      active = await alarms();
      return active.length > 0;
    },
    {
      what: "an alarm",
      timeoutMs: 15_000,
      detail: () => cluster.running.map((i) => cluster.node(i).log.join("")).join("\n\n"),
    },
  );
  return active;
}

async function leaderLogged(message: string, count: number): Promise<void> {
  const { log } = cluster.node(await cluster.leader());
  const already = log.filter((line) => line.includes(message)).length;
  await waitUntil(() => log.filter((line) => line.includes(message)).length >= already + count, {
    what: `${count} times '${message}'`,
    timeoutMs: 15_000,
    detail: () => log.join(""),
  });
}

describe("a member whose data is not that of the others", () => {
  it("does not start with InitialCorruptCheck, and is let in again once it is right", async () => {
    await start([]);
    const { index, memberId } = await spoilFollower();
    const gate = "--feature-gates=InitialCorruptCheck=true";
    await expect(cluster.startNode(index, [gate])).rejects.toThrow(
      `${hexId(memberId)} found data inconsistency with peers`,
    );

    await changeStoredValue(cluster.dataDirectory(index), CHANGED_REVISION, b("right"));
    const { log } = await cluster.startNode(index, [gate]);
    const passed = log.find((line) => line.includes("initial corruption checking passed; no corruption"));
    expect(passed).toContain('"peers-compared":2');
  }, 60_000);

  it("is found by the leader's comparisons, and nobody can write then", async () => {
    await start(["--corrupt-check-time=200ms"]);
    await leaderLogged('"number-of-peers-checked":2', 2);
    expect(await alarms()).toEqual([]);
    const { index, memberId } = await spoilFollower();
    const { client } = await cluster.startNode(index);

    expect(await untilAlarm()).toEqual([{ memberId, alarm: CORRUPT }]);
    await expect(client.put({ key: b("k"), value: b("v") })).rejects.toThrow("etcdserver: corrupt cluster");
    expect((await client.status()).errors).toEqual([`memberID:${memberId} alarm:CORRUPT`]);
  }, 60_000);

  it("is found by what members have stored at a compaction, by its being one against two", async () => {
    await start(["--feature-gates=CompactHashCheck=true", "--compact-hash-check-time=200ms"]);
    const { client } = cluster.node(await cluster.leader());
    await client.compact({ revision: 5, physical: true });
    await leaderLogged("successfully checked hash on whole cluster", 1);
    expect(await alarms()).toEqual([]);
    const { index, memberId } = await spoilFollower();
    await cluster.startNode(index);
    await cluster.client(await cluster.leader()).compact({ revision: 8, physical: true });

    expect(await untilAlarm()).toEqual([{ memberId, alarm: CORRUPT }]);
  }, 60_000);
});
