import { waitUntil } from "@quorate/testkit";
import type { Checks } from "../suite-report.ts";
import type { SecureCluster } from "./secure-cluster.ts";

/** Refusals come after 7 s for writes and twice that for reads at most; the rest is for a tool's start on a loaded machine. */
const REFUSED_MS = 17_000;
const NO_MAJORITY = /etcdserver: (?:request timed out|no leader|leader changed)/;
const SERVED_MS = 5_000;
const BACK_MS = 30_000;

/** Two of three members stop: what the last one still does, and that the cluster is whole again once one is back. */
export async function quorumDrill({ members, shell }: SecureCluster, checks: Checks): Promise<void> {
  const [first, ...others] = members.nodes;
  // Tools refuse a flag beside its variable.
  const at = `ETCDCTL_ENDPOINTS=${first?.clientUrl ?? ""}`;
  const asked = `curl -sS --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" ${first?.clientUrl ?? ""}`;
  await shell.must("quoratectl put quorum before");
  // One is killed; the other, perhaps the leader then, would hand over if there were anybody to hand over to.
  for (const [index, node] of others.entries()) await (index === 0 ? node.kill() : node.terminate());

  const refused = async (command: string, code: number, why: RegExp): Promise<void> => {
    const ran = await shell.run(command);
    checks.that(`${command}: is refused`, ran.code === code && why.test(ran.output + ran.errors), ran);
    checks.that(`${command}: in bounded time`, ran.milliseconds < REFUSED_MS, ran);
  };
  await Promise.all([
    refused(`${at} quoratectl --command-timeout=20s put quorum during`, 1, NO_MAJORITY),
    refused(`${at} etcdctl --command-timeout=20s put quorum during`, 1, NO_MAJORITY),
    // Clients try reads again until their own time is over; what the member says is seen without one.
    refused(`${at} quoratectl get quorum`, 1, /context deadline exceeded/),
    refused(`${at} etcdctl-3.4 get quorum`, 1, /context deadline exceeded/),
    refused(`${at} quoratectl endpoint health`, 1, /is unhealthy/),
    refused(`${asked}/v3/kv/range -d '{"key":"cXVvcnVt"}'`, 0, NO_MAJORITY),
    refused(`${asked}/v3/kv/put -d '{"key":"cXVvcnVt"}'`, 0, NO_MAJORITY),
    refused(`${asked}/health`, 0, /"health":"false"/),
  ]);

  for (const tool of ["quoratectl", "etcdctl", "etcdctl-3.4"]) {
    const served = await shell.run(`${at} ${tool} get quorum --consistency=s --print-value-only`);
    checks.equal(`a serializable read of ${tool}`, [served.code, served.output.trim()], [0, "before"]);
    checks.that(`a serializable read of ${tool}: at once`, served.milliseconds < SERVED_MS, served);
  }
  const status = await shell.must(`${at} quoratectl endpoint status -w json | jq -c '.[0].Status.leader // 0'`);
  checks.equal("nobody leads", status, "0");

  await members.restart(1);
  await waitUntil(async () => (await shell.run(`${at} quoratectl put quorum after`)).code === 0, {
    what: "a put with two of three members",
    timeoutMs: BACK_MS,
  });
  checks.equal("a linearizable read", await shell.must(`${at} quoratectl get quorum --print-value-only`), "after");
  await members.restart(2);
  const health = await shell.must("quoratectl endpoint health --cluster 2>&1");
  checks.equal("all are healthy again", health.match(/is healthy/g)?.length, members.nodes.length);
}
