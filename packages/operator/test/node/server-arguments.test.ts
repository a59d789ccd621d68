import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { ChildServer, findPeer, freePorts, serverUnderTest, temporaryDirectory } from "@quorate/testkit";
import {
  authorityRequest,
  type ClusterSettings,
  clientRequest,
  type EtcdClusterSpecInput,
  type KeyPair,
  memberRequest,
  serverArguments,
} from "../../src/core/index.ts";
import { ClientEtcdApi } from "../../src/node/etcd/index.ts";
import { X509CertificateMaker } from "../../src/node/pki/index.ts";
import { settingsOf } from "../core/manifests/sample-cluster.ts";

// The flags that the operator writes are taken by the servers it runs: each is started with them, with certificates of the operator's
// making, and asked with the operator's own credentials. Host names, ports and paths of a Pod are replaced by those of this machine.

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const ETCD = findPeer("etcd-3.5");
const HOST = "c-1.c-peers.ns.svc";

const TUNED: EtcdClusterSpecInput = {
  config: {
    snapshotCount: 5000,
    autoCompaction: { mode: "Revision", retention: "1000" },
    extraArgs: { "max-wals": "3" },
  },
  metrics: { level: "Extensive" },
};
const PLAIN: EtcdClusterSpecInput = {
  config: { autoCompaction: { mode: "Disabled" } },
  tls: { client: { mode: "Disabled" }, peer: { mode: "Disabled" } },
};

const CASES: readonly (readonly [string, readonly string[] | undefined, EtcdClusterSpecInput])[] = [
  ["quorate", serverUnderTest(ROOT), TUNED],
  ["quorate without TLS", serverUnderTest(ROOT), PLAIN],
  ["etcd 3.5", ETCD === undefined ? undefined : [ETCD], { ...TUNED, version: "3.5.30" }],
  ["etcd 3.5 without TLS", ETCD === undefined ? undefined : [ETCD], { ...PLAIN, version: "3.5.30" }],
];

describe("serverArguments", () => {
  it.each(CASES.filter(([, program]) => program !== undefined))(
    "are flags that the server takes: %s",
    async (_name, program = [], spec) => {
      const settings = settingsOf(spec);
      const directory = temporaryDirectory("quorate-operator-args-");
      const [client = 0, peer = 0, metrics = 0] = await freePorts(3);
      const operator = await writeCertificates(settings, join(directory.path, "tls"));
      const initialCluster = `c-1=${settings.hasPeerTls ? "https" : "http"}://${HOST}:2380`;
      const start = { clusterState: "new" as const, initialCluster, forceEpoch: undefined, mustHaveData: false };
      const args = serverArguments(settings, "c-1", start).map((arg) =>
        arg
          .replaceAll(HOST, "localhost")
          .replaceAll(":2379", `:${client}`)
          .replaceAll(":2380", `:${peer}`)
          .replaceAll(":2381", `:${metrics}`)
          .replaceAll("0.0.0.0", "127.0.0.1")
          .replaceAll("/etc/etcd/tls", join(directory.path, "tls"))
          .replaceAll("/var/lib/etcd", directory.path),
      );
      const server = ChildServer.spawn({
        command: [...program, ...args],
        logFile: join(directory.path, "log"),
        ready: /ready to serve client requests/,
        readyTimeoutMs: 60_000,
        env: {},
      });
      const api = new ClientEtcdApi({ clock: { nowMs: () => 0, wallMs: () => 0 } });
      try {
        await server.untilReady();
        const url = `${settings.hasClientTls ? "https" : "http"}://localhost:${client}`;

        const status = await api.member(url, operator).status();
        const ready = await fetch(`http://127.0.0.1:${metrics}/readyz`);
        const live = await fetch(`http://127.0.0.1:${metrics}/livez`);

        expect(status.leaderId).toBe(status.memberId);
        expect([ready.status, live.status]).toEqual([200, 200]);
      } finally {
        await api.close();
        await server.kill();
        directory.remove();
      }
    },
    120_000,
  );
});

async function writeCertificates(settings: ClusterSettings, directory: string) {
  const maker = new X509CertificateMaker();
  const nowMs = Date.now();
  mkdirSync(directory);
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const authorities: Record<string, KeyPair> = {};
  for (const [purpose, [prefix, leaf]] of Object.entries({ client: ["", "tls"], peer: ["peer-", "peer"] } as const)) {
    const authority = await maker.createAuthority(authorityRequest(settings, purpose as "client" | "peer", nowMs));
    const pair = await maker.issue(authority, memberRequest(settings, "c-1", nowMs));
    write(`${prefix}ca.crt`, authority.certPem);
    write(`${leaf}.crt`, pair.certPem);
    write(`${leaf}.key`, pair.keyPem);
    authorities[purpose] = authority;
  }
  const authority = authorities["client"];
  if (!settings.hasClientTls || authority === undefined) return undefined;
  const { certPem, keyPem } = await maker.issue(authority, clientRequest(settings, "root", nowMs));
  return { caPem: authority.certPem, certPem, keyPem };
}
