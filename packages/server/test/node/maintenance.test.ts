import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  AlarmAction,
  AlarmType,
  createDeleteRangeRequest,
  createPutRequest,
  createRequestOp,
  type StatusResponse,
} from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const MEMBER = 3319814642761637952n;
const UNKNOWN = 2;
const RESOURCE_EXHAUSTED = 8;
const OUT_OF_RANGE = 11;
const DATA_LOSS = 15;
const { GET, ACTIVATE, DEACTIVATE } = AlarmAction;
const { NONE, NOSPACE, CORRUPT } = AlarmType;
const NO_SPACE = { code: RESOURCE_EXHAUSTED, details: "etcdserver: mvcc: database space exceeded" };

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-maintenance-", "memory");
  node = await TestNode.start(directory.path);
  client = node.client;
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

const put = (key: string): Promise<unknown> => client.put({ key: b(key), value: b("v") });

describe("Cluster", () => {
  it("lists the member, with revision 0, also linearizably", async () => {
    for (const linearizable of [false, true]) {
      const { header, members } = await client.memberList({ linearizable });
      expect(header).toMatchObject({ revision: 0, memberId: MEMBER, clusterId: 324952591200643719n });
      expect(members).toEqual([
        {
          id: MEMBER,
          name: "n1",
          peerUrls: ["http://127.0.0.1:23800"],
          clientUrls: [`http://127.0.0.1:${node.port}`],
          isLearner: false,
        },
      ]);
    }
  });

  it("refuses changes in etcd's words", async () => {
    const self = Buffer.concat([Buffer.of(0x08), varint(MEMBER)]);
    const url = Buffer.from("http://127.0.0.1:23800");
    const call = (method: string, request: Uint8Array): Promise<unknown> => client.raw(`Cluster/${method}`, request);

    expect(await refusal(call("MemberRemove", Buffer.of(0x08, 1)))).toEqual({
      code: 5,
      details: "etcdserver: member not found",
    });
    expect(await refusal(call("MemberRemove", self))).toEqual({
      code: UNKNOWN,
      details: "etcdserver: re-configuration failed due to not enough started members",
    });
    expect(await refusal(call("MemberPromote", self))).toEqual({
      code: 9,
      details: "etcdserver: can only promote a learner member",
    });
    expect(await refusal(call("MemberAdd", Buffer.of(0x0a, 1, 65)))).toEqual({
      code: 3,
      details: "etcdserver: given member URLs are invalid",
    });
    expect(await refusal(call("MemberAdd", Buffer.concat([Buffer.of(0x0a, url.length), url])))).toEqual({
      code: 9,
      details: "etcdserver: Peer URLs already exists",
    });
  });
});

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

describe("Maintenance", () => {
  it("tells the member's state", async () => {
    await put("status");
    const status: StatusResponse = await client.status();

    expect(status).toMatchObject({
      version: "3.7.1",
      leader: MEMBER,
      raftTerm: 2,
      errors: [],
      isLearner: false,
      storageVersion: "3.7.0",
      dbSizeQuota: 2_147_483_648,
      downgradeInfo: { enabled: false, targetVersion: "" },
    });
    expect(status.raftAppliedIndex).toBe(status.raftIndex);
    expect(status.raftIndex).toBeGreaterThan(3);
    expect(status.dbSize).toBeGreaterThan(0);
    expect(status.dbSizeInUse).toBeLessThanOrEqual(status.dbSize);
  });

  it("tells of a quota that is switched off as it was switched off", async () => {
    using unlimited = temporaryDirectory("quorate-quota-", "memory");
    const member = await TestNode.start(unlimited.path, ["--quota-backend-bytes=-7"]);
    try {
      expect((await member.client.status()).dbSizeQuota).toBe(-7);
      expect((await member.http("/metrics")).body).toContain("etcd_server_quota_backend_bytes -7\n");
    } finally {
      await member.stop();
    }
  });

  it("gives the space of compacted revisions back, also those of a moment ago, and restarts from it", async () => {
    using small = temporaryDirectory("quorate-defragment-", "memory");
    const value = randomBytes(256 * 1024);
    const member = await TestNode.start(small.path);
    for (let i = 0; i < 40; i++) await member.client.put({ key: b("big"), value });
    const { dbSize: before, header } = await member.client.status();
    await member.client.compact({ revision: header?.revision ?? 0 });
    await Promise.all([member.client.defragment(), member.client.defragment()]);
    expect((await member.client.status()).dbSize).toBeLessThan(before / 8);
    await member.stop();

    const again = await TestNode.start(small.path);
    expect((await again.client.range({ key: b("big") })).kvs[0]?.version).toBe(40);
    await again.stop();
  });

  it("gives space back before it serves, if so much can be had", async () => {
    using small = temporaryDirectory("quorate-defragment-", "memory");
    const member = await TestNode.start(small.path);
    for (let i = 0; i < 20; i++) await member.client.put({ key: b("big"), value: randomBytes(256 * 1024) });
    const { header } = await member.client.put({ key: b("big"), value: b("small") });
    await member.client.compact({ revision: header?.revision ?? 0, physical: true });
    await member.stop();

    const content = await startedWith(small.path, 1000);
    expect(content.log).toMatch(/Skipping defragmentation.*"threshold-mib":1000/);
    expect(content.dbSize).toBeGreaterThan(4 * 1024 * 1024);
    const smaller = await startedWith(small.path, 2);
    expect(smaller.log).toMatch(/finished defragmenting/);
    expect(smaller.dbSize).toBeLessThan(1024 * 1024);
  });

  async function startedWith(path: string, thresholdMib: number): Promise<{ log: string; dbSize: number }> {
    const member = await TestNode.start(path, [`--bootstrap-defrag-threshold-megabytes=${thresholdMib}`]);
    const { dbSize } = await member.client.status();
    await member.stop();
    return { log: member.log.join(""), dbSize };
  }

  it("hashes the store as of a revision, and refuses revisions that are not there", async () => {
    await put("hash/1");
    const first = await client.hashKv();
    await put("hash/2");
    const second = await client.hashKv();
    const again = await client.hashKv({ revision: first.hashRevision });

    expect(second.hash).not.toBe(first.hash);
    expect(again).toMatchObject({ hash: first.hash, hashRevision: first.hashRevision, compactRevision: -1 });
    expect(again.header?.revision).toBe(second.hashRevision);
    expect(await refusal(client.hashKv({ revision: 1e9 }))).toEqual({
      code: OUT_OF_RANGE,
      details: "etcdserver: mvcc: required revision is a future revision",
    });
    await client.compact({ revision: second.hashRevision });
    expect(await refusal(client.hashKv({ revision: first.hashRevision }))).toEqual({
      code: OUT_OF_RANGE,
      details: "etcdserver: mvcc: required revision has been compacted",
    });
    expect((await client.hashKv()).compactRevision).toBe(second.hashRevision);
  });

  it("hashes the whole backend", async () => {
    const { hash, header } = await client.hash();
    await put("hash/3");

    expect(header?.memberId).toBe(MEMBER);
    expect((await client.hash()).hash).not.toBe(hash);
  });

  it("defragments without a header and while requests go on", async () => {
    const [{ header }] = await Promise.all([
      client.defragment(),
      ...Array.from({ length: 50 }, (_, i) => put(`d/${i}`)),
    ]);

    expect(header).toBeUndefined();
    expect((await client.range({ key: b("d/"), rangeEnd: b("d0"), countOnly: true })).count).toBe(50);
  });

  it("with StopGRPCServiceOnDefrag is not serving, as far as health checks go, until it is defragmented", async () => {
    using other = temporaryDirectory("quorate-health-", "memory");
    const member = await TestNode.start(other.path, ["--feature-gates=StopGRPCServiceOnDefrag=true"]);
    const watch = member.client.serverStream("/grpc.health.v1.Health/Watch", new Uint8Array(0));
    const status = async (): Promise<number | undefined> => (await watch.next())[1];
    expect(await status()).toBe(1);
    await member.client.defragment();

    expect([await status(), await status()]).toEqual([2, 1]);
    expect(watch.waiting).toBe(0);
    const ended = watch.ended();
    watch.cancel();
    await ended;
    await member.stop();
  });

  it("answers a move of leadership to itself, and to nobody", async () => {
    expect(await client.raw("Maintenance/MoveLeader", Buffer.concat([Buffer.of(0x08), varint(MEMBER)]))).toEqual(
      Buffer.alloc(0),
    );
    expect(await refusal(client.raw("Maintenance/MoveLeader", Buffer.of(0x08, 1)))).toEqual({
      code: 9,
      details: "etcdserver: bad leader transferee",
    });
  });

  it("says SERVING to health checks, and knows no service by name", async () => {
    expect([...(await client.raw("/grpc.health.v1.Health/Check"))]).toEqual([8, 1]);
    expect(await refusal(client.raw("/grpc.health.v1.Health/Check", Buffer.of(0x0a, 1, 65)))).toEqual({
      code: 5,
      details: "unknown service",
    });
  });
});

describe("alarms", () => {
  it("are listed by type, raised once and disarmed exactly", async () => {
    const noSpace = { memberId: 5n, alarm: NOSPACE };
    expect((await client.alarm({ action: ACTIVATE, ...noSpace })).alarms).toEqual([noSpace]);
    expect((await client.alarm({ action: ACTIVATE, ...noSpace })).alarms).toEqual([noSpace]);
    expect((await client.alarm({ action: ACTIVATE, memberId: 5n, alarm: NONE })).alarms).toEqual([]);
    expect((await client.alarm({ action: GET, alarm: CORRUPT })).alarms).toEqual([]);
    expect((await client.alarm({ action: GET })).alarms).toEqual([noSpace]);
    expect((await client.status()).errors).toEqual(["memberID:5 alarm:NOSPACE"]);
    expect(await node.http("/health")).toEqual({ status: 503, body: '{"health":"false","reason":"ALARM NOSPACE"}\n' });
    expect((await client.alarm({ action: DEACTIVATE, memberId: 6n, alarm: NOSPACE })).alarms).toEqual([]);
    expect((await client.alarm({ action: DEACTIVATE, ...noSpace })).alarms).toEqual([noSpace]);
    expect((await client.alarm({ action: GET })).alarms).toEqual([]);
  });

  it("count in the metrics for the member that they were raised for", async () => {
    const gauge = 'etcd_debugging_server_alarms{alarm_type="NOSPACE",server_id="5"}';
    const noSpace = { memberId: 5n, alarm: NOSPACE };
    await client.alarm({ action: ACTIVATE, ...noSpace });
    const raised = (await node.http("/metrics")).body;
    await client.alarm({ action: DEACTIVATE, ...noSpace });
    const over = (await node.http("/metrics")).body;

    expect([raised.includes(`${gauge} 1\n`), over.includes(`${gauge} 0\n`)]).toEqual([true, true]);
    expect(raised).toContain('etcd_debugging_server_alarms{alarm_type="CORRUPT",server_id="2e1259d415f2a040"} 0\n');
    expect(raised).toContain("etcd_server_quota_backend_bytes 2.147483648e+09\n");
  });

  it("of NOSPACE stop what takes space and nothing else", async () => {
    await put("full");
    await client.leaseGrant({ id: 3n, ttl: 60 });
    await client.alarm({ action: ACTIVATE, memberId: MEMBER, alarm: NOSPACE });
    const putOp = createRequestOp({ requestPut: createPutRequest({ key: b("full") }) });
    const deleteOp = createRequestOp({ requestDeleteRange: createDeleteRangeRequest({ key: b("full") }) });

    expect(await refusal(put("full"))).toEqual(NO_SPACE);
    expect(await refusal(client.txn({ success: [putOp] }))).toEqual(NO_SPACE);
    expect(await refusal(client.leaseGrant({ ttl: 60 }))).toEqual(NO_SPACE);
    expect((await client.range({ key: b("full") })).count).toBe(1);
    expect((await client.txn({ success: [deleteOp] })).succeeded).toBe(true);
    expect((await client.deleteRange({ key: b("full") })).deleted).toBe(0);
    await client.leaseRevoke({ id: 3n });
    await client.alarm({ action: DEACTIVATE, memberId: MEMBER, alarm: NOSPACE });
    await put("full");
  });

  it("of CORRUPT stop every change, and no read", async () => {
    await client.alarm({ action: ACTIVATE, memberId: MEMBER, alarm: CORRUPT });
    const corrupt = { code: DATA_LOSS, details: "etcdserver: corrupt cluster" };

    expect(await refusal(put("full"))).toEqual(corrupt);
    expect(await refusal(client.deleteRange({ key: b("full") }))).toEqual(corrupt);
    expect(await refusal(client.compact({ revision: 1 }))).toEqual(corrupt);
    expect(await refusal(client.leaseGrant({ ttl: 60 }))).toEqual(corrupt);
    expect(await refusal(client.leaseRevoke({ id: 404n }))).toEqual(corrupt);
    expect((await client.range({ key: b("full") })).count).toBe(1);
    await client.alarm({ action: DEACTIVATE, memberId: MEMBER, alarm: CORRUPT });
  });

  it("with an unknown action are refused, not the end of the process", async () => {
    expect(await refusal(client.alarm({ action: 9 }))).toEqual({
      code: UNKNOWN,
      details: "etcdserver: unknown alarm action",
    });
  });

  it("are raised by a member whose quota is used up", async () => {
    using small = temporaryDirectory("quorate-quota-", "memory");
    const full = await TestNode.start(small.path, ["--quota-backend-bytes=100"]);
    try {
      expect(await refusal(full.client.put({ key: b("a"), value: b("v") }))).toEqual(NO_SPACE);
      expect(await refusal(full.client.leaseGrant({ ttl: 60 }))).toEqual(NO_SPACE);
      // Behind the alarm's entry in the log, since it was proposed first.
      await full.client.deleteRange({ key: b("a") });
      expect((await full.client.alarm({ action: GET })).alarms).toEqual([{ memberId: MEMBER, alarm: NOSPACE }]);
      expect((await full.client.range({ key: b("a") })).header?.revision).toBe(1);
    } finally {
      await full.stop();
    }
  });
});

describe("HTTP on the client port", () => {
  it("tells health, versions and probes", async () => {
    expect(await node.http("/health")).toEqual({ status: 200, body: '{"health":"true","reason":""}' });
    expect(await node.http("/version")).toEqual({
      status: 200,
      body: '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}',
    });
    expect((await node.http("/readyz")).status).toBe(200);
    expect((await node.http("/livez")).status).toBe(200);
    expect((await node.http("/nothing")).status).toBe(404);
  });

  it("tells metrics that follow what the node does", async () => {
    const before = await metrics();
    await put("metrics");
    const after = await metrics();
    const moved = (name: string): number => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN);

    expect(moved("etcd_debugging_mvcc_current_revision")).toBe(1);
    expect(moved("etcd_server_proposals_applied_total")).toBe(1);
    expect(
      moved(
        'grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}',
      ),
    ).toBe(1);
    expect(after.get("etcd_server_has_leader")).toBe(1);
    expect(after.get("etcd_mvcc_db_total_size_in_bytes")).toBeGreaterThan(0);
  });

  it("tells metrics of hashes and of compactions", async () => {
    for (let i = 0; i < 5; i++) await put("compacted");
    const before = await metrics();
    const { header } = await client.hashKv();
    await client.hash();
    await client.compact({ revision: header?.revision ?? 0, physical: true });
    const after = await metrics();
    const moved = (name: string): number => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN);

    expect(moved("etcd_mvcc_hash_rev_duration_seconds_count")).toBe(1);
    expect(moved("etcd_mvcc_hash_duration_seconds_count")).toBe(1);
    expect(moved("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count")).toBe(1);
    expect(moved("etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds_count")).toBeGreaterThanOrEqual(1);
    expect(moved("etcd_debugging_mvcc_db_compaction_keys_total")).toBeGreaterThanOrEqual(4);
    expect(Date.now() / 1000 - (after.get("etcd_debugging_mvcc_db_compaction_last") ?? 0)).toBeLessThan(60);
  });

  async function metrics(): Promise<Map<string, number>> {
    const { body } = await node.http("/metrics");
    const samples = body.split("\n").map((line) => /^([^#\s].*) (\S+)$/.exec(line));
    return new Map(samples.flatMap((match) => (match === null ? [] : [[match[1] ?? "", Number(match[2])]])));
  }
});
