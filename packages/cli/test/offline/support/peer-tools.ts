import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EtcdNode, type EtcdNodeOptions, type PeerName, requirePeer, serverUnderTest } from "@quorate/testkit";

/** The buckets of etcd's database, in order. */
export const BUCKETS: readonly string[] = [
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
];

/** How a program ended and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory that is gone after the test. */
export function scratch(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "quorate-cli-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The program of Quorate's server. */
export function quorate(): readonly string[] {
  const program = serverUnderTest(resolve(import.meta.dirname, "../../../../.."));
  if (program === undefined) throw new Error("the server is not built; run npm run build");
  return program;
}

/** A member that is not started yet. */
export function prepareQuorate(options: Partial<EtcdNodeOptions> = {}): Promise<EtcdNode> {
  return EtcdNode.prepare({ program: quorate(), ...options });
}

/** Runs etcdctl; returns what it prints. */
export function etcdctl(ctl: PeerName, endpoint: string, ...words: readonly string[]): string {
  return execFileSync(requirePeer(ctl), [`--endpoints=${endpoint}`, ...words], {
    encoding: "utf8",
    env: { ETCDCTL_API: "3" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
}

/** Runs the etcdutl that comes with etcd 3.5. */
export function etcdutl(...words: readonly string[]): Ended {
  const program = requirePeer("etcd-3.5").replace(/etcd$/, "etcdutl");
  const { status, stderr, stdout } = spawnSync(program, words, { encoding: "utf8", timeout: 30_000 });
  return { code: status, stdout, stderr };
}

/** HashKV as a member tells it. */
export interface PeerHash {
  readonly hash: number;
  readonly compactRevision: number;
}

/** The hash of all revisions up to one, by default the newest, which is told, too. */
export function hashOfPeer(ctl: PeerName, endpoint: string, upTo = 0): PeerHash & { readonly revision: number } {
  const [answer] = JSON.parse(etcdctl(ctl, endpoint, "endpoint", "hashkv", `--rev=${upTo}`, "-w", "json")) as {
    HashKV: { hash: number; compact_revision: number; header: { revision: number } };
  }[];
  if (answer === undefined) throw new Error("no answer to hashkv");
  const { hash, compact_revision: compactRevision, header } = answer.HashKV;
  return { hash, compactRevision, revision: header.revision };
}

/** Puts, deletes, a transaction, leases, a user and a role. */
export function fillPeer(ctl: PeerName, endpoint: string): void {
  for (let i = 0; i < 30; i++) etcdctl(ctl, endpoint, "put", `key${i % 11}`, "x".repeat(i * 40));
  etcdctl(ctl, endpoint, "del", "key3");
  etcdctl(ctl, endpoint, "put", "large", "y".repeat(100_000));
  const granted = /lease ([0-9a-f]+) granted/.exec(etcdctl(ctl, endpoint, "lease", "grant", "6000"))?.[1] ?? "";
  etcdctl(ctl, endpoint, "put", `--lease=${granted}`, "leased", "z");
  etcdctl(ctl, endpoint, "role", "add", "reader");
  etcdctl(ctl, endpoint, "role", "grant-permission", "reader", "read", "key", "kez");
  etcdctl(ctl, endpoint, "user", "add", "anna:secret");
  etcdctl(ctl, endpoint, "user", "grant-role", "anna", "reader");
}
