import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "@jest/globals";
import type { Logger } from "@quorate/base";
import {
  EtcdNode,
  findPeer,
  freePorts,
  type PeerName,
  peersAreRequired,
  requirePeer,
  waitUntil,
} from "@quorate/testkit";
import { PeerClient } from "../../src/node/peer/index.ts";
import { foundation, RaftPeer } from "./support/raft-peer.ts";

/**
 * Our transport and raft core as a member of real clusters. The other members are real etcd; they accept whatever we send
 * without a word in their logs, elect with us, follow us and lead us.
 */
const run = promisify(execFile);
const TOKEN = "etcd-cluster";
const nodes: EtcdNode[] = [];

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()));
});

function recorder(lines: string[]): Logger {
  const line = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${Object.values(fields ?? {}).join(" ")}`);
  const logger: Logger = {
    debug: () => {},
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: () => logger,
  };
  return logger;
}

async function etcdctl(endpoint: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(
    requirePeer("etcdctl-3.4"),
    ["--command-timeout=10s", `--endpoints=${endpoint}`, ...parameters],
    {
      env: { ...process.env, ETCDCTL_API: "3" },
    },
  );
  return stdout;
}

/** Warnings that are about the etcd itself, or true: we are of a newer release, and the machine may be slow. */
const HARMLESS =
  /simple token is not|on single port|established TCP streaming|higher-versioned member|took too long|slow|overload|lost leader|leader changed|exceeded/;

/** What an etcd complains about, which had better be nothing that we did. */
function complaints(node: EtcdNode): readonly string[] {
  return readFileSync(node.logFile, "utf8")
    .split("\n")
    .filter((line) => /"level":"(?:warn|error|dpanic|fatal|panic)"/.test(line) && !HARMLESS.test(line));
}

async function put(node: EtcdNode, key: string, value: string): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const response = await fetch(`http://${node.endpoint}/v3/kv/put`, {
    method: "POST",
    body: JSON.stringify({ key: base64(key), value: base64(value) }),
  });
  expect(await response.text()).toContain("revision");
}

async function putMany(node: EtcdNode, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, j) => put(node, `many${j}`, "v")));
  }
}

function has(peer: RaftPeer, text: string): boolean {
  return peer.committed.some(({ data }) => Buffer.from(data).includes(text));
}

async function cluster(
  name: PeerName,
  etcds: number,
  serverVersion: string,
): Promise<{ peer: RaftPeer; log: string[]; etcds: EtcdNode[] }> {
  const [port = 0] = await freePorts(1);
  const founders = [{ name: "ours", peerUrl: `http://127.0.0.1:${port}` }];
  const made: EtcdNode[] = [];
  const initialCluster = (): string => founders.map((founder) => `${founder.name}=${founder.peerUrl}`).join(",");
  for (let i = 0; i < etcds; i++) {
    const node = await EtcdNode.prepare({
      program: [requirePeer(name)],
      name: `e${i}`,
      bootstrap: () => ({ initialCluster: initialCluster(), state: "new" }),
      readyTimeoutMs: 30_000,
      flags: ["--snapshot-count=50"],
    });
    nodes.push(node);
    made.push(node);
    founders.push({ name: `e${i}`, peerUrl: node.peerUrl });
  }
  const { clusterId, members } = foundation(founders, TOKEN);
  const log: string[] = [];
  const id = members[0]?.id ?? 0n;
  const peer = await RaftPeer.start(
    { id, clusterId, members, founds: true, serverVersion, logger: recorder(log) },
    port,
  );
  await Promise.all(made.map((node) => node.restart()));
  return { peer, log, etcds: made };
}

const releases = ["etcd-3.4", "etcd-3.5"] as const;

for (const name of releases) {
  const isHere = findPeer(name) !== undefined || peersAreRequired();
  (isHere ? describe : describe.skip)(`real ${name} members and one of ours`, () => {
    it("found a cluster, elect, replicate, lead in turn, and go on without one of the etcds", async () => {
      const { peer, log, etcds } = await cluster(name, 2, "3.7.1");
      await using _ = peer;
      const [first, second] = etcds as [EtcdNode, EtcdNode];
      const detail = (): string => log.join("\n");

      for (let i = 0; i < 20; i++) await put(first, `k${i}`, `value-${i}-${"x".repeat(1000)}`);
      await waitUntil(() => has(peer, "value-19-"), { what: "20 puts to arrive", timeoutMs: 10_000, detail });
      expect(Array.from({ length: 20 }, (_, i) => has(peer, `value-${i}-`))).toEqual(
        Array.from({ length: 20 }, () => true),
      );
      expect(await etcdctl(first.endpoint, "member", "list")).toContain(peer.node.id.toString(16));

      // We lead: their proposals and reads come to us, our appends and heartbeats go to them.
      peer.node.transferLeader(peer.node.id);
      peer.process();
      await waitUntil(() => peer.node.role === "leader", { what: "our leadership", timeoutMs: 10_000, detail });
      for (let i = 0; i < 20; i++) await put(second, `l${i}`, `led-${i}-`);
      expect(await etcdctl(first.endpoint, "get", "l19")).toContain("led-19-");
      expect(peer.node.role).toBe("leader");
      expect([complaints(first), complaints(second)]).toEqual([[], []]);

      await second.kill();
      await put(first, "after", "the-loss");
      await waitUntil(() => has(peer, "the-loss"), { what: "the write to arrive", timeoutMs: 5000, detail });
      expect(log.filter((line) => line.startsWith("error"))).toEqual([]);
      expect(
        complaints(first).filter((line) => !line.includes(second.peerUrl) && !/stream|peer|prober|version/.test(line)),
      ).toEqual([]);
    }, 90_000);

    it("take us as learner by a snapshot, promote us, count our vote, and remove us", async () => {
      // 3.4 keeps its newest 5000 entries for laggards, come what may.
      const isOld = name === "etcd-3.4";
      const kept = isOld ? [] : ["--experimental-snapshot-catchup-entries=10"];
      const node = await EtcdNode.prepare({
        program: [requirePeer(name)],
        medium: "memory",
        flags: ["--snapshot-count=50", ...kept],
      });
      nodes.push(node);
      await node.restart();
      const writes = isOld ? 5300 : 300;
      await putMany(node, writes);
      const [port = 0] = await freePorts(1);
      const url = `http://127.0.0.1:${port}`;
      await etcdctl(node.endpoint, "member", "add", "ours", "--learner", `--peer-urls=${url}`);
      const { clusterId, members } = await new PeerClient(undefined).getMembers(node.peerUrl, 5000);
      const id = members.find(({ peerUrls }) => peerUrls[0] === url)?.id ?? 0n;

      const log: string[] = [];
      const options = { id, clusterId, members, founds: false, serverVersion: "3.7.1", logger: recorder(log) };
      await using peer = await RaftPeer.start(options, port);
      const detail = (): string => `${log.join("\n")}\n${complaints(node).join("\n")}`;
      await waitUntil(() => peer.snapshots.length > 0, { what: "a snapshot", timeoutMs: 20_000, detail });
      await put(node, "to", "the-learner");
      await waitUntil(() => has(peer, "the-learner"), { what: "the write to arrive", timeoutMs: 10_000, detail });
      expect(peer.snapshots).toEqual([{ index: expect.any(Number), bytes: expect.any(Number) }]);
      expect(peer.snapshots[0]?.index).toBeGreaterThan(writes);
      expect(peer.snapshots[0]?.bytes).toBeGreaterThan(16_384);

      await etcdctl(node.endpoint, "member", "promote", id.toString(16));
      await waitUntil(() => peer.node.confState.voters.includes(id), {
        what: "the promotion",
        timeoutMs: 5000,
        detail,
      });
      // Two voters: without us nothing is committed.
      await put(node, "with", "our-vote");
      await waitUntil(() => has(peer, "our-vote"), { what: "the write to arrive", timeoutMs: 5000, detail });
      expect(complaints(node)).toEqual([]);

      // Etcd wants to have known us for five seconds first.
      const remove = (): Promise<string> => etcdctl(node.endpoint, "member", "remove", id.toString(16));
      const isRemoved = (): Promise<boolean> =>
        remove().then(
          () => true,
          () => false,
        );
      await waitUntil(isRemoved, { what: "the removal", timeoutMs: 15_000, detail });
      await waitUntil(() => peer.test.timesRemoved > 0, { what: "word of our removal", timeoutMs: 10_000, detail });
    }, 90_000);
  });
}
