import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdClient } from "@quorate/client";
import { EtcdCluster, EtcdNode, findPeer, peersAreRequired, TestAuthority, temporaryDirectory } from "@quorate/testkit";
import { AGENT_VARIABLES, type AgentResult, type Manifest } from "../../../src/core/index.ts";
import { DirectoryStore } from "../../../src/node/snapshots/agent/directory-store.ts";
import { readManifest } from "../../../src/node/snapshots/agent/fetch-artifact.ts";
import { CLUSTER, PROGRAMS, runTask, snapshotTask, verifyTask } from "./agent-run.ts";
import { KEYS, type S3Server, startS3Server } from "./s3-server.ts";

// The agent's whole work with real servers: a cluster of three with TLS, a server of S3's protocol, quoratectl, an ephemeral server.

const ROOT = temporaryDirectory("quorate-agent-");
const S3_ENV = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey };

let cluster: EtcdCluster;
let s3: S3Server;
let tlsEnv: Record<string, string>;
let client: EtcdClient;
let runs = 0;

beforeAll(async () => {
  const authority = await TestAuthority.create(ROOT.path);
  const server = await authority.issue("server");
  const user = await authority.issue("client");
  const tls = join(ROOT.path, "tls");
  await writeFiles(tls, { "ca.crt": authority.certificate, "tls.crt": user.certificate, "tls.key": user.key });
  tlsEnv = { [AGENT_VARIABLES.clientTls]: tls };
  cluster = await EtcdCluster.start({
    members: [{ program: [PROGRAMS.server] }, { program: [PROGRAMS.server] }, { program: [PROGRAMS.server] }],
    clientTls: {
      certFile: server.certFile,
      keyFile: server.keyFile,
      trustedCaFile: authority.caFile,
      clientCertAuth: true,
    },
    medium: "memory",
  });
  s3 = await startS3Server(join(ROOT.path, "s3"), { checksums: true });
  client = new EtcdClient({
    endpoints: cluster.nodes.map((node) => node.clientUrl),
    tls: { ca: authority.certificate, cert: user.certificate, key: user.key },
  });
  await fill(client, 3000);
}, 120_000);

afterAll(async () => {
  await client.close();
  await cluster.close();
  await s3[Symbol.asyncDispose]();
  ROOT.remove();
});

async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}

/** Keys that do not compress well, some of them overwritten and some deleted, with a compaction in between. */
async function fill(to: EtcdClient, count: number): Promise<void> {
  for (let i = 0; i < count; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, j) => to.kv.put(`key/${(i + j) % 700}`, `${i + j}`.repeat(40))));
  }
  const { header } = await to.kv.delete("key/13");
  await to.kv.compact(header.revision - 100);
}

function members(nodes: readonly EtcdNode[] = cluster.nodes): { name: string; clientUrl: string }[] {
  return nodes.map((node) => ({ name: node.name, clientUrl: node.clientUrl }));
}

function directory(): string {
  runs += 1;
  return join(ROOT.path, `run-${runs}`);
}

function inBucket(prefix: string) {
  return {
    s3: { bucket: s3.bucket, prefix, endpoint: s3.endpoint, region: "us-east-1", pathStyle: true },
  };
}

async function claim(): Promise<{ directory: string; env: Record<string, string>; store: DirectoryStore }> {
  const place = join(directory(), "claim");
  await writeFiles(place, {});
  return { directory: place, env: { QUORATE_STORE_DIRECTORY: place }, store: new DirectoryStore(place) };
}

const IN_CLAIM = { pvc: { claimName: "backups" } };

function manifestIn(result: AgentResult): Manifest {
  if (!result.ok || result.kind !== "snapshot") throw new Error(JSON.stringify(result));
  return result.manifest;
}

describe("the agent's snapshot", () => {
  it("of a follower, over TLS into a bucket, restored and hashed before it counts", async () => {
    const destination = inBucket("fleet");

    const { exitCode, result, lines } = await runTask(snapshotTask({ members: members(), destination }), directory(), {
      ...S3_ENV,
      ...tlsEnv,
    });

    expect({ exitCode, lines }).toMatchObject({ exitCode: 0 });
    const manifest = manifestIn(result);
    const { header } = await client.kv.get("key/1");
    expect(manifest).toMatchObject({
      formatVersion: 1,
      backup: { name: "demo-now", uid: "b-1" },
      cluster: { ...CLUSTER, authEnabled: false, alarms: [] },
      member: { role: "Follower" },
      revision: String(header.revision),
      compactRevision: String(header.revision - 100),
      totalKeys: expect.any(Number),
      compression: "Gzip",
      verification: { level: "Restore", restoredRevision: String(header.revision) },
    });
    expect(manifest.hashKV).toMatch(/^[0-9]+$/);
    expect(manifest.storedSizeBytes).toBeLessThan(manifest.sizeBytes);
    // The length of a snapshot of etcd's: pages, and a digest.
    expect(manifest.sizeBytes % 512).toBe(32);
    expect(manifest.key).toMatch(/^default\/demo\/0a1b2c3d\/\d{8}T\d{6}Z-\d+-[0-9a-f]{8}\.db\.gz$/);
    // The manifest is the last thing written.
    const writes = s3.requests.filter((line) => line.startsWith("PUT"));
    expect(writes.at(-1)).toContain(".manifest.json");
  }, 120_000);

  it.each(["None", "Gzip"] as const)(
    "of the leader into a claim, compression %s, opened",
    async (compression) => {
      const place = await claim();

      const { result } = await runTask(
        snapshotTask({ members: members(), destination: IN_CLAIM, source: "Leader", compression, level: "Open" }),
        directory(),
        { ...place.env, ...tlsEnv },
      );

      const manifest = manifestIn(result);
      expect(manifest.member.role).toBe("Leader");
      expect(await readManifest(place.store, manifest.key)).toEqual(manifest);
    },
    120_000,
  );

  it("is not taken twice for one backup: a Job that was started again finds what is there", async () => {
    const place = await claim();
    const task = snapshotTask({ members: members(), destination: IN_CLAIM, level: "Open" });
    const first = await runTask(task, directory(), { ...place.env, ...tlsEnv });

    const second = await runTask(task, directory(), { ...place.env, ...tlsEnv });

    expect(second.result).toEqual(first.result);
    expect((await place.store.list("default/")).length).toBe(2);
  }, 120_000);

  it("is taken from the leader if no follower answers, with a note", async () => {
    const place = await claim();
    const leader = await leaderOf(cluster);
    const away = { name: "gone", clientUrl: "https://127.0.0.1:1" };

    const { result } = await runTask(
      snapshotTask({ members: [away, ...members([leader])], destination: IN_CLAIM, level: "Digest" }),
      directory(),
      { ...place.env, ...tlsEnv },
    );

    expect(result).toMatchObject({ ok: true, note: "taken from the leader: no follower could be taken" });
  }, 120_000);

  it.each<[string, () => object, string]>([
    [
      "members that do not answer",
      () => ({ members: [{ name: "gone", clientUrl: "https://127.0.0.1:1" }] }),
      "NoHealthyMember",
    ],
    ["a member of another cluster", () => ({ clusterId: "abc" }), "NoHealthyMember"],
    ["no members", () => ({ members: [] }), "NoHealthyMember"],
  ])(
    "of %s fails, and says why",
    async (_what, fields, reason) => {
      const place = await claim();
      const task = snapshotTask({ members: members(), destination: IN_CLAIM, ...fields() });

      const { exitCode, result } = await runTask(task, directory(), { ...place.env, ...tlsEnv });

      expect({ exitCode, result }).toMatchObject({ exitCode: 1, result: { ok: false, reason } });
      expect(await place.store.list("default/")).toEqual([]);
    },
    120_000,
  );

  it("does not store a thing for keys that the store refuses", async () => {
    const env = { ...S3_ENV, AWS_SECRET_ACCESS_KEY: "wrong", ...tlsEnv };

    const { result } = await runTask(
      snapshotTask({ members: members(), destination: inBucket("x") }),
      directory(),
      env,
    );

    expect(result).toMatchObject({ ok: false, reason: "DestinationForbidden" });
  }, 120_000);

  it("leaves no artifact when the store gives back other bytes than it took", async () => {
    const destination = inBucket("rotten");
    let isRotten = false;
    s3.disturb = (method, url) => {
      // The first read of the artifact finds a byte changed on the disk of the store.
      if (method === "GET" && url.endsWith(".db.gz") && !isRotten) {
        isRotten = true;
        flipByte(join(ROOT.path, "s3"), ".db.gz");
      }
      return undefined;
    };

    const { result } = await runTask(snapshotTask({ members: members(), destination, level: "Open" }), directory(), {
      ...S3_ENV,
      ...tlsEnv,
    });

    s3.disturb = undefined;
    expect(result).toMatchObject({ ok: false, reason: "DigestMismatch" });
    expect(filesBelow(join(ROOT.path, "s3"), "rotten").filter((name) => name.includes(".db"))).toEqual([]);
  }, 120_000);

  it("ends in time, whatever hangs", async () => {
    const stop = new AbortController();
    s3.disturb = (_method, url) => {
      if (url.includes(".db.gz")) stop.abort();
      return undefined;
    };

    const { result } = await runTask(
      snapshotTask({ members: members(), destination: inBucket("late") }),
      directory(),
      { ...S3_ENV, ...tlsEnv },
      stop.signal,
    );

    s3.disturb = undefined;
    expect(result).toMatchObject({ ok: false, reason: "Timeout" });
  }, 120_000);
});

describe("the agent's drill", () => {
  it("passes for what is whole, and tells how long a restore takes", async () => {
    const destination = inBucket("drill");
    const env = { ...S3_ENV, ...tlsEnv };
    const { key, revision, sha256 } = manifestIn(
      (await runTask(snapshotTask({ members: members(), destination, level: "Digest" }), directory(), env)).result,
    );

    const { result } = await runTask(verifyTask({ destination, key, sha256 }), directory(), env);

    expect(result).toMatchObject({ ok: true, kind: "verify", level: "Restore", revision, restoredRevision: revision });
  }, 120_000);

  it("finds an object that was corrupted in the store later", async () => {
    const destination = inBucket("corrupt");
    const env = { ...S3_ENV, ...tlsEnv };
    const { key } = manifestIn(
      (await runTask(snapshotTask({ members: members(), destination, level: "Restore" }), directory(), env)).result,
    );
    flipByte(join(ROOT.path, "s3"), "corrupt");

    const { exitCode, result } = await runTask(verifyTask({ destination, key }), directory(), env);

    expect({ exitCode, result }).toMatchObject({ exitCode: 1, result: { ok: false, reason: "DigestMismatch" } });
  }, 120_000);

  it("finds that the keys are others than the living cluster had", async () => {
    const place = await claim();
    const taken = await runTask(
      snapshotTask({ members: members(), destination: IN_CLAIM, level: "Open" }),
      directory(),
      { ...place.env, ...tlsEnv },
    );
    const manifest = manifestIn(taken.result);
    const path = join(place.directory, `${manifest.key}.manifest.json`);
    const hashKV = String((Number(manifest.hashKV) + 1) % 2 ** 32);
    writeFileSync(path, JSON.stringify({ ...manifest, hashKV }));

    const { result } = await runTask(verifyTask({ destination: IN_CLAIM, key: manifest.key }), directory(), place.env);

    expect(result).toMatchObject({ ok: false, reason: "HashMismatch" });
  }, 120_000);
});

const ETCD = findPeer("etcd-3.5");
const describeWithEtcd = ETCD === undefined && !peersAreRequired() ? describe.skip : describe;

describeWithEtcd("the agent with etcd 3.5", () => {
  it("takes a snapshot, restores it into a server of ours, and the hashes agree", async () => {
    await using node = await EtcdNode.start({ program: [ETCD ?? ""], medium: "memory" });
    const etcd = new EtcdClient({ endpoints: node.clientUrl });
    await fill(etcd, 1000);
    const place = await claim();

    const { result, lines } = await runTask(
      snapshotTask({ members: members([node]), destination: IN_CLAIM }),
      directory(),
      place.env,
    );

    const { header } = await etcd.kv.get("key/1");
    await etcd.close();
    expect({ lines, result }).toMatchObject({
      result: {
        ok: true,
        note: "taken from the leader: no follower could be taken",
        manifest: {
          revision: String(header.revision),
          verification: { level: "Restore", restoredRevision: String(header.revision) },
        },
      },
    });
    expect(manifestIn(result).member.version).toMatch(/^3\.5\./);
  }, 120_000);
});

describe("the agent without a quorum", () => {
  it("takes nothing from a survivor", async () => {
    await using lonely = await EtcdCluster.start({
      members: [{ program: [PROGRAMS.server] }, { program: [PROGRAMS.server] }, { program: [PROGRAMS.server] }],
      medium: "memory",
    });
    await lonely.kill(0);
    await lonely.kill(1);
    const place = await claim();

    const { result } = await runTask(
      snapshotTask({ members: members(lonely.nodes), destination: IN_CLAIM }),
      directory(),
      place.env,
    );

    expect(result).toMatchObject({ ok: false, reason: "NoQuorum" });
    expect(await place.store.list("default/")).toEqual([]);
  }, 120_000);
});

async function leaderOf(of: EtcdCluster): Promise<EtcdNode> {
  for (const node of of.nodes) {
    const { leader, header } = await client.maintenance.status({ endpoint: node.clientUrl });
    if (leader === header.memberId) return node;
  }
  throw new Error("no leader");
}

function filesBelow(root: string, part: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(part));
}

/** Changes one byte in the middle of the only object whose name has this part. */
function flipByte(root: string, part: string): void {
  const names = filesBelow(root, part).filter((name) => name.endsWith("_object") && !name.includes("manifest"));
  const path = join(root, names.at(-1) ?? "");
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
