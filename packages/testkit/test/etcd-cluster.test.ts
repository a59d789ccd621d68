/** Clusters of real etcd members; a machine without them skips these, see peerClusters below. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";
import {
  EtcdCluster,
  findPeer,
  initialClusterOf,
  LeakCheck,
  missingPeers,
  type PeerName,
  peersAreRequired,
  requirePeer,
  waitUntil,
} from "../src/index.ts";

const run = promisify(execFile);
const NEEDS: readonly PeerName[] = ["etcd-3.4", "etcdctl-3.4", "etcd-3.5"];

/** What etcdctl prints for a command against one member; a failure rejects with its text. */
async function etcdctl(endpoint: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(requirePeer("etcdctl-3.4"), [`--endpoints=${endpoint}`, ...args], {
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  return stdout.trim();
}

/**
 * The same, repeated while the cluster has no leader, and while a member may not be added: its id hashes its URL and the
 * second, and in the second of its removal that id is taken.
 */
async function patiently(endpoint: string, ...args: readonly string[]): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await etcdctl(endpoint, ...args);
    } catch (error) {
      if (attempt === 10 || !/leader|timed out|deadline|member not found/.test(String(error))) throw error;
      await sleep(200);
    }
  }
}

const serverVersion = async (endpoint: string): Promise<string> =>
  ((await etcdctl(endpoint, "endpoint", "status")).split(", ")[2] ?? "").trim();

function clusterTests(etcd34: readonly string[], etcd35: readonly string[]): void {
  it.each([
    ["3.4 and 3.5", [etcd34, etcd35, etcd34], ["3.4.23", "3.5.30", "3.4.23"]],
    ["3.5 alone", [etcd35, etcd35, etcd35], ["3.5.30", "3.5.30", "3.5.30"]],
  ])(
    "starts %s, replicates, and goes on over kills, ends and pauses",
    async (_name, programs, versions) => {
      const leaks = new LeakCheck();
      const cluster = await EtcdCluster.start({ members: programs.map((program) => ({ program })), medium: "memory" });
      const directories = cluster.nodes.map((node) => node.dataDirectory);
      const at = (index: number): string => cluster.node(index).endpoint;
      try {
        expect(await Promise.all(cluster.endpoints.map(serverVersion))).toEqual(versions);
        await patiently(at(0), "put", "a", "1");
        expect(await patiently(at(2), "get", "a")).toBe("a\n1");

        await cluster.kill(1);
        expect(cluster.node(1).running).toBe(false);
        await patiently(at(0), "put", "a", "2");
        await cluster.restart(1);
        expect(await patiently(at(1), "get", "a")).toBe("a\n2");

        await cluster.terminate(2);
        await cluster.restart(2);
        cluster.pause(0);
        await patiently(at(1), "put", "a", "3");
        await expect(etcdctl(at(0), "--command-timeout=500ms", "get", "a")).rejects.toThrow(/deadline/);
        cluster.resume(0);
        expect(await patiently(at(0), "get", "a")).toBe("a\n3");
      } finally {
        await cluster.close();
      }
      expect(directories.map((path) => existsSync(path))).toEqual([false, false, false]);
      // Process handles close a turn after their process.
      await waitUntil(() => leaks.check().length === 0, {
        what: "no open handles",
        timeoutMs: 2000,
        detail: () => leaks.check().join(),
      });
    },
    90_000,
  );

  it("adds a member, and takes a wiped one back once it is removed and added again", async () => {
    await using cluster = await EtcdCluster.start({
      members: [{ program: etcd34 }],
      medium: "memory",
      // A majority must otherwise have been connected for five seconds.
      flags: ["--strict-reconfig-check=false"],
    });
    await etcdctl(cluster.node(0).endpoint, "put", "a", "1");
    const add = async (index: number): Promise<void> => {
      const node = cluster.node(index);
      await patiently(cluster.node(0).endpoint, "member", "add", node.name, `--peer-urls=${node.peerUrl}`);
      const founder = { name: "m0", peerURLs: [cluster.peerUrl(0)] };
      await cluster.join(index, initialClusterOf([founder, { name: "", peerURLs: [node.peerUrl] }], node));
    };

    const index = await cluster.prepareMember({ program: etcd35 });
    await add(index);
    const first = await etcdctl(cluster.node(1).endpoint, "get", "a");
    const id = (await etcdctl(cluster.node(0).endpoint, "member", "list")).match(/^(\w+), started, m1/m)?.[1] ?? "";
    await etcdctl(cluster.node(0).endpoint, "member", "remove", id);
    await cluster.wipe(index);
    const wiped = readdirSync(cluster.node(index).dataDirectory);
    await add(index);

    expect([index, first, wiped]).toEqual([1, "a\n1", []]);
    expect(await etcdctl(cluster.node(1).endpoint, "get", "a")).toBe("a\n1");
  }, 90_000);

  it("starts on the advertised URLs that it is given", async () => {
    const cluster = await EtcdCluster.prepare({
      members: [{ program: etcd34 }, { program: etcd34 }],
      medium: "memory",
      advertisePeerUrl: (_index, url) => url.replace("127.0.0.1", "localhost"),
    });
    await using _closed = cluster;
    await cluster.startAll();
    const listed = await etcdctl(cluster.node(0).endpoint, "member", "list");
    for (const node of cluster.nodes) expect(listed).toContain(`${node.name}, http://localhost:${node.peerPort}, `);
  }, 60_000);

  it("rejects and leaves nothing running when a member cannot start", async () => {
    const cluster = await EtcdCluster.prepare({
      members: [{ program: etcd34 }, { program: etcd34, flags: ["--no-such-flag"] }],
      medium: "memory",
    });
    await using _closed = cluster;
    await expect(cluster.startAll()).rejects.toThrow(/no-such-flag/);
    expect(cluster.nodes.map((node) => node.running)).toEqual([false, false]);
  }, 30_000);
}

describe("EtcdCluster", () => {
  const [etcd34, etcd35] = [findPeer("etcd-3.4"), findPeer("etcd-3.5")];
  const missing = missingPeers(NEEDS);
  if (etcd34 !== undefined && etcd35 !== undefined && missing.length === 0) clusterTests([etcd34], [etcd35]);
  else {
    it(`needs ${missing.join(", ")}`, () => {
      process.stderr.write(`skipped: EtcdCluster needs ${missing.join(", ")}\n`);
      expect(peersAreRequired() ? missing : []).toEqual([]);
    });
  }
});

describe("initialClusterOf", () => {
  it("names the starting member itself and any other that never started by a stand-in", () => {
    const members = [
      { name: "a", peerURLs: ["http://x:1", "http://x:2"] },
      { name: "", peerURLs: ["http://y:1"] },
      { name: "", peerURLs: ["http://z:1"] },
    ];
    expect(initialClusterOf(members, { name: "c", peerUrl: "http://z:1" })).toBe(
      "a=http://x:1,a=http://x:2,unstarted1=http://y:1,c=http://z:1",
    );
  });
});
