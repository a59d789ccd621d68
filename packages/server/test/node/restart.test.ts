import { createHash } from "node:crypto";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { AlarmAction, AlarmType } from "@quorate/protocol";
import { EntryType } from "@quorate/raft";
import { bootstrapClusterId } from "@quorate/server/core";
import { NODE_FILE_SYSTEM, openMemberStorage } from "@quorate/storage";
import { freePorts, type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { foundersOf } from "../../src/node/bootstrap.ts";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import { TestNode, testConfig } from "./support/test-node.ts";
import { eventText, WatchCall } from "./support/watch-call.ts";

const OK = 0;
const OUT_OF_RANGE = 11;
const UNAVAILABLE = 14;

let directory: TemporaryDirectory;
const nodes: TestNode[] = [];

beforeEach(() => {
  directory = temporaryDirectory("quorate-restart-", "memory");
});

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  directory.remove();
});

async function start(path = directory.path, flags: readonly string[] = []): Promise<TestNode> {
  const node = await TestNode.start(path, flags);
  nodes.push(node);
  return node;
}

async function stop(node: TestNode): Promise<void> {
  nodes.splice(nodes.indexOf(node), 1);
  await node.stop();
}

/** Everything a client can see that must outlive a restart. */
async function visible(client: EtcdClient): Promise<unknown> {
  const { header, kvs } = await client.range({ key: b("\0"), rangeEnd: b("\0") });
  const { hash, hashRevision, compactRevision } = await client.hashKv();
  const { members } = await client.memberList();
  const alarms = (await client.alarm({ action: AlarmAction.GET })).alarms;
  const lease = await client.leaseTimeToLive({ id: 7n, keys: true });
  return {
    revision: header?.revision,
    ids: [header?.clusterId, header?.memberId],
    kvs,
    hash: [hash, hashRevision, compactRevision],
    members: members.map(({ id, name, peerUrls }) => ({ id, name, peerUrls })),
    alarms,
    lease: [lease.grantedTtl, lease.keys],
  };
}

/** Writes something of every kind; the compaction's revision. */
async function fill(client: EtcdClient): Promise<number> {
  await client.leaseGrant({ id: 7n, ttl: 600 });
  for (let i = 0; i < 20; i++) await client.put({ key: b(`k/${i % 7}`), value: b(`v${i}`) });
  await client.put({ key: b("leased"), lease: 7n });
  const compacted = (await client.deleteRange({ key: b("k/3") })).header?.revision ?? 0;
  await client.put({ key: b("k/3"), value: b("again") });
  await client.compact({ revision: compacted, physical: true });
  await client.put({ key: b("k/4"), value: b("newest") });
  await client.alarm({ action: AlarmAction.ACTIVATE, memberId: 5n, alarm: AlarmType.NOSPACE });
  return compacted;
}

describe("a restart", () => {
  it("keeps keys, revisions, leases, members, alarms and compaction", async () => {
    const first = await start();
    const compacted = await fill(first.client);
    const before = await visible(first.client);
    await stop(first);

    const second = await start();
    expect(await visible(second.client)).toEqual(before);
    expect(await refusal(second.client.range({ key: b("leased"), revision: compacted - 1 }))).toMatchObject({
      code: OUT_OF_RANGE,
    });
    expect((await second.client.leaseTimeToLive({ id: 7n })).ttl).toBeGreaterThanOrEqual(600);
    expect((await second.client.memberList()).members[0]?.clientUrls).toEqual([`http://127.0.0.1:${second.port}`]);
    expect((await second.client.status()).raftTerm).toBe(3);
  });

  it("after a crash finds what was acknowledged, in the log alone or in a checkpoint and the log", async () => {
    const first = await start(directory.path, ["--snapshot-count=10"]);
    const before: unknown[] = [];
    await fill(first.client);
    before.push(await visible(first.client));
    const images = [crashImage("1")];
    await new Promise<void>((resolve, reject) => {
      const { replica, member } = first.node;
      const position = { index: replica.appliedIndex, term: replica.term, revision: member.store.revision };
      member.storage.checkpoint({ ...position, confState: member.raft.confState }, position.index, (error) =>
        error === undefined ? resolve() : reject(error),
      );
    });
    await first.client.deleteRange({ key: b("k/1") });
    before.push(await visible(first.client));
    images.push(crashImage("2"));
    await stop(first);

    for (const [i, image] of images.entries()) {
      const again = await start(image);
      expect(await visible(again.client)).toEqual(before[i]);
      await stop(again);
    }
  });

  /** What a process that was killed now would leave behind. */
  function crashImage(name: string): string {
    const image = join(directory.path, name);
    cpSync(join(directory.path, "data"), join(image, "data"), { recursive: true });
    for (const file of readdirSync(join(image, "data"), { recursive: true, encoding: "utf8" })) {
      if (/lock$/i.test(file)) rmSync(join(image, "data", file));
    }
    return image;
  }

  it("lets a watch go on where it stood", async () => {
    const first = await start();
    const revision = (await first.client.put({ key: b("w"), value: b("1") })).header?.revision ?? 0;
    await first.client.put({ key: b("w"), value: b("2") });
    await stop(first);

    const second = await start();
    const watch = new WatchCall(second.client);
    await watch.open({ key: b("w"), startRevision: revision, prevKv: true });
    expect((await watch.next()).events.map(eventText)).toEqual([
      `PUT w=1@${revision}`,
      `PUT w=2@${revision + 1} (was 1)`,
    ]);
    watch.stream.cancel();
  });
});

describe("a stop", () => {
  it("answers what is in flight and ends streams, in time", async () => {
    const node = await start();
    const watch = new WatchCall(node.client);
    await watch.open({ key: b("a") });
    const health = node.client.serverStream("/grpc.health.v1.Health/Watch", new Uint8Array(0));
    expect([...(await health.next())]).toEqual([8, 1]);
    const puts = Array.from({ length: 300 }, (_, i) => refusal(node.client.put({ key: b(`p/${i}`) })));
    await puts[0];
    const startedMs = performance.now();
    await stop(node);

    expect(performance.now() - startedMs).toBeLessThan(4000);
    expect((await watch.stream.ended()).code).toBe(UNAVAILABLE);
    expect((await health.ended()).code).toBe(UNAVAILABLE);
    const codes = await Promise.all(puts.map(async (put) => (await put).code));
    expect(codes.every((code) => code === OK || code === UNAVAILABLE)).toBe(true);

    const again = await start();
    const found = new Set(
      (await again.client.range({ key: b("p/"), rangeEnd: b("p0") })).kvs.map(({ key }) => Buffer.from(key).toString()),
    );
    const lost = codes.flatMap((code, i) => (code === OK && !found.has(`p/${i}`) ? [i] : []));
    expect(lost).toEqual([]);
  });

  it("leaves a checkpoint, so that the next start replays nothing", async () => {
    const node = await start();
    await fill(node.client);
    const { appliedIndex } = node.node.replica;
    await stop(node);

    const again = await start();
    expect(again.node.member.appliedIndex).toBe(appliedIndex);
    expect(again.node.member.storage.contents.entries).toEqual([]);
  });
});

describe("a start that cannot be", () => {
  const reason = async (starting: Promise<TestNode>): Promise<string> => {
    try {
      nodes.push(await starting);
    } catch (error) {
      return (error as Error).message;
    }
    return "it started";
  };

  it("names the process that uses the data directory, and leaves that one alone", async () => {
    const node = await start();
    const message = await reason(TestNode.start(directory.path));

    expect(message).toMatch(
      /^process \d+ uses this data directory: \S+; stop that process, or give another data directory$/,
    );
    await node.client.put({ key: b("fine") });
  });

  it("names the address in use", async () => {
    const [port = 0] = await freePorts(1);
    const holder = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const message = await reason(TestNode.start(directory.path, [], port));
    await new Promise((resolve) => holder.close(resolve));

    expect(message.split("\n").length).toBe(1);
    expect(message).toContain(`cannot listen on http://127.0.0.1:${port}: `);
    expect(message).toContain("EADDRINUSE");
    await start();
  });

  it("founds its cluster again where the first write was torn behind its entries", async () => {
    const config = testConfig(directory.path, 1);
    const founders = foundersOf(config);
    const ids = founders.map(({ id }) => id);
    const [memberId = 0n] = ids;
    const clusterId = bootstrapClusterId(ids, (bytes) => createHash("sha1").update(bytes).digest());
    const storage = await openMemberStorage({
      dataDirectory: config.dataDir,
      walDirectory: config.walDir,
      fs: NODE_FILE_SYSTEM,
      clock: { nowMs: () => 0, wallMs: () => 0 },
      newIdentity: () => ({ memberId, clusterId }),
      fatal: () => {},
    });
    const torn = { term: 1, index: 1, type: EntryType.ConfChange, data: new Uint8Array(0) };
    await new Promise((resolve) => storage.log.append([torn], undefined, true, resolve));
    await storage.close();

    const { client } = await start();
    await client.put({ key: b("k") });
    expect((await client.status()).header?.memberId).toBe(memberId);
  });
});
