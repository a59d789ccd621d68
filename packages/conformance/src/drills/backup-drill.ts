import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EtcdCluster, initialClusterOf } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import type { Checks } from "../suite-report.ts";
import type { SecureCluster } from "./secure-cluster.ts";
import type { Shell } from "./shell.ts";

const SCRIPT = join(REPOSITORY_ROOT, "docs", "backup.sh");
const RUNS = 4;
const COPIES = 2;

interface HashOfKeys {
  readonly HashKV: { readonly hash: number; readonly hash_revision: number };
}

/**
 * The backup script of the documents, called as a schedule calls it while the cluster is written to; then what its newest copy holds,
 * restored for each member of a new cluster.
 */
export async function backupDrill(cluster: SecureCluster, checks: Checks): Promise<void> {
  const { shell } = cluster;
  await shell.must("for i in 1 2 3 4 5 6 7 8; do etcdctl put backup/$i value-$i; done");
  await shell.must("quoratectl lease grant 3600 | awk '{print $2}' > lease");
  await shell.must("quoratectl put backup/leased x --lease=$(cat lease); quoratectl del backup/1");
  const made: string[] = [];
  for (let run = 1; run <= RUNS; run++) {
    await shell.must(`quoratectl put backup/run ${run}`);
    made.push(await shell.must(`sh '${SCRIPT}' copies ${COPIES}`));
  }
  const newest = made.slice(-COPIES);
  checks.equal("copies kept", readdirSync(join(shell.directory, "copies")).sort().map(inCopies), newest);
  const readable = newest.filter((file) => (statSync(join(shell.directory, file)).mode & 0o077) !== 0);
  checks.equal("copies that others may read", readable, []);
  await Promise.all([
    checks.run("no member", () => nothingLost(shell, checks)),
    checks.run("a damaged copy", () => damaged(shell, checks, newest[0] ?? "")),
    checks.run("restore", () => restore(cluster, checks, newest.at(-1) ?? "")),
  ]);
}

/** A backup that fails removes no copy. */
async function nothingLost(shell: Shell, checks: Checks): Promise<void> {
  const before = readdirSync(join(shell.directory, "copies"));
  const ran = await shell.run(`ETCDCTL_ENDPOINTS=https://127.0.0.1:1 sh '${SCRIPT}' copies 1`);
  checks.that("fails without a member", ran.code === 1 && ran.errors.includes("no member gave a snapshot"), ran);
  checks.equal("and removes nothing", readdirSync(join(shell.directory, "copies")), before);
}

/** One bit is enough. */
async function damaged(shell: Shell, checks: Checks, file: string): Promise<void> {
  const bytes = readFileSync(join(shell.directory, file));
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(join(shell.directory, "damaged.db"), bytes);
  const ran = await shell.run("quoratectl snapshot restore damaged.db --data-dir restored");
  checks.that("is not restored", ran.code !== 0 && ran.errors.trim() !== "", ran);
  checks.that("and leaves nothing", !readdirSync(shell.directory).includes("restored"));
}

async function restore(cluster: SecureCluster, checks: Checks, file: string): Promise<void> {
  const { shell } = cluster;
  const saved = JSON.parse(await shell.must(`quoratectl snapshot status '${file}' -w json`)) as { revision: number };
  await shell.must("quoratectl put backup/after-the-copy lost; quoratectl del backup/2");
  await using another = await cluster.prepareAnother();
  using restoredShell = cluster.shellFor(another);
  await Promise.all(another.nodes.map((_, index) => restoreMember(shell, another, index, file)));
  await another.startAll();

  const asked = `endpoint hashkv --rev=${saved.revision} -w json`;
  const hashes = [shell, restoredShell].map(async (each) => JSON.parse(await each.must(`quoratectl ${asked}`)));
  const all = (await Promise.all(hashes)).flat() as readonly HashOfKeys[];
  checks.equal("members whose hash was told", all.length, 2 * another.nodes.length);
  checks.equal("different hashes", new Set(all.map(({ HashKV }) => HashKV.hash)).size, 1);
  const keys = "quoratectl get backup/ --prefix";
  const old = await shell.must(`${keys} --rev=${saved.revision}`);
  checks.equal("keys and values", await restoredShell.must(keys), old);
  checks.that("with the last one written before", old.includes(`backup/run\n${RUNS}`), old);
  const lease = await shell.must("cat lease");
  const alive = await restoredShell.must(`quoratectl lease timetolive ${lease} --keys`);
  checks.that("a lease with its key", alive.includes("backup/leased"), alive);
  checks.equal("members", await restoredShell.must("etcdctl member list | wc -l"), String(another.nodes.length));
  checks.equal("writable", await restoredShell.must("etcdctl put backup/new x"), "OK");
}

async function restoreMember(shell: Shell, cluster: EtcdCluster, index: number, file: string): Promise<void> {
  const { dataDirectory, name, peerUrl } = cluster.node(index);
  const members = cluster.nodes.map((node) => ({ name: node.name, peerURLs: [node.peerUrl] }));
  await shell.must(
    `quoratectl snapshot restore '${file}' --name ${name} --data-dir '${dataDirectory}' \\
      --initial-advertise-peer-urls ${peerUrl} --initial-cluster ${initialClusterOf(members)}`,
  );
}

function inCopies(name: string): string {
  return join("copies", name);
}
