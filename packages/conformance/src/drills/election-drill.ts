import { waitUntil } from "@quorate/testkit";
import type { Checks } from "../suite-report.ts";
import type { SecureCluster } from "./secure-cluster.ts";
import { get, metricValues } from "./status-drill.ts";

const ELECTED_MS = 30_000;

/** What a member tells of who leads. */
interface View {
  readonly term: number;
  readonly changes: number;
  readonly leads: boolean;
}

/**
 * Elections watched: first one among clients (`elect`), which outlives what then happens below it: leadership of the members moved by
 * hand, and a leader that is killed.
 */
export async function electionDrill(cluster: SecureCluster, checks: Checks): Promise<void> {
  const { shell } = cluster;
  await using listener = shell.start("quoratectl elect -l drill");
  await using alice = shell.start("quoratectl elect drill alice");
  await listener.untilPrinted("alice");
  await using bob = shell.start("etcdctl elect drill bob");
  const candidates = "etcdctl get drill/ --prefix --keys-only | grep -c drill/";
  await waitUntil(async () => (await shell.must(candidates)) === "2", { what: "bob to stand", timeoutMs: ELECTED_MS });
  checks.equal("while alice leads bob waits", bob.output, "");
  checks.equal("alice resigns", await alice.interrupt(), 0);
  await listener.untilPrinted("bob");
  await bob.untilPrinted("bob");

  await checks.run("leadership moved", () => moved(cluster, checks));
  await checks.run("leader killed", () => killed(cluster, checks));

  await bob.interrupt();
  await using carol = shell.start("quoratectl elect drill carol");
  await listener.untilPrinted("carol");
  // The listener may know sooner; who is interrupted while it waits ends with 1.
  await carol.untilPrinted("carol");
  const told = listener.output.split("\n").filter((line) => /^(?:alice|bob|carol)$/.test(line));
  checks.equal("who led, in order", told.filter((name, at) => name !== told[at - 1]).join(), "alice,bob,carol");
  checks.equal("carol resigns", await carol.interrupt(), 0);
}

async function moved(cluster: SecureCluster, checks: Checks): Promise<void> {
  const { members, shell } = cluster;
  const from = await cluster.leader();
  const to = (from + 1) % members.nodes.length;
  const before = await views(cluster, [0, 1, 2]);
  const name = members.node(to).name;
  const id = await shell.must(`etcdctl member list | awk -F ', ' '$3 == "${name}" { print $1 }'`);
  const answer = await shell.must(`quoratectl move-leader ${id}`);
  checks.that("the answer names both", /^Leadership transferred from [0-9a-f]+ to [0-9a-f]+$/.test(answer), answer);
  await compare(cluster, checks, { what: "moved", survivors: [0, 1, 2], before });
  checks.equal("moved: who leads now", await cluster.leader(), to);
}

async function killed(cluster: SecureCluster, checks: Checks): Promise<void> {
  const { members, shell } = cluster;
  const from = await cluster.leader();
  const survivors = [0, 1, 2].filter((index) => index !== from);
  const before = await views(cluster, survivors);
  await members.kill(from);
  await waitUntil(async () => (await views(cluster, survivors)).some(({ leads }) => leads), {
    what: "a leader among those that are left",
    timeoutMs: ELECTED_MS,
  });
  checks.equal("killed: writable", await shell.must("etcdctl --command-timeout=20s put elected x"), "OK");
  await compare(cluster, checks, { what: "killed", survivors, before });
  await members.restart(from);
}

interface Change {
  readonly what: string;
  readonly survivors: readonly number[];
  readonly before: readonly View[];
}

/** A change of leader is a newer term, one leader, and a count that went up, everywhere. */
async function compare(cluster: SecureCluster, checks: Checks, { what, survivors, before }: Change): Promise<void> {
  const noticed = async (): Promise<boolean> => {
    const now = await views(cluster, survivors);
    return now.every(({ changes }, at) => changes > (before[at]?.changes ?? 0));
  };
  await waitUntil(noticed, { what: "every member to count the change", timeoutMs: ELECTED_MS });
  const after = await views(cluster, survivors);
  checks.equal(`${what}: leaders`, after.filter(({ leads }) => leads).length, 1);
  checks.equal(`${what}: terms`, new Set(after.map(({ term }) => term)).size, 1);
  checks.that(`${what}: a newer term`, (after[0]?.term ?? 0) > (before[0]?.term ?? 0), [before, after]);
}

async function views(cluster: SecureCluster, indexes: readonly number[]): Promise<readonly View[]> {
  return await Promise.all(indexes.map((index) => viewOf(cluster, index)));
}

async function viewOf(cluster: SecureCluster, index: number): Promise<View> {
  const { clientUrl } = cluster.members.node(index);
  const values = metricValues(await get(cluster, `${clientUrl}/metrics`));
  const term = await cluster.shell.must(
    `ETCDCTL_ENDPOINTS=${clientUrl} etcdctl endpoint status -w json | jq '.[0].Status.raftTerm'`,
  );
  return {
    term: Number(term),
    changes: values.get("etcd_server_leader_changes_seen_total") ?? 0,
    leads: values.get("etcd_server_is_leader") === 1,
  };
}
