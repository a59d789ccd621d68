import { request } from "node:https";
import { text } from "node:stream/consumers";
import type { Checks } from "../suite-report.ts";
import type { SecureCluster } from "./secure-cluster.ts";

const TOOLS = ["quoratectl", "etcdctl", "etcdctl-3.4"];

/** Word for word what operators have in their notes. */
const WHO_LEADS = "jq '.[] | {endpoint: .Endpoint, isLeader: (.Status.leader == .Status.header.member_id)}'";

const METRICS: readonly string[] = [
  "etcd_server_has_leader",
  "etcd_server_is_leader",
  "etcd_server_leader_changes_seen_total",
  "etcd_server_proposals_committed_total",
  "etcd_server_proposals_applied_total",
  "etcd_server_quota_backend_bytes",
  "etcd_mvcc_db_total_size_in_bytes",
  "etcd_mvcc_db_total_size_in_use_in_bytes",
  "etcd_disk_wal_fsync_duration_seconds_count",
  "etcd_disk_backend_commit_duration_seconds_count",
  "etcd_network_peer_round_trip_time_seconds_count",
];

interface Status {
  readonly Endpoint: string;
  readonly Status: { readonly dbSize: number; readonly leader: number; readonly raftTerm: number };
}

/** How a cluster is: members, health, leader, sizes, alarms and metrics, with every tool an operator may have. */
export async function statusDrill(cluster: SecureCluster, checks: Checks): Promise<void> {
  await cluster.shell.must("quoratectl put greeting hello");
  for (const tool of TOOLS) await checks.run(tool, () => withTool(cluster, checks, tool));
  await checks.run("metrics", () => metrics(cluster, checks));
  await checks.run("strangers", () => strangers(cluster, checks));
}

async function withTool({ members, shell }: SecureCluster, checks: Checks, tool: string): Promise<void> {
  const urls = members.nodes.map((node) => node.clientUrl);
  const shown = await shell.must(`${tool} endpoint status -w json | ${WHO_LEADS} | jq -c .`);
  const told = shown
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly endpoint: string; readonly isLeader: boolean });
  checks.equal(`${tool}: endpoints`, told.map(({ endpoint }) => endpoint).sort(), [...urls].sort());
  checks.equal(`${tool}: leaders`, told.filter(({ isLeader }) => isLeader).length, 1);

  const statuses = JSON.parse(await shell.must(`${tool} endpoint status --cluster -w json`)) as readonly Status[];
  checks.equal(`${tool}: members with a size`, statuses.filter(({ Status }) => Status.dbSize > 0).length, urls.length);
  checks.equal(`${tool}: terms`, new Set(statuses.map(({ Status }) => Status.raftTerm)).size, 1);

  const list = `${tool} member list -w json | jq -r '.members[] | [.name, .clientURLs[0], .peerURLs[0]] | @tsv'`;
  const expected = members.nodes.map((node) => `${node.name}\t${node.clientUrl}\t${node.peerUrl}`);
  checks.equal(`${tool}: members`, (await shell.must(list)).split("\n").sort(), expected);
  // The lines come on standard error where health is no output but a log.
  const health = await shell.must(`${tool} endpoint health 2>&1`);
  checks.equal(`${tool}: healthy`, health.match(/is healthy/g)?.length, urls.length);
  checks.equal(`${tool}: alarms`, await shell.must(`${tool} alarm list`), "");
  checks.equal(`${tool}: the key`, await shell.must(`${tool} get greeting --print-value-only`), "hello");
  checks.that(`${tool}: a table`, (await shell.must(`${tool} endpoint status -w table`)).includes("IS LEADER"));
}

async function metrics(cluster: SecureCluster, checks: Checks): Promise<void> {
  const leader = await cluster.leader();
  for (const [index, node] of cluster.members.nodes.entries()) {
    const values = metricValues(await get(cluster, `${node.clientUrl}/metrics`));
    checks.equal(
      `${node.name}: metrics that are missing`,
      METRICS.filter((name) => !values.has(name)),
      [],
    );
    checks.equal(`${node.name}: has a leader`, values.get("etcd_server_has_leader"), 1);
    checks.equal(`${node.name}: leads`, values.get("etcd_server_is_leader"), index === leader ? 1 : 0);
    const size = values.get("etcd_mvcc_db_total_size_in_bytes") ?? 0;
    checks.that(`${node.name}: within its quota`, size > 0 && size < (values.get(METRICS[5] ?? "") ?? 0), size);
    checks.equal(`${node.name}: health`, JSON.parse(await get(cluster, `${node.clientUrl}/health`)).health, "true");
  }
}

/** Who has no certificate learns nothing. */
async function strangers({ shell, members }: SecureCluster, checks: Checks): Promise<void> {
  const endpoint = members.node(0).clientUrl;
  const ran = await shell.run(
    `env -u ETCDCTL_CERT -u ETCDCTL_KEY ETCDCTL_ENDPOINTS=${endpoint} quoratectl --command-timeout=2s get greeting`,
  );
  checks.that("without a certificate nothing is told", ran.code === 1 && ran.output === "", ran);
}

/** Values by name, those of several label sets added up. */
export function metricValues(exposition: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of exposition.split("\n")) {
    const [, name, value] = /^([a-z_]+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}

/** The body of what a member answers over HTTPS, asked with the operator's certificate. */
export async function get({ certificates }: SecureCluster, url: string): Promise<string> {
  const { caCertificate, operator } = certificates;
  const options = { ca: caCertificate, cert: operator.certificate, key: operator.key, agent: false };
  return await new Promise((resolve, reject) => {
    request(url, options, (response) => void text(response).then(resolve, reject))
      .on("error", reject)
      .end();
  });
}
