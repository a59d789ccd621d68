import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { EtcdNode, missingPeers, peersAreRequired, requirePeer } from "@quorate/testkit";
import { capturedRun } from "../captured-run.ts";
import { etcdctl, fillPeer, prepareQuorate, quorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(60_000);

const CTL = "etcdctl-3.5";
const ROOT = "--user=root:admin";
const ANNA = "--user=anna:secret";

/** A real etcd with authentication on: root, and anna, who may read keys from `key` to `kez`. */
async function securedEtcd(): Promise<EtcdNode> {
  const node = await EtcdNode.start({ program: [requirePeer("etcd-3.5")] });
  fillPeer(CTL, node.endpoint);
  etcdctl(CTL, node.endpoint, "user", "add", "root:admin");
  etcdctl(CTL, node.endpoint, "user", "grant-role", "root", "root");
  etcdctl(CTL, node.endpoint, "auth", "enable");
  return node;
}

/** Who may do what is as it was. */
function checkUsers(endpoint: string): void {
  const refused = (...words: readonly string[]): void => {
    expect(() => etcdctl(CTL, endpoint, ...words)).toThrow(
      /user name is empty|permission denied|authentication failed/,
    );
  };
  refused("get", "key1");
  refused(ANNA, "get", "large");
  refused(ANNA, "put", "key1", "x");
  refused("--user=anna:wrong", "get", "key1");
  expect(etcdctl(CTL, endpoint, ANNA, "get", "key1", "--print-value-only").length).toBeGreaterThan(1);
  expect(etcdctl(CTL, endpoint, ROOT, "user", "get", "anna")).toBe("User: anna\nRoles: reader\n");
  expect(etcdctl(CTL, endpoint, ROOT, "put", "key1", "x")).toBe("OK\n");
}

const missing = missingPeers(["etcd-3.5", CTL]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: users of etcd need ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("users, roles and passwords of etcd", () => {
    it("come with a snapshot", async () => {
      using directory = scratch();
      const path = join(directory.path, "saved.db");
      const etcd = await securedEtcd();
      const node = await prepareQuorate();
      try {
        etcdctl(CTL, etcd.endpoint, ROOT, "snapshot", "save", path);
        await etcd.terminate();
        rmSync(node.dataDirectory, { recursive: true });
        const urls = [`--initial-cluster=n1=${node.peerUrl}`, `--initial-advertise-peer-urls=${node.peerUrl}`];
        const run = await capturedRun([
          "snapshot",
          "restore",
          path,
          "--name=n1",
          `--data-dir=${node.dataDirectory}`,
          ...urls,
        ]);
        expect(run.code).toBe(0);
        await node.restart();
        checkUsers(node.endpoint);
      } finally {
        await node.close();
        await etcd.close();
      }
    });

    it("come with a member that is migrated, also where its log is ahead of its database", async () => {
      const etcd = await securedEtcd();
      const ports = { client: etcd.clientPort, peer: etcd.peerPort };
      const node = await EtcdNode.prepare({ program: quorate(), name: etcd.name }, ports);
      try {
        etcdctl(CTL, etcd.endpoint, ROOT, "user", "add", "late:word");
        await etcd.kill();
        const run = await capturedRun(["migrate", "--from", etcd.dataDirectory, "--data-dir", node.dataDirectory]);
        expect([run.code, run.stdout]).toEqual([0, ""]);
        await node.restart();
        checkUsers(node.endpoint);
        expect(etcdctl(CTL, node.endpoint, ROOT, "user", "list")).toBe("anna\nlate\nroot\n");
      } finally {
        await node.close();
        await etcd.close();
      }
    });
  });
}
