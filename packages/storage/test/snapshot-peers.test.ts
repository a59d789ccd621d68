import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { bytesFromLatin1, crc32c, latin1FromBytes, SeededPrng, utf8Bytes, utf8Text } from "@quorate/base";
import { type HashKvResult, Lessor, Store } from "@quorate/mvcc";
import { createDeleteRangeRequest, createPutRequest } from "@quorate/protocol";
import { BboltReader, encodeV2Store, type LevelBackend, NODE_FILE_SYSTEM, SnapFiles } from "@quorate/storage";
import { EtcdNode, findPeer, missingPeers, type PeerName, peersAreRequired, requirePeer } from "@quorate/testkit";
import { openLevel, scratch } from "./support/level-fixture.ts";
import { openMember } from "./support/member-fixture.ts";
import { writeSnapshot } from "./support/snapshot-fixture.ts";

jest.setTimeout(60_000);

const MEMBER = 0x8e9e05c52164694dn;
const CONF = { voters: [MEMBER], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const VERSIONS = [
  { version: "3.4.0", server: "etcd-3.4", ctl: "etcdctl-3.4" },
  { version: "3.5.0", server: "etcd-3.5", ctl: "etcdctl-3.5" },
] as const;

/** Runs etcdctl; returns what it prints. */
function etcdctl(ctl: PeerName, ...words: readonly string[]): string {
  return execFileSync(requirePeer(ctl), words, {
    encoding: "utf8",
    env: { ETCDCTL_API: "3" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
}

interface PeerHash {
  readonly hash: number;
  readonly compactRevision: number;
  readonly revision: number;
}

function hashOfPeer(ctl: PeerName, endpoint: string): PeerHash {
  const [answer] = JSON.parse(etcdctl(ctl, `--endpoints=${endpoint}`, "endpoint", "hashkv", "-w", "json")) as {
    HashKV: { hash: number; compact_revision: number; header: { revision: number } };
  }[];
  if (answer === undefined) throw new Error("no answer to hashkv");
  const { hash, compact_revision: compactRevision, header } = answer.HashKV;
  return { hash, compactRevision, revision: header.revision };
}

async function ourHash(backend: LevelBackend): Promise<PeerHash> {
  const store = new Store(backend);
  await new Promise<void>((resolve, reject) =>
    store.restore((error) => (error === undefined ? resolve() : reject(error))),
  );
  const result = await new Promise<HashKvResult>((resolve, reject) => {
    store.hashKv(0, (error, found) => (found === undefined ? reject(new Error(error)) : resolve(found)));
  });
  return { hash: result.hash, compactRevision: result.compactRevision, revision: result.currentRevision };
}

/** Puts, deletes, leases and a compaction that is done with, as a state machine does them, and what it keeps besides. */
async function fill(backend: LevelBackend, version: string): Promise<void> {
  const lessor = new Lessor({ minTtlSeconds: 2 }, { backend });
  const store = new Store(backend, { leases: lessor });
  const prng = new SeededPrng(version.length + Number(version[2]));
  for (let lease = 1; lease <= 20; lease++) lessor.grant(BigInt(lease) * 1000n, 3600, 0);
  for (let i = 0; i < 3000; i++) {
    const key = bytesFromLatin1(`key-${prng.below(700)}`);
    if (prng.below(5) === 0) store.deleteRange(createDeleteRangeRequest({ key }));
    else {
      const value = new Uint8Array(prng.below(100) === 0 ? 20_000 : prng.below(300)).fill(i);
      store.put(createPutRequest({ key, value, lease: prng.below(4) === 0 ? BigInt(1 + prng.below(20)) * 1000n : 0n }));
    }
    if (i % 50 === 0) backend.commit();
  }
  expect(store.compact(1800)).toBeUndefined();
  for (let steps = 0; store.compactionStep(500); steps++) {
    expect(steps).toBeLessThan(10_000);
    await backend.settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const id = MEMBER.toString(16);
  const member = `{"id":${MEMBER},"peerURLs":["http://127.0.0.1:2380"],"name":"n1","clientURLs":["http://127.0.0.1:2379"]}`;
  backend.put("members", utf8Bytes(id), utf8Bytes(member));
  backend.put("members_removed", utf8Bytes("abc"), utf8Bytes("removed"));
  backend.put("cluster", utf8Bytes("clusterVersion"), utf8Bytes(version));
  backend.commit();
}

/** A file as `snapshot save` makes it: with the digest that `snapshot restore` wants. */
function withDigest(path: string): string {
  const database = readFileSync(path);
  writeFileSync(`${path}.saved`, Buffer.concat([database, createHash("sha256").update(database).digest()]));
  return `${path}.saved`;
}

for (const { version, server, ctl } of VERSIONS) {
  const needs = [server, ctl] as const;
  const missing = missingPeers(needs);
  describe(`snapshots and ${server}`, () => {
    if (missing.length > 0) {
      it(`needs ${missing.join(", ")}`, () => {
        process.stderr.write(`skipped: snapshots and ${server} needs ${missing.join(", ")}\n`);
        expect(peersAreRequired() ? missing : []).toEqual([]);
      });
      return;
    }

    it("a file of ours is checked, restored and served by it, with the same hash", async () => {
      using directory = scratch();
      const backend = await openLevel(join(directory.path, "db"));
      await fill(backend, version);
      const path = join(directory.path, "snapshot.db");
      await writeSnapshot(path, backend.freeze(), { index: 77, term: 3, confState: CONF });
      const expected = await ourHash(backend);
      await backend.close();
      const saved = withDigest(path);
      const status = JSON.parse(etcdctl(ctl, "snapshot", "status", saved, "-w", "json")) as { revision: number };
      expect(status.revision).toBe(expected.revision);
      await using node = await EtcdNode.prepare({ program: [requirePeer(server)] });
      const peer = `http://127.0.0.1:${node.peerPort}`;
      rmSync(node.dataDirectory, { recursive: true });
      etcdctl(
        ctl,
        "snapshot",
        "restore",
        saved,
        `--data-dir=${node.dataDirectory}`,
        "--name=n1",
        `--initial-cluster=n1=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
      );
      await node.restart();
      expect(hashOfPeer(ctl, node.endpoint)).toEqual(expected);
      const lease = JSON.parse(etcdctl(ctl, `--endpoints=${node.endpoint}`, "lease", "list", "-w", "json")) as {
        leases: unknown[];
      };
      expect(lease.leases.length).toBe(20);
    });

    it("its own database is taken over, with the same hash", async () => {
      using directory = scratch();
      await using node = await EtcdNode.start({ program: [requirePeer(server)], flags: ["--snapshot-count=100"] });
      const at = `--endpoints=${node.endpoint}`;
      for (let i = 0; i < 40; i++) etcdctl(ctl, at, "put", `key${i % 15}`, "x".repeat(i * 30));
      etcdctl(ctl, at, "del", "key3");
      etcdctl(ctl, at, "put", "large", "y".repeat(100_000));
      etcdctl(ctl, at, "compaction", "20");
      etcdctl(ctl, at, "lease", "grant", "600");
      await new Promise((resolve) => setTimeout(resolve, 500));
      const expected = hashOfPeer(ctl, node.endpoint);
      await node.terminate();
      const database = join(node.dataDirectory, "member/snap/db");
      const reader = BboltReader.open(NODE_FILE_SYSTEM, database);
      expect(reader.buckets().map(({ name }) => name)).toEqual([
        "alarm",
        "auth",
        "authRoles",
        "authUsers",
        "cluster",
        "key",
        "lease",
        "members",
        "members_removed",
        "meta",
      ]);
      const meta = reader.bucket("meta");
      const applied = meta === undefined ? undefined : reader.get(meta, bytesFromLatin1("consistent_index"));
      if (applied === undefined) throw new Error("no consistent index");
      reader.close();
      const index = Number(new DataView(applied.buffer, applied.byteOffset).getBigUint64(0));
      const member = await openMember(join(directory.path, "member"));
      const path = await member.receiveSnapshot(index, createReadStream(database));
      await new Promise<void>((resolve, reject) => {
        const position = { index, term: 2, confState: CONF };
        member.installSnapshot(path, position, undefined, (error) => (error === undefined ? resolve() : reject(error)));
      });
      expect(await ourHash(member.backend)).toEqual(expected);
      expect(member.backend.newestBarrier?.revision).toBe(expected.revision);
      expect(member.backend.list("lease").length).toBe(1);
      expect(latin1FromBytes(member.backend.list("members")[0]?.value ?? new Uint8Array(0))).toContain('"name":"n1"');
      await member.close();
    });
  });
}

const old = ["etcd-3.4", "etcdctl-3.4"] as const;
describe("the old store's dump", () => {
  if (missingPeers(old).length > 0) {
    it(`needs ${missingPeers(old).join(", ")}`, () => expect(peersAreRequired()).toBe(false));
    return;
  }
  it("is where etcd 3.4 takes its members from", async () => {
    await using node = await EtcdNode.start({ program: [requirePeer("etcd-3.4")], flags: ["--snapshot-count=5"] });
    for (let i = 0; i < 30; i++) etcdctl("etcdctl-3.4", `--endpoints=${node.endpoint}`, "put", "k", String(i));
    await node.terminate();
    const files = new SnapFiles(NODE_FILE_SYSTEM, join(node.dataDirectory, "member/snap"));
    const snapshot = files.newest();
    const self = snapshot?.confState.voters[0];
    if (snapshot === undefined || self === undefined) throw new Error("no snapshot file");
    const theirs = JSON.parse(utf8Text(snapshot.data)) as { Root: { Children: Record<string, unknown> } };
    expect(Object.keys(theirs.Root.Children)).toEqual(["0", "1"]);
    const peerUrls = [`http://127.0.0.1:${node.peerPort}`];
    const clientUrls = [`http://${node.endpoint}`];
    const data = encodeV2Store({
      members: [
        { id: self, name: "renamed", peerUrls, clientUrls, isLearner: false },
        { id: 0xabcn, name: "", peerUrls: ["http://127.0.0.1:9"], clientUrls: [], isLearner: true },
      ],
      removed: [0x123n],
      clusterVersion: "3.4.0",
    });
    files.save({ ...snapshot, data });
    await node.restart();
    // What the member publishes about itself when it starts comes with the log; the other one is the dump's alone.
    const list = etcdctl("etcdctl-3.4", `--endpoints=${node.endpoint}`, "member", "list");
    expect(list).toContain(`${self.toString(16)}, started, `);
    expect(list).toMatch(/^abc, unstarted, , http:\/\/127.0.0.1:9, , true$/m);
  });
});

/** The hash that `snapshot status` prints: CRC-32C over each bucket's name, keys and values. */
function contentHash(path: string): number {
  const reader = BboltReader.open(NODE_FILE_SYSTEM, path);
  let crc = 0;
  for (const bucket of reader.buckets()) {
    crc = crc32c(crc, bytesFromLatin1(bucket.name));
    for (const records of reader.records(bucket)) {
      for (const { key, value } of records) crc = crc32c(crc32c(crc, key), value);
    }
  }
  reader.close();
  return crc;
}

describe("a snapshot file", () => {
  const etcdutl = findPeer("etcd-3.5")?.replace(/etcd$/, "etcdutl");
  if (etcdutl === undefined) {
    it("needs etcd-3.5", () => expect(peersAreRequired()).toBe(false));
    return;
  }
  it("passes etcdutl's check of every page, which finds the same content", async () => {
    using directory = scratch();
    const backend = await openLevel(join(directory.path, "db"));
    await fill(backend, "3.6.0");
    const path = join(directory.path, "snapshot.db");
    const bytes = await writeSnapshot(path, backend.freeze(), { index: 77, term: 3, confState: CONF });
    const { revision } = await ourHash(backend);
    await backend.close();
    const printed = execFileSync(etcdutl, ["snapshot", "status", withDigest(path), "-w", "json"], { encoding: "utf8" });
    expect(JSON.parse(printed)).toMatchObject({ revision, hash: contentHash(path), totalSize: bytes });
  });
});
