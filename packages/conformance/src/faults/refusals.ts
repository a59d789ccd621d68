import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChildServer, EtcdCluster, EtcdNode, waitUntil } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import { Checks, type SuiteReport } from "../suite-report.ts";

const REFUSAL_TIMEOUT_MS = 20_000;
/** How long a member that must not serve is watched. */
const WATCHED_MS = 3_000;
const WILD = 2;

/**
 * Members that must not take part: one whose disk was wiped under its old ID, started as a founder and as a joiner, and one
 * that belongs to another cluster. Each must be told so, and the cluster must go on.
 */
export async function refusalSuite(program: readonly string[]): Promise<SuiteReport> {
  const checks = new Checks();
  const members = [program, program, program].map((each) => ({ program: each }));
  await using cluster = await EtcdCluster.start({ members, medium: "memory" });
  using api = new EtcdApi(cluster.endpoints[0] ?? "");
  await api.must("KV/Put", { key: Buffer.from("kept"), value: Buffer.from("kept") });
  await checks.run("wiped, as a founder", async () => {
    await cluster.wipe(WILD);
    await endsWith(checks, "wiped, as a founder", cluster.node(WILD).spawn(), /has already been bootstrapped/);
  });
  await stillServes(checks, api, "after a wiped founder");
  await checks.run("wiped, as a joiner", async () => {
    await cluster.wipe(WILD);
    const founders = cluster.nodes.map((node) => `${node.name}=${node.peerUrl}`).join(",");
    const failure = await cluster.join(WILD, founders).then(
      () => "it serves",
      (error: unknown) => String(error),
    );
    // A real etcd ends with a panic of its log instead.
    const clear = /has already been bootstrapped|Was the raft log corrupted, truncated, or lost\?/;
    checks.that("wiped, as a joiner: refused", clear.test(failure), failure.slice(-500));
  });
  await stillServes(checks, api, "after a wiped joiner");
  await checks.run("of a foreign cluster", () => foreignMember(checks, cluster, program));
  await stillServes(checks, api, "after a foreign member");
  return { suite: "refused members", figure: `${checks.count} checks`, failures: checks.failures };
}

/** A process that must end by itself, with a failure, and say why. */
async function endsWith(checks: Checks, name: string, server: ChildServer, reason: RegExp): Promise<void> {
  const exit = await server.untilExit(REFUSAL_TIMEOUT_MS);
  checks.that(`${name}: fails`, exit.code !== 0, exit);
  checks.that(`${name}: says why`, reason.test(server.log()), server.log().slice(-500));
}

/** The third member's address, taken by a member of a cluster with another token and so other IDs. */
async function foreignMember(checks: Checks, cluster: EtcdCluster, program: readonly string[]): Promise<void> {
  await cluster.kill(WILD);
  const original = cluster.node(WILD);
  const initialCluster = cluster.nodes.map((node) => `${node.name}=${node.peerUrl}`).join(",");
  await using foreign = await EtcdNode.prepare(
    {
      program,
      name: original.name,
      medium: "memory",
      flags: ["--initial-cluster-token=foreign"],
      bootstrap: () => ({ initialCluster, state: "new" }),
    },
    { client: original.clientPort, peer: original.peerPort },
  );
  const server = foreign.spawn();
  const told = (): boolean =>
    /cluster ID mismatch/.test(server.log()) &&
    /cluster ID mismatch/.test(readFileSync(cluster.node(0).logFile, "latin1"));
  await waitUntil(told, { what: "both sides to name the mismatch", timeoutMs: REFUSAL_TIMEOUT_MS });
  await sleep(WATCHED_MS);
  using api = new EtcdApi(original.endpoint);
  const answer = await api.call("KV/Range", { key: Buffer.from("kept") }, WATCHED_MS);
  checks.that("of a foreign cluster: answers nothing", !answer.ok, answer);
}

/** A write goes through, at once or when there is a leader again: the member taken away may have been it. */
async function stillServes(checks: Checks, api: EtcdApi, when: string): Promise<void> {
  const put = { key: Buffer.from("kept"), value: Buffer.from(when) };
  const wrote = async (): Promise<boolean> => (await api.call("KV/Put", put)).ok;
  await checks.run(`the others go on ${when}`, async () => {
    await waitUntil(wrote, { what: "a write", timeoutMs: REFUSAL_TIMEOUT_MS });
    checks.that("the others go on", true);
  });
}
