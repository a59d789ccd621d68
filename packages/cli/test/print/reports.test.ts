import { describe, expect, it } from "@jest/globals";
import {
  AlarmType,
  AuthRoleGetResponseDescriptor,
  DeleteRangeResponseDescriptor,
  EventDescriptor,
  EventType,
  KeyValueDescriptor,
  LeaseGrantResponseDescriptor,
  LeaseTimeToLiveResponseDescriptor,
  MemberDescriptor,
  MemberListResponseDescriptor,
  PermissionType,
  PutResponseDescriptor,
  RangeResponseDescriptor,
  ResponseHeaderDescriptor,
  ResponseOpDescriptor,
  StatusResponseDescriptor,
  TxnResponseDescriptor,
} from "@quorate/protocol";
import { roleGetReport } from "../../src/print/auth-reports.ts";
import { alarmReport } from "../../src/print/cluster-reports.ts";
import { healthReport, statusReport } from "../../src/print/endpoint-reports.ts";
import { rangeReport, txnReport, watchReport } from "../../src/print/key-value-reports.ts";
import { grantReport, timeToLiveReport } from "../../src/print/lease-reports.ts";
import { memberListReport } from "../../src/print/member-reports.ts";
import { printed, printedBytes } from "./printed.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const CLUSTER_ID = 14841639068965178418n;
const MEMBER_ID = 10276657743932975437n;
const header = ResponseHeaderDescriptor.create({
  clusterId: CLUSTER_ID,
  memberId: MEMBER_ID,
  revision: 2,
  raftTerm: 2,
});
const HEADER_JSON = `{"cluster_id":${CLUSTER_ID},"member_id":${MEMBER_ID},"revision":2,"raft_term":2}`;
const kv = KeyValueDescriptor.create({
  key: bytes("foo"),
  value: bytes("b<r>\n"),
  createRevision: 2,
  modRevision: 3,
  version: 4,
  lease: 255n,
});
const KV_JSON = '{"key":"Zm9v","create_revision":2,"mod_revision":3,"version":4,"value":"YjxyPgo=","lease":255}';

describe("what is printed", () => {
  it("a range in every format", () => {
    const response = RangeResponseDescriptor.create({ header, kvs: [kv], count: 1 });
    const report = rangeReport(response);
    expect(printed(report)).toBe("foo\nb<r>\n\n");
    expect(printed(report, { valuesOnly: true })).toBe("b<r>\n\n");
    expect(printed(report, { hex: true })).toBe("\\x66\\x6f\\x6f\n\\x62\\x3c\\x72\\x3e\\x0a\n");
    expect(printed(report, { format: "json" })).toBe(`{"header":${HEADER_JSON},"kvs":[${KV_JSON}],"count":1}\n`);
    expect(printed(report, { format: "fields" })).toBe(
      `"ClusterID" : ${CLUSTER_ID}\n"MemberID" : ${MEMBER_ID}\n"Revision" : 2\n"RaftTerm" : 2\n` +
        '"Key" : "foo"\n"CreateRevision" : 2\n"ModRevision" : 3\n"Version" : 4\n"Value" : "b<r>\\n"\n"Lease" : 255\n' +
        '"More" : false\n"Count" : 1\n',
    );
    const hex = printed(report, { format: "fields", hex: true });
    expect(hex).toContain('"ClusterID" : cdf818194e3a8c32\n"MemberID" : 8e9e05c52164694d\n');
    expect(hex).toContain('"Lease" : 00000000000000ff\n');
    const protobuf = printedBytes(report, { format: "protobuf" });
    expect(Buffer.from(protobuf).equals(RangeResponseDescriptor.encode(response))).toBe(true);
    expect(() => printed(report, { format: "table" })).toThrow("table not supported as output format");
  });

  it("bytes that are no text as they are", () => {
    const odd = KeyValueDescriptor.create({ key: Uint8Array.of(0xff, 0), value: Uint8Array.of(0x80) });
    const report = rangeReport(RangeResponseDescriptor.create({ kvs: [odd] }));
    expect([...printedBytes(report)]).toEqual([0xff, 0, 10, 0x80, 10]);
    expect(printed(report, { format: "fields" })).toContain('"Key" : "\\xff\\x00"\n');
    expect(printed(report, { format: "json" })).toBe('{"kvs":[{"key":"/wA=","value":"gA=="}]}\n');
  });

  it("a transaction with an answer of each kind", () => {
    const put = PutResponseDescriptor.create({ header: ResponseHeaderDescriptor.create({ revision: 3 }) });
    const response = TxnResponseDescriptor.create({
      header,
      succeeded: true,
      responses: [
        ResponseOpDescriptor.create({ responsePut: put }),
        ResponseOpDescriptor.create({ responseRange: RangeResponseDescriptor.create({ kvs: [kv], count: 1 }) }),
        ResponseOpDescriptor.create({
          responseDeleteRange: DeleteRangeResponseDescriptor.create({ deleted: 1, prevKvs: [kv] }),
        }),
      ],
    });
    expect(printed(txnReport(response))).toBe("SUCCESS\n\nOK\n\nfoo\nb<r>\n\n\n1\nfoo\nb<r>\n\n");
    expect(printed(txnReport(response), { format: "json" })).toBe(
      `{"header":${HEADER_JSON},"succeeded":true,"responses":[{"Response":{"response_put":{"header":{"revision":3}}}},` +
        `{"Response":{"response_range":{"kvs":[${KV_JSON}],"count":1}}},` +
        `{"Response":{"response_delete_range":{"deleted":1,"prev_kvs":[${KV_JSON}]}}}]}\n`,
    );
    const fields = printed(txnReport(response), { format: "fields" });
    expect(fields).toContain('"Succeeded" : true\n"ClusterID" : 0\n"MemberID" : 0\n"Revision" : 3\n"RaftTerm" : 0\n');
    expect(fields).toContain('"Deleted" : 1\n"PrevKey" : "foo"\n');
  });

  it("events of a watch", () => {
    const events = [
      EventDescriptor.create({ type: EventType.PUT, kv, prevKv: kv }),
      EventDescriptor.create({
        type: EventType.DELETE,
        kv: KeyValueDescriptor.create({ key: bytes("k"), modRevision: 9 }),
      }),
    ];
    const news = { header, events, compactRevision: 0, canceled: false, cancelReason: "" };
    expect(printed(watchReport(news))).toBe("PUT\nfoo\nb<r>\n\nfoo\nb<r>\n\nDELETE\nk\n\n");
    expect(printed(watchReport({ ...news, events: events.slice(1) }), { format: "json" })).toBe(
      `{"Header":${HEADER_JSON},"Events":[{"type":1,"kv":{"key":"aw==","mod_revision":9}}],` +
        '"CompactRevision":0,"Canceled":false,"Created":false,"CancelReason":""}\n',
    );
    expect(printed(watchReport({ ...news, events: [] }), { format: "json" })).toContain('"Events":null');
    expect(printed(watchReport(news), { format: "fields" })).toContain('"Type" : PUT\n"PrevKey" : "foo"\n');
  });

  it("leases", () => {
    const grant = grantReport(LeaseGrantResponseDescriptor.create({ header, id: 7587862094451159819n, ttl: 100 }));
    expect(printed(grant)).toBe("lease 694d805f6869b30b granted with TTL(100s)\n");
    expect(printed(grant, { format: "json" })).toBe(
      `${HEADER_JSON.slice(0, -1)},"ID":7587862094451159819,"TTL":100,"Error":""}\n`,
    );
    expect(() => printed(grant, { format: "protobuf" })).toThrow(
      "marshal unsupported for type *clientv3.LeaseGrantResponse",
    );
    const keys = [bytes("a"), bytes("b")];
    const left = LeaseTimeToLiveResponseDescriptor.create({ id: 1n, ttl: 9, grantedTtl: 10, keys });
    expect(printed(timeToLiveReport(left, true))).toBe(
      "lease 0000000000000001 granted with TTL(10s), remaining(9s), attached keys([a b])\n",
    );
    expect(printed(timeToLiveReport(left, false), { format: "json" })).toBe(
      '{"id":1,"ttl":9,"granted-ttl":10,"keys":["YQ==","Yg=="]}\n',
    );
    const gone = timeToLiveReport(LeaseTimeToLiveResponseDescriptor.create({ id: 1n, ttl: -1 }), true);
    expect(printed(gone)).toBe("lease 0000000000000001 already expired\n");
    expect(printed(gone, { format: "json" })).toBe('{"id":1,"ttl":-1,"granted-ttl":0,"keys":null}\n');
  });

  it("members as lines, as a table, and with ids in hexadecimal", () => {
    const members = [
      MemberDescriptor.create({
        id: MEMBER_ID,
        name: "m1",
        peerUrls: ["http://localhost:2380"],
        clientUrls: ["http://localhost:2379"],
      }),
      MemberDescriptor.create({ id: 0x1an, peerUrls: ["http://a:1", "http://b:1"], isLearner: true }),
    ];
    const report = memberListReport(MemberListResponseDescriptor.create({ header, members }));
    expect(printed(report)).toBe(
      "8e9e05c52164694d, started, m1, http://localhost:2380, http://localhost:2379, false\n" +
        "1a, unstarted, , http://a:1,http://b:1, , true\n",
    );
    expect(printed(report, { format: "table" })).toBe(`\
┌──────────────────┬───────────┬──────┬───────────────────────┬───────────────────────┬────────────┐
│        ID        │  STATUS   │ NAME │      PEER ADDRS       │     CLIENT ADDRS      │ IS LEARNER │
├──────────────────┼───────────┼──────┼───────────────────────┼───────────────────────┼────────────┤
│ 8e9e05c52164694d │   started │   m1 │ http://localhost:2380 │ http://localhost:2379 │      false │
│               1a │ unstarted │      │ http://a:1,http://b:1 │                       │       true │
└──────────────────┴───────────┴──────┴───────────────────────┴───────────────────────┴────────────┘
`);
    expect(printed(report, { format: "json", hex: true })).toBe(
      '{"header":{"cluster_id":"cdf818194e3a8c32","member_id":"8e9e05c52164694d","revision":2,"raft_term":2},"members":[' +
        '{"ID":"8e9e05c52164694d","name":"m1","peerURLs":["http://localhost:2380"],"clientURLs":["http://localhost:2379"]},' +
        '{"ID":"1a","peerURLs":["http://a:1","http://b:1"],"isLearner":true}]}\n',
    );
  });

  it("the status of an endpoint", () => {
    const status = StatusResponseDescriptor.create({
      header,
      version: "3.7.1",
      dbSize: 20480,
      leader: MEMBER_ID,
      raftIndex: 4,
      raftTerm: 2,
      raftAppliedIndex: 4,
      dbSizeInUse: 16384,
      storageVersion: "3.7.0",
      dbSizeQuota: 2147483648,
      errors: ["a", "b"],
    });
    const report = statusReport([{ endpoint: "127.0.0.1:2379", status }]);
    expect(printed(report)).toBe(
      "127.0.0.1:2379, 8e9e05c52164694d, 3.7.1, 3.7.0, 20 kB, 16 kB, 20%, 2.1 GB, true, false, 2, 4, 4, a, b, , false\n",
    );
    expect(printed(report, { format: "fields" })).toContain('"Errors" : [a b]\n"Endpoint" : "127.0.0.1:2379"\n');
    expect(printed(report, { format: "json" })).toContain(`"leader":${MEMBER_ID},"raftIndex":4`);
    expect(printed(statusReport([]), { format: "json" })).toBe("null\n");
  });

  it("health", () => {
    const report = healthReport([
      { endpoint: "a:1", isHealthy: true, took: "2.1ms", error: "" },
      { endpoint: "b:1", isHealthy: false, took: "5s", error: "context deadline exceeded" },
    ]);
    expect(printed(report)).toBe("a:1 is healthy: successfully committed proposal: took = 2.1ms\n");
    expect(printed(report, { format: "json" })).toBe(
      '[{"endpoint":"a:1","health":true,"took":"2.1ms"},' +
        '{"endpoint":"b:1","health":false,"took":"5s","error":"context deadline exceeded"}]\n',
    );
  });

  it("alarms", () => {
    const report = alarmReport({ header, alarms: [{ memberId: MEMBER_ID, alarm: AlarmType.NOSPACE }] });
    expect(printed(report)).toBe(`memberID:${MEMBER_ID} alarm:NOSPACE\n`);
    expect(printed(report, { format: "json" })).toContain(`"alarms":[{"memberID":${MEMBER_ID},"alarm":1}]`);
  });

  it("permissions of a role", () => {
    const perm = [
      { permType: PermissionType.READ, key: bytes("a"), rangeEnd: new Uint8Array() },
      { permType: PermissionType.READWRITE, key: bytes("b"), rangeEnd: bytes("c") },
      { permType: PermissionType.WRITE, key: bytes("d"), rangeEnd: Uint8Array.of(0) },
      { permType: PermissionType.WRITE, key: bytes("e"), rangeEnd: bytes("g") },
    ];
    const report = roleGetReport("r", AuthRoleGetResponseDescriptor.create({ header, perm }));
    expect(printed(report)).toBe(
      "Role r\nKV Read:\n\ta\n\t[b, c) (prefix b)\nKV Write:\n\t[b, c) (prefix b)\n\t[d, <open ended>\n\t[e, g)\n",
    );
    const root = roleGetReport("root", AuthRoleGetResponseDescriptor.create({ header }));
    expect(printed(root)).toBe("Role root\nKV Read:\n\t[, <open ended>\nKV Write:\n\t[, <open ended>\n");
  });
});
