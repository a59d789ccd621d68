import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createLeaseKeepAliveRequest,
  decodeLeaseKeepAliveResponse,
  encodeLeaseKeepAliveRequest,
} from "@quorate/protocol";
import { waitUntil } from "@quorate/testkit";
import { b, refusal } from "./support/etcd-client.ts";
import { TestCluster } from "./support/test-cluster.ts";
import { eventText, WatchCall } from "./support/watch-call.ts";

const INDEXES = [0, 1, 2] as const;

async function hashes(cluster: TestCluster): Promise<readonly number[]> {
  await cluster.converged();
  return Promise.all(cluster.running.map(async (index) => (await cluster.client(index).hashKv()).hash));
}

describe("a cluster of three", () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start(3, [
      "--strict-reconfig-check=false",
      "--snapshot-catchup-entries=50",
      "--snapshot-count=100",
    ]);
  });

  afterAll(async () => {
    await cluster.close();
  });

  it("takes writes and linearizable reads at every member, each seeing the writes before it", async () => {
    for (const writer of INDEXES) {
      const { header } = await cluster.client(writer).put({ key: b("k"), value: b(`from ${writer}`) });
      for (const reader of INDEXES) {
        const { kvs } = await cluster.client(reader).range({ key: b("k") });
        expect(kvs[0]?.value).toEqual(b(`from ${writer}`));
        expect(kvs[0]?.modRevision).toBe(header?.revision);
      }
    }
    expect(new Set(await hashes(cluster)).size).toBe(1);
  });

  it("settles the cluster version and knows every member by name at every member", async () => {
    await waitUntil(() => cluster.node(0).node.member.membership.clusterVersion === "3.7.0", {
      what: "the cluster version",
      timeoutMs: 5000,
    });
    for (const index of INDEXES) {
      const { members } = await cluster.client(index).memberList({ linearizable: true });
      expect(members.map(({ name, isLearner }) => `${name} ${isLearner}`).sort()).toEqual([
        "n1 false",
        "n2 false",
        "n3 false",
      ]);
    }
  });

  it("tells watchers at a follower what was written through another", async () => {
    const follower = await cluster.follower();
    const watch = new WatchCall(cluster.client(follower));
    await watch.open({ key: b("watched") });
    const { header } = await cluster.client(await cluster.leader()).put({ key: b("watched"), value: b("1") });
    const { events } = await watch.next();
    expect(events.map(eventText)).toEqual([`PUT watched=1@${header?.revision}`]);
  });

  it("renews leases and tells their time through a follower, and ends them on the leader alone", async () => {
    const client = cluster.client(await cluster.follower());
    const { id } = await client.leaseGrant({ ttl: 60 });
    await client.put({ key: b("leased"), lease: id });
    const stream = client.bidiStream("Lease/LeaseKeepAlive");
    stream.send(encodeLeaseKeepAliveRequest(createLeaseKeepAliveRequest({ id })));
    expect(decodeLeaseKeepAliveResponse(await stream.next())).toMatchObject({ id, ttl: 60 });
    stream.send(encodeLeaseKeepAliveRequest(createLeaseKeepAliveRequest({ id: 404n })));
    stream.halfClose();
    expect(decodeLeaseKeepAliveResponse(await stream.next())).toMatchObject({ id: 404n, ttl: 0 });
    expect(await stream.ended()).toMatchObject({ code: 0 });
    const known = await client.leaseTimeToLive({ id, keys: true });
    expect(known).toMatchObject({ id, grantedTtl: 60, keys: [b("leased")] });
    expect(known.ttl).toBeGreaterThan(57);
    expect(await client.leaseTimeToLive({ id: 404n })).toMatchObject({ id: 404n, ttl: -1 });

    const short = await client.leaseGrant({ ttl: 1 });
    await client.put({ key: b("short"), lease: short.id });
    await waitUntil(async () => (await client.range({ key: b("short") })).count === 0, {
      what: "the end of the lease",
      timeoutMs: 8000,
    });
  });

  it("moves the leader on request, and refuses what is no voter or asks the wrong member", async () => {
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    const targetId = cluster.node(follower).node.context.memberId;
    expect(await refusal(cluster.client(follower).moveLeader({ targetId }))).toEqual({
      code: 9,
      details: "etcdserver: not leader",
    });
    expect(await refusal(cluster.client(leader).moveLeader({ targetId: 404n }))).toEqual({
      code: 9,
      details: "etcdserver: bad leader transferee",
    });
    await cluster.client(leader).moveLeader({ targetId });
    expect(await cluster.leader()).toBe(follower);
    await cluster.client(leader).put({ key: b("after the move"), value: b("1") });
  });

  it("goes on without one member, and takes it back from the log or from a snapshot", async () => {
    for (const [name, count] of [
      ["few", 3],
      ["many", 300],
    ] as const) {
      const stopped = await cluster.follower();
      await cluster.stopNode(stopped);
      const client = cluster.client(await cluster.leader());
      for (let i = 0; i < count; i++) await client.put({ key: b(`${name}/${i % 7}`), value: b(`${i}`) });
      // So few entries are kept that the member can only be brought back with a snapshot.
      await cluster.startNode(stopped);
      expect(new Set(await hashes(cluster)).size).toBe(1);
      expect((await cluster.client(stopped).range({ key: b(`${name}/0`) })).count).toBe(1);
    }
  });

  it("adds a learner, which serves little until it is promoted, and removes members", async () => {
    const index = await cluster.addPlace();
    const client = cluster.client(await cluster.follower());
    const { member, members } = await client.memberAdd({ peerUrls: [cluster.peerUrl(index)], isLearner: true });
    expect(members.length).toBe(4);
    const id = member?.id ?? 0n;
    // It has not been heard of yet.
    expect(await refusal(client.memberPromote({ id }))).toMatchObject({
      details: "etcdserver: can only promote a learner member which is in sync with leader",
    });
    await cluster.startNode(index, ["--initial-cluster-state=existing"]);
    const learner = cluster.client(index);
    expect(await refusal(learner.range({ key: b("k") }))).toEqual({
      code: 9,
      details: "etcdserver: rpc not supported for learner",
    });
    expect((await learner.range({ key: b("k"), serializable: true })).count).toBe(1);
    expect(await learner.status()).toMatchObject({ isLearner: true });

    await waitUntil(async () => (await refusal(client.memberPromote({ id }))).code === 0, {
      what: "the promotion",
      timeoutMs: 5000,
    });
    await waitUntil(async () => (await refusal(learner.put({ key: b("by the fourth") }))).code === 0, {
      what: "a write through the new voter",
      timeoutMs: 5000,
    });
    expect(new Set(await hashes(cluster)).size).toBe(1);

    await client.memberRemove({ id });
    await waitUntil(() => cluster.node(index).log.includes("removed"), {
      what: "the removed member hearing of it",
      timeoutMs: 5000,
    });
    await cluster.stopNode(index);
    expect((await client.memberList()).members.length).toBe(3);
    await client.put({ key: b("three again") });
  });
});

describe("a leader's end", () => {
  it("costs less than an election timeout, and nothing that was acknowledged", async () => {
    const cluster = await TestCluster.start(3, ["--heartbeat-interval=100", "--election-timeout=2000"]);
    try {
      const leader = await cluster.leader();
      const follower = await cluster.follower();
      await cluster.client(follower).put({ key: b("k"), value: b("acknowledged") });
      await cluster.stopNode(leader);
      const beginMs = performance.now();
      await cluster.client(follower).put({ key: b("next") });
      expect(performance.now() - beginMs).toBeLessThan(1500);
      expect((await cluster.client(follower).range({ key: b("k") })).kvs[0]?.value).toEqual(b("acknowledged"));
    } finally {
      await cluster.close();
    }
  });
});

describe("a member without a quorum", () => {
  let cluster: TestCluster;
  let alone: number;

  beforeAll(async () => {
    cluster = await TestCluster.start(3);
    await cluster.client(0).put({ key: b("k"), value: b("v") });
    await cluster.converged();
    alone = await cluster.leader();
    for (const index of INDEXES) if (index !== alone) await cluster.stopNode(index);
    await waitUntil(() => cluster.node(alone).node.replica.leader === 0n, {
      what: "the leader stepping down",
      timeoutMs: 5000,
    });
  });

  afterAll(async () => {
    await cluster.close();
  });

  it("serves serializable reads, and fails everything else in bounded time with etcd's words", async () => {
    const client = cluster.client(alone);
    expect((await client.range({ key: b("k"), serializable: true })).kvs[0]?.value).toEqual(b("v"));
    const [write, read] = await Promise.all([
      refusal(client.put({ key: b("k"), value: b("w") })),
      refusal(client.range({ key: b("k") })),
    ]);
    expect([write, read]).toEqual([
      { code: 14, details: "etcdserver: request timed out" },
      { code: 14, details: "etcdserver: request timed out" },
    ]);
    expect((await client.status()).errors).toEqual(["etcdserver: no leader"]);
  });

  it("ends streams whose clients insist on a leader, and refuses new ones at once", async () => {
    const stream = cluster.client(alone).bidiStream("Watch/Watch", { hasleader: "true" });
    expect(await stream.ended()).toEqual({ code: 14, details: "etcdserver: no leader" });
  });

  it("is a cluster again as soon as another member is back", async () => {
    const client = cluster.client(alone);
    const other = INDEXES.find((index) => index !== alone) ?? 0;
    await cluster.startNode(other);
    await client.put({ key: b("k"), value: b("healed") });
    expect((await cluster.client(other).range({ key: b("k") })).kvs[0]?.value).toEqual(b("healed"));
  });
});
