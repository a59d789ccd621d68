import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import { createSnapshotResponse, type SnapshotResponse } from "@quorate/protocol";
import { EtcdCluster, freePorts, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { EtcdClient, isEtcdError, type SnapshotProgress } from "../src/index.ts";
import type { ReadStream } from "../src/read-stream.ts";
import { Snapshot } from "../src/snapshot.ts";
import { withServers } from "./support/servers.ts";

/** A stream of a server that sends these pieces. */
function streamOf(responses: readonly Partial<SnapshotResponse>[]): ReadStream<SnapshotResponse> {
  const stream = {
    endpoint: "a:1",
    cancel: () => {},
    async *[Symbol.asyncIterator]() {
      for (const response of responses) yield createSnapshotResponse(response);
    },
  };
  return stream as unknown as ReadStream<SnapshotResponse>;
}

describe("a snapshot", () => {
  const data = new Uint8Array(100).fill(7);
  const digest = createHash("sha256").update(data).digest();

  it("is saved whole, however it is cut into pieces", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    const path = join(directory.path, "a.db");
    const file = Buffer.concat([data, digest]);
    const cuts = [0, 1, 40, 90, 131, 132];
    const pieces = cuts.slice(1).map((end, i) => ({ blob: file.subarray(cuts[i], end) }));

    expect(await new Snapshot(streamOf(pieces)).save(path)).toEqual({ sizeBytes: 132, version: "" });
    expect(readFileSync(path)).toEqual(file);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  it("that ended early or has another checksum is refused, and leaves no file", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    const path = join(directory.path, "a.db");
    const save = (...pieces: readonly Partial<SnapshotResponse>[]) => new Snapshot(streamOf(pieces)).save(path);

    await expect(save({ blob: data, remainingBytes: 5 })).rejects.toMatchObject({
      code: "snapshotDamaged",
      message: "the snapshot is damaged: it ended 5 bytes early",
    });
    await expect(save({ blob: data }, { blob: new Uint8Array(32) })).rejects.toThrow("its checksum is another");
    await expect(save({ blob: new Uint8Array(3) })).rejects.toThrow("it has 3 bytes, fewer than a checksum");
    await expect(save()).rejects.toThrow("it has 0 bytes, fewer than a checksum");
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
  });
});

withServers("maintenance", ({ program }) => {
  let cluster: EtcdCluster;
  let client: EtcdClient;
  beforeAll(async () => {
    cluster = await EtcdCluster.start({ members: [{ program }, { program }, { program }], medium: "memory" });
    client = new EtcdClient({ endpoints: cluster.endpoints });
  }, 60_000);
  afterAll(async () => {
    await client.close();
    await cluster.close();
  });

  it("tells how each member is, and their checksums agree", async () => {
    const { header } = await client.kv.put("a", "1");
    await Promise.all(client.endpoints.map((endpoint) => client.kv.get("a", { endpoint })));

    const states = await Promise.all(client.endpoints.map((endpoint) => client.maintenance.status({ endpoint })));
    const hashes = await Promise.all(
      client.endpoints.map((endpoint) => client.maintenance.hashKv(header.revision, { endpoint })),
    );

    expect(new Set(states.map((state) => state.header.memberId)).size).toBe(3);
    expect(new Set(states.map((state) => state.leader)).size).toBe(1);
    expect(states.every((state) => state.dbSize > 0 && /^3\.\d+\.\d+$/.test(state.version))).toBe(true);
    expect(new Set(hashes.map((hash) => hash.hash)).size).toBe(1);
  });

  it("raises alarms and disarms one or all", async () => {
    const { members } = await client.cluster.members();
    const [one, two] = members.map((member) => member.id);
    if (one === undefined || two === undefined) throw new Error("three members");
    await client.maintenance.raiseAlarm(one, "NOSPACE");
    await client.maintenance.raiseAlarm(two, "NOSPACE");
    await expect(client.kv.put("a", "2")).rejects.toMatchObject({ code: "noSpace" });
    expect((await client.maintenance.alarms()).alarms).toHaveLength(2);

    expect(await client.maintenance.disarm({ memberId: one, alarm: "NOSPACE" })).toEqual([{ memberId: one, alarm: 1 }]);
    expect(await client.maintenance.disarm()).toEqual([{ memberId: two, alarm: 1 }]);

    await client.kv.put("a", "3");
  });

  it("defragments, and hands the leadership over by way of whoever leads", async () => {
    const [endpoint] = client.endpoints;
    await client.maintenance.defragment({ endpoint });
    const { leader } = await client.maintenance.status();
    const { members } = await client.cluster.members();
    const target = members.find((member) => member.id !== leader)?.id ?? 0n;

    await client.maintenance.moveLeader(target);

    // Which member answers is the balancer's choice, and each hears of its new leader in its own time.
    await waitUntil(async () => (await client.maintenance.status()).leader === target, {
      what: "the new leader",
      timeoutMs: 10_000,
    });
    await expect(client.maintenance.moveLeader(1n)).rejects.toMatchObject({ code: "badLeaderTransferee" });
  });

  /** Members count as connected only after 5 s; until then etcd takes no other. */
  async function addWhenHealthy(url: string): ReturnType<EtcdClient["cluster"]["add"]> {
    let added: Awaited<ReturnType<EtcdClient["cluster"]["add"]>> | undefined;
    const add = async (): Promise<boolean> => {
      added = await client.cluster.add([url], { isLearner: true }).catch((error: unknown) => {
        if (!isEtcdError(error, "unhealthy")) throw error;
        return undefined;
      });
      return added !== undefined;
    };
    await waitUntil(add, { what: "a healthy cluster", timeoutMs: 15_000, everyMs: 200 });
    return must(added, "it was added");
  }

  it("changes members, and follows their client URLs", async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const url = `http://127.0.0.1:${port}`;
    const { member, members } = await addWhenHealthy(url);
    expect([member?.peerUrls, member?.isLearner, members.length]).toEqual([[url], true, 4]);
    const id = member?.id ?? 0n;
    await expect(client.cluster.promote(id)).rejects.toMatchObject({ name: "EtcdError" });
    await client.cluster.update(id, [url, `http://127.0.0.1:${other}`]);
    await expect(client.cluster.update(1n, [url])).rejects.toMatchObject({ code: "memberNotFound" });
    expect((await client.cluster.remove(id)).members).toHaveLength(3);
    await expect(client.cluster.remove(id)).rejects.toMatchObject({ code: "memberNotFound" });

    await using one = new EtcdClient({ endpoints: cluster.endpoints.slice(0, 1) });
    const endpoints = await one.cluster.syncEndpoints();
    expect(endpoints.map((text) => text.replace("http://", "")).toSorted()).toEqual(cluster.endpoints.toSorted());
    await one.kv.get("a");
  }, 30_000);
});

withServers("snapshots", ({ program }) => {
  it("of a running member are saved with progress and checked", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    await using cluster = await EtcdCluster.start({ members: [{ program }], medium: "memory" });
    await using client = new EtcdClient({ endpoints: cluster.endpoints });
    for (let i = 0; i < 20; i++) await client.kv.put(`k${i}`, new Uint8Array(50_000));
    const progress: SnapshotProgress[] = [];

    const snapshot = await client.maintenance.snapshot({ onProgress: (one) => progress.push(one) });
    const { sizeBytes } = await snapshot.save(join(directory.path, "a.db"));

    expect(sizeBytes % 512).toBe(32);
    expect(sizeBytes).toBeGreaterThan(1_000_000);
    expect(progress.at(-1)).toEqual({ receivedBytes: sizeBytes, remainingBytes: 0 });
    expect(progress.length).toBeGreaterThan(3);
  }, 30_000);
});
