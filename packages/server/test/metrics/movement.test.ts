import { afterEach, describe, expect, it } from "@jest/globals";
import {
  CompareResult,
  CompareTarget,
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
} from "@quorate/protocol";
import { EtcdNode, findPeer, peersAreRequired, requirePeer, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { b, EtcdClient, refusal } from "../node/support/etcd-client.ts";
import { TestCluster } from "../node/support/test-cluster.ts";
import { TestNode } from "../node/support/test-node.ts";
import { WatchCall } from "../node/support/watch-call.ts";
import { Scrape, scrapeOf } from "./scraped.ts";

const WAIT_MS = 10_000;
const ALARM_NOSPACE = 1;
const ACTIVATE = 1;
const DEACTIVATE = 2;
const INTERNAL = 13;

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(flags: readonly string[] = []): Promise<TestNode> {
  const directory = temporaryDirectory("quorate-metrics-", "memory");
  closing.push(async () => directory.remove());
  const node = await TestNode.start(directory.path, flags);
  closing.push(() => node.stop());
  return node;
}

async function scraped(node: TestNode): Promise<Scrape> {
  return new Scrape((await node.http("/metrics")).body);
}

/** What a name has grown by between two scrapes. */
function growth(before: Scrape, after: Scrape, name: string): number {
  return after.total(name) - before.total(name);
}

/** What both servers are asked for, and what it is to move. */
async function operations(client: EtcdClient): Promise<void> {
  const put = createRequestOp({ requestPut: createPutRequest({ key: b("t"), value: b("1"), prevKv: true }) });
  const range = createRequestOp({ requestRange: createRangeRequest({ key: b("a"), rangeEnd: b("z") }) });
  const remove = createRequestOp({ requestDeleteRange: createDeleteRangeRequest({ key: b("l0") }) });
  const exists = createCompare({
    key: b("no"),
    target: CompareTarget.VERSION,
    result: CompareResult.EQUAL,
    version: 1,
  });
  await client.put({ key: b("a"), value: b("12345") });
  await client.put({ key: b("a"), prevKv: true });
  await client.put({ key: b("a"), ignoreValue: true });
  await client.range({ key: b("a") });
  await client.range({ key: b("a"), serializable: true });
  await client.deleteRange({ key: b("nothing") });
  await client.deleteRange({ key: b("a"), prevKv: true });
  await client.txn({ success: [put] });
  await client.txn({ success: [put, range, remove] });
  await client.txn({ success: [range] });
  await client.txn({ success: [range, range] });
  await client.txn({ compare: [exists], success: [put], failure: [range] });
  const { id } = await client.leaseGrant({ ttl: 600 });
  for (const key of ["l1", "l2", "l3"]) await client.put({ key: b(key), lease: id });
  await client.leaseRevoke({ id });
}

const COUNTED = [
  "etcd_mvcc_range_total",
  "etcd_mvcc_put_total",
  "etcd_mvcc_delete_total",
  "etcd_mvcc_txn_total",
  "etcd_debugging_mvcc_total_put_size_in_bytes",
  "etcd_debugging_mvcc_keys_total",
  "etcd_debugging_mvcc_current_revision",
  "etcd_debugging_lease_granted_total",
  "etcd_debugging_lease_revoked_total",
  "etcd_debugging_lease_ttl_total_count",
  "etcd_debugging_lease_ttl_total_sum",
  "grpc_server_started_total",
  "grpc_server_handled_total",
];

const isHere = findPeer("etcd-3.5") !== undefined || peersAreRequired();
(isHere ? describe : describe.skip)("beside etcd 3.5", () => {
  it("the same requests move the counters of the store, leases and calls by the same", async () => {
    const etcd = await EtcdNode.start({ program: [requirePeer("etcd-3.5")], medium: "memory" });
    closing.push(() => etcd.close());
    const client = new EtcdClient(etcd.clientPort);
    closing.push(async () => client.close());
    const node = await started();

    const before = [await scrapeOf(etcd.clientUrl), await scraped(node)] as const;
    await operations(client);
    await operations(node.client);
    const after = [await scrapeOf(etcd.clientUrl), await scraped(node)] as const;

    const table = (i: 0 | 1): unknown => COUNTED.map((name) => [name, growth(before[i], after[i], name)]);
    expect(table(1)).toEqual(table(0));
    expect(growth(before[1], after[1], "etcd_mvcc_put_total")).toBeGreaterThan(5);
  });
});

describe("metrics of a lone member", () => {
  it("move with reads and writes", async () => {
    const node = await started();
    const before = await scraped(node);
    await operations(node.client);
    for (let i = 0; i < 40; i++) await node.client.range({ key: b("a") });
    await refusal(node.client.range({ key: b("a"), revision: 1_000_000 }));
    const after = await scraped(node);

    const applied = (op: string): string =>
      `etcd_server_apply_duration_seconds_count{op="${op}",success="true",version="v3"}`;
    expect(after.value(applied("Put"))).toBe(6);
    expect(after.value(applied("LeaseGrant"))).toBe(1);
    expect(after.value('etcd_server_range_duration_seconds_count{success="true"}')).toBe(42);
    expect(after.value('etcd_server_range_duration_seconds_count{success="false"}')).toBe(1);
    const request = (type: string, success = true): number =>
      after.value(`etcd_server_request_duration_seconds_count{success="${success}",type="${type}"}`);
    expect([request("Put"), request("Range"), request("Txn"), request("ReadonlyTxn")]).toEqual([6, 42, 3, 2]);
    expect([request("Range", false), request("DeleteRange"), request("LeaseRevoke")]).toEqual([1, 2, 1]);
    expect(growth(before, after, "etcd_server_client_requests_total")).toBe(58);
    for (const name of [
      "etcd_server_proposals_committed_total",
      "etcd_server_proposals_applied_total",
      "etcd_disk_wal_fsync_duration_seconds_count",
      "etcd_disk_wal_write_duration_seconds_count",
      "etcd_disk_wal_write_bytes_total",
      "etcd_network_client_grpc_sent_bytes_total",
      "etcd_network_client_grpc_received_bytes_total",
      "promhttp_metric_handler_requests_total",
    ]) {
      expect([name, growth(before, after, name) > 0]).toEqual([name, true]);
    }
    expect(after.total("promhttp_metric_handler_requests_in_flight")).toBe(1);
    expect(after.total("os_fd_used")).toBeGreaterThan(5);
    expect(after.total("os_fd_limit")).toBeGreaterThanOrEqual(after.total("os_fd_used"));
  });

  it("move with compaction, hashes, snapshots and defragmentation", async () => {
    const node = await started();
    for (let i = 0; i < 20; i++) await node.client.put({ key: b("k"), value: b(`${i}`) });
    const before = await scraped(node);
    await node.client.compact({ revision: 20, physical: true });
    await node.client.hash();
    await node.client.hashKv();
    await node.client.defragment();
    await node.client.serverStream("Maintenance/Snapshot", new Uint8Array(0)).ended();
    const after = await scraped(node);

    expect(growth(before, after, "etcd_debugging_mvcc_db_compaction_keys_total")).toBe(18);
    expect(after.total("etcd_debugging_mvcc_compact_revision")).toBe(20);
    expect(Date.now() / 1000 - after.total("etcd_debugging_mvcc_db_compaction_last")).toBeLessThan(60);
    for (const name of [
      "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds_count",
      "etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds_count",
      "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count",
      "etcd_mvcc_hash_duration_seconds_count",
      "etcd_mvcc_hash_rev_duration_seconds_count",
      "etcd_disk_backend_defrag_duration_seconds_count",
      "etcd_disk_backend_commit_duration_seconds_count",
    ]) {
      expect([name, growth(before, after, name) > 0]).toEqual([name, true]);
    }
    expect(after.total("etcd_disk_defrag_inflight")).toBe(0);
    expect(growth(before, after, "etcd_disk_backend_snapshot_duration_seconds_count")).toBe(1);
  });

  it("move with alarms, health and probes", async () => {
    const node = await started();
    const memberId = node.node.context.memberId;
    const alarm = `etcd_debugging_server_alarms{alarm_type="NOSPACE",server_id="${memberId.toString(16)}"}`;
    expect((await scraped(node)).value(alarm)).toBe(0);
    await node.client.alarm({ action: ACTIVATE, memberId, alarm: ALARM_NOSPACE });
    await node.http("/health");
    await node.http("/readyz");
    const raised = await scraped(node);
    expect([raised.value(alarm), raised.total("etcd_server_health_failures")]).toEqual([1, 1]);
    await node.client.alarm({ action: DEACTIVATE, memberId, alarm: ALARM_NOSPACE });
    await node.http("/health");
    await node.http("/livez");
    const over = await scraped(node);
    expect([over.value(alarm), over.total("etcd_server_health_success")]).toEqual([0, 1]);
    expect(over.value('etcd_server_healthcheck{name="serializable_read",type="livez"}')).toBe(1);
    expect(over.total("etcd_server_healthchecks_total")).toBe(5);
  });

  it("move with watchers, their events and what is said to them", async () => {
    const node = await started();
    const call = new WatchCall(node.client);
    await call.open({ key: b("w") });
    for (let i = 0; i < 20; i++) await node.client.put({ key: b("w") });
    for (let seen = 0; seen < 20; ) seen += (await call.next()).events.length;
    call.requestProgress();
    await call.next();
    const open = await scraped(node);
    expect(open.total("etcd_debugging_mvcc_watcher_total")).toBe(1);
    expect(open.total("etcd_debugging_mvcc_watch_stream_total")).toBe(1);
    expect(open.total("etcd_debugging_mvcc_events_total")).toBe(20);
    const sends = (name: string): number => open.total(`etcd_debugging_server_watch_send_loop_${name}_seconds_count`);
    expect(sends("watch_stream_duration")).toBeGreaterThan(0);
    expect(sends("watch_stream_duration_per_event")).toBe(sends("watch_stream_duration"));
    expect([sends("control_stream_duration"), sends("progress_duration")]).toEqual([1, 1]);

    // No message of the API's: the stream fails, and not by its client's wish.
    call.stream.send(Uint8Array.of(0xff));
    expect((await call.stream.ended()).code).toBe(INTERNAL);
    const over = await scraped(node);
    expect(over.value('etcd_network_server_stream_failures_total{API="watch",Type="receive"}')).toBe(1);
    expect(over.total("etcd_debugging_mvcc_watch_stream_total")).toBe(0);
  });

  it("count expired leases once they are revoked", async () => {
    const node = await started();
    const { id } = await node.client.leaseGrant({ ttl: 1 });
    await node.client.put({ key: b("k"), lease: id });
    const expired = async (): Promise<number> =>
      (await scraped(node)).total("etcd_debugging_server_lease_expired_total");
    expect(await expired()).toBe(0);
    await waitUntil(async () => (await expired()) === 1, { what: "the end of the lease", timeoutMs: WAIT_MS });
    expect((await scraped(node)).total("etcd_debugging_lease_revoked_total")).toBe(1);
  });
});

describe("metrics of a cluster", () => {
  it("move with peers, leaders, learners and what cannot be written", async () => {
    const cluster = await TestCluster.start(2, ["--strict-reconfig-check=false"]);
    closing.push(() => cluster.close());
    const leader = await cluster.leader();
    const other = 1 - leader;
    const id = (index: number): string => cluster.node(index).node.context.memberId.toString(16);
    await cluster.client(leader).put({ key: b("k"), value: b("v") });
    const before = await scraped(cluster.node(leader));
    const pair = `Local="${id(leader)}",Remote="${id(other)}"`;
    expect(before.total("etcd_network_known_peers")).toBe(2);
    expect(before.value(`etcd_network_active_peers{${pair}}`)).toBe(1);
    expect(before.value(`etcd_network_peer_sent_bytes_total{To="${id(other)}"}`)).toBeGreaterThan(0);
    expect(before.value(`etcd_network_peer_received_bytes_total{From="${id(other)}"}`)).toBeGreaterThan(0);
    expect([before.total("etcd_server_has_leader"), before.total("etcd_server_is_leader")]).toEqual([1, 1]);

    const refused = await refusal(
      cluster.client(leader).memberPromote({ id: cluster.node(other).node.context.memberId }),
    );
    expect(refused.code).not.toBe(0);
    const reason = 'Reason="etcdserver: can only promote a learner member"';
    expect((await scraped(cluster.node(leader))).value(`etcd_server_learner_promote_failures{${reason}}`)).toBe(1);

    const otherId = cluster.node(other).node.context.memberId;
    await cluster.client(leader).moveLeader({ targetId: otherId });
    await waitUntil(() => cluster.node(other).node.replica.isLeader, { what: "the other leading", timeoutMs: WAIT_MS });
    await waitUntil(
      async () => growth(before, await scraped(cluster.node(leader)), "etcd_server_leader_changes_seen_total") > 0,
      {
        what: "a new leader being seen",
        timeoutMs: WAIT_MS,
      },
    );

    await cluster.stopNode(other);
    const lost = (await refusal(cluster.client(leader).put({ key: b("k") }))).code;
    expect(lost).not.toBe(0);
    const after = await scraped(cluster.node(leader));
    expect(growth(before, after, "etcd_server_proposals_failed_total")).toBeGreaterThan(0);
    expect(after.value(`etcd_network_active_peers{${pair}}`)).toBe(0);
    expect(after.value(`etcd_network_disconnected_peers_total{${pair}}`)).toBeGreaterThan(0);
    expect(after.total("etcd_server_has_leader")).toBe(0);
  });

  it("move with snapshots between members, and with learners that become voters", async () => {
    const flags = ["--snapshot-catchup-entries=10", "--snapshot-count=20", "--strict-reconfig-check=false"];
    const cluster = await TestCluster.start(1, flags);
    closing.push(() => cluster.close());
    for (let i = 0; i < 200; i++) await cluster.client(0).put({ key: b("k"), value: b(`${i}`) });
    const place = await cluster.addPlace();
    const { member } = await cluster.client(0).memberAdd({ peerUrls: [cluster.peerUrl(place)], isLearner: true });
    const learner = await cluster.startNode(place, ["--initial-cluster-state=existing"]);
    const promoted = async (): Promise<boolean> =>
      (await refusal(cluster.client(0).memberPromote({ id: member?.id ?? 0n }))).code === 0;
    await waitUntil(promoted, { what: "the promotion", timeoutMs: WAIT_MS });

    const [leader, joined] = [await scraped(cluster.node(0)), await scraped(learner)];
    expect(leader.total("etcd_server_learner_promote_successes")).toBe(1);
    expect(leader.total("etcd_network_snapshot_send_success")).toBe(1);
    expect(leader.total("etcd_network_snapshot_send_total_duration_seconds_count")).toBe(1);
    expect(leader.total("etcd_network_snapshot_send_inflights_total")).toBe(0);
    expect(joined.total("etcd_network_snapshot_receive_success")).toBe(1);
    expect(joined.total("etcd_network_snapshot_receive_total_duration_seconds_count")).toBe(1);
    expect(joined.total("etcd_network_snapshot_receive_inflights_total")).toBe(0);
    expect(joined.total("etcd_snap_db_save_total_duration_seconds_count")).toBe(1);
    expect(joined.total("etcd_server_snapshot_apply_in_progress_total")).toBe(0);
    expect(joined.total("etcd_network_known_peers")).toBe(2);
  });
});
