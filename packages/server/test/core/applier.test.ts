import { describe, expect, it } from "@jest/globals";
import { bytesFromLatin1, concatBytes, utf8Bytes } from "@quorate/base";
import { MapBackend } from "@quorate/mvcc/testing";
import {
  createClusterMemberAttrSetRequest,
  createCompare,
  createLeaseCheckpoint,
  createMemberAttributes,
  createPutRequest,
  createRaftConfChange,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  encodeAlarmRequest,
  encodeClusterMemberAttrSetRequest,
  encodeClusterVersionSetRequest,
  encodeCompactionRequest,
  encodeDeleteRangeRequest,
  encodeLeaseCheckpointRequest,
  encodeLeaseGrantRequest,
  encodeLeaseRevokeRequest,
  encodePutRequest,
  encodeRaftConfChange,
  encodeTxnRequest,
} from "@quorate/protocol";
import { type Entry, EntryType } from "@quorate/raft";
import { type ApplyResult, PendingRequests, RequestKind } from "@quorate/server/core";
import { Answer, Machine, requestEntry } from "./machine.ts";

const ACTIVATE = 1;
const DEACTIVATE = 2;
const NOSPACE = 1;
const CORRUPT = 2;

const put = (key: string, lease = 0n): Uint8Array =>
  encodePutRequest(createPutRequest({ key: utf8Bytes(key), value: utf8Bytes("v"), lease }));
const del = (key: string): Uint8Array =>
  encodeDeleteRangeRequest({ key: utf8Bytes(key), rangeEnd: new Uint8Array(0), prevKv: false });
const txnOf = (op: Parameters<typeof createRequestOp>[0]): Uint8Array =>
  encodeTxnRequest(createTxnRequest({ compare: [createCompare()], failure: [createRequestOp(op)], success: [] }));
const putTxn = encodeTxnRequest(
  createTxnRequest({
    success: [createRequestOp({ requestPut: createPutRequest({ key: utf8Bytes("t"), value: utf8Bytes("v") }) })],
  }),
);
const deleteTxn = encodeTxnRequest(
  createTxnRequest({
    success: [
      createRequestOp({ requestDeleteRange: { key: utf8Bytes("t"), rangeEnd: new Uint8Array(0), prevKv: false } }),
    ],
  }),
);
const grant = (id: bigint): Uint8Array => encodeLeaseGrantRequest({ ttl: 60, id });
const alarm = (action: number, type: number): Uint8Array => encodeAlarmRequest({ action, memberId: 7n, alarm: type });

/** Applies requests one entry each and gives what they came to. */
function run(machine: Machine, requests: readonly (readonly [kind: number, request: Uint8Array])[]): ApplyResult[] {
  const pending = new PendingRequests();
  return requests.map(([kind, request], i) => {
    const answer = new Answer();
    pending.add(i + 1, answer, 0);
    machine.applier.apply(
      { term: 2, index: i + 1, type: EntryType.Normal, data: requestEntry(kind, request, i + 1) },
      pending,
    );
    machine.applier.commit(i + 1);
    return answer.result as ApplyResult;
  });
}

describe("the applier", () => {
  it("applies each kind of request", () => {
    const machine = new Machine();
    const results = run(machine, [
      [RequestKind.LeaseGrant, grant(5n)],
      [RequestKind.Put, put("a", 5n)],
      [RequestKind.Put, put("b", 5n)],
      [RequestKind.Txn, putTxn],
      [RequestKind.DeleteRange, del("t")],
      [
        RequestKind.LeaseCheckpoint,
        encodeLeaseCheckpointRequest({ checkpoints: [createLeaseCheckpoint({ id: 5n, remainingTtl: 9 })] }),
      ],
      [RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id: 5n })],
      [RequestKind.Compaction, encodeCompactionRequest({ revision: 4, physical: false })],
      [RequestKind.Alarm, alarm(ACTIVATE, NOSPACE)],
      [RequestKind.ClusterVersionSet, encodeClusterVersionSetRequest({ ver: "3.7.0" })],
    ]);

    expect(results).toMatchObject([
      { id: 5n, ttlSeconds: 60 },
      { revision: 2 },
      { revision: 3 },
      { revision: 4, succeeded: true },
      { revision: 5, deleted: 1 },
      { revision: 5 },
      { revision: 6 },
      { revision: 6 },
      { alarms: [{ memberId: 7n, type: NOSPACE }] },
      { revision: 6 },
    ]);
    expect(machine.store.keyCount).toBe(0);
    expect(machine.store.compactedRevision).toBe(4);
    expect(machine.membership.clusterVersion).toBe("3.7.0");
    expect(machine.counts).toMatchObject({
      // The one of the transaction, and the keys of the lease, which are one transaction, count too.
      puts: 3,
      deletes: 3,
      txns: 1,
      leasesGranted: 1,
      leasesRevoked: 1,
      putBytes: 6,
    });
    expect(machine.events).toEqual(["compact"]);
  });

  it("answers refusals of the store and the leases with their codes, and changes nothing", () => {
    const machine = new Machine();

    expect(
      run(machine, [
        [RequestKind.LeaseGrant, grant(5n)],
        [RequestKind.LeaseGrant, grant(5n)],
        [RequestKind.LeaseGrant, encodeLeaseGrantRequest({ ttl: 9_000_000_001, id: 6n })],
        [RequestKind.Put, put("a", 9n)],
        [RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id: 9n })],
        [RequestKind.Compaction, encodeCompactionRequest({ revision: 9, physical: false })],
        [RequestKind.Txn, txnOf({ requestRange: createRangeRequest({ key: utf8Bytes("a"), revision: 9 }) })],
      ]).slice(1),
    ).toMatchObject([
      "leaseExist",
      "leaseTtlTooLarge",
      "leaseNotFound",
      "leaseNotFound",
      "futureRevision",
      { succeeded: true },
    ]);
    expect(machine.store.revision).toBe(1);
  });

  it("under NOSPACE refuses what takes space and lets through what frees it", () => {
    const machine = new Machine();
    const results = run(machine, [
      [RequestKind.Put, put("t")],
      [RequestKind.LeaseGrant, grant(5n)],
      [RequestKind.Alarm, alarm(ACTIVATE, NOSPACE)],
      [RequestKind.Put, put("b")],
      [RequestKind.Txn, putTxn],
      [RequestKind.LeaseGrant, grant(6n)],
      [RequestKind.Txn, deleteTxn],
      [RequestKind.DeleteRange, del("t")],
      [RequestKind.Compaction, encodeCompactionRequest({ revision: 2, physical: false })],
      [RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id: 5n })],
      [RequestKind.Alarm, alarm(DEACTIVATE, NOSPACE)],
      [RequestKind.Put, put("b")],
    ]);

    expect(results.slice(3)).toMatchObject([
      "noSpace",
      "noSpace",
      "noSpace",
      { revision: 3 },
      { deleted: 0 },
      { revision: 3 },
      { revision: 3 },
      { alarms: [{ type: NOSPACE }] },
      { revision: 4 },
    ]);
  });

  it("under CORRUPT refuses every change of keys and leases", () => {
    const machine = new Machine();
    const results = run(machine, [
      [RequestKind.Alarm, alarm(ACTIVATE, CORRUPT)],
      [RequestKind.Put, put("a")],
      [RequestKind.DeleteRange, del("a")],
      [RequestKind.Txn, deleteTxn],
      [RequestKind.Compaction, encodeCompactionRequest({ revision: 1, physical: false })],
      [RequestKind.LeaseGrant, grant(5n)],
      [RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id: 5n })],
    ]);

    expect(results.slice(1)).toEqual(Array.from({ length: 6 }, () => "corrupt"));
  });

  it("applies a write that goes over the quota, and says so", () => {
    const machine = new Machine(1000);
    machine.sizeBytes = 900;

    const results = run(machine, [
      [RequestKind.Put, put("a")],
      [RequestKind.Txn, putTxn],
      [RequestKind.LeaseGrant, grant(5n)],
    ]);

    expect(results).toEqual(["noSpace", "noSpace", { id: 5n, ttlSeconds: 60 }]);
    expect(machine.store.revision).toBe(3);
    expect(machine.events).toEqual(["over quota", "over quota"]);
  });

  it("does not answer our request with an entry of another member that drew the same low bits", () => {
    const machine = new Machine();
    const pending = new PendingRequests();
    const ours = new Answer();
    pending.add(1, ours, 0);
    const entry = (high16: number, index: number): Entry => ({
      term: 2,
      index,
      type: EntryType.Normal,
      data: requestEntry(RequestKind.Put, put("a"), 1, high16),
    });

    machine.applier.apply(entry(8, 1), pending);
    expect(ours.result).toBeUndefined();
    machine.applier.apply(entry(7, 2), pending);
    expect(ours.result).toMatchObject({ revision: 3 });
  });

  it("applies requests with unknown fields that only etcd before 3.7 lets through", () => {
    const machine = new Machine();
    const groups = new Uint8Array(2000).fill(0x7b, 0, 1000).fill(0x7c, 1000);
    const odd = (request: Uint8Array): Uint8Array => concatBytes([groups, request]);

    expect(
      run(machine, [
        [RequestKind.Put, odd(put("a"))],
        [RequestKind.DeleteRange, odd(del("a"))],
        [RequestKind.Txn, odd(putTxn)],
        [RequestKind.LeaseGrant, odd(grant(5n))],
        [RequestKind.LeaseRevoke, odd(encodeLeaseRevokeRequest({ id: 5n }))],
        [RequestKind.Compaction, odd(encodeCompactionRequest({ revision: 3, physical: false }))],
        [RequestKind.Alarm, odd(alarm(ACTIVATE, NOSPACE))],
      ]),
    ).toMatchObject([
      { revision: 2 },
      { revision: 3, deleted: 1 },
      { revision: 4, succeeded: true },
      { id: 5n },
      { revision: 4 },
      { revision: 4 },
      { alarms: [{ type: NOSPACE }] },
    ]);
  });

  it("publishes attributes of members it knows", () => {
    const machine = new Machine();
    machine.membership.add({ id: 7n, name: "", peerUrls: [], clientUrls: [], isLearner: false });
    const attributes = createMemberAttributes({ name: "n", clientUrls: ["http://a:1"] });
    run(machine, [
      [
        RequestKind.ClusterMemberAttrSet,
        encodeClusterMemberAttrSetRequest(
          createClusterMemberAttrSetRequest({ memberId: 7n, memberAttributes: attributes }),
        ),
      ],
    ]);

    expect(machine.membership.get(7n)).toMatchObject({ name: "n", clientUrls: ["http://a:1"] });
  });

  it("tells configuration changes and the first entry of a term apart from requests", () => {
    const machine = new Machine();
    const pending = new PendingRequests();
    const change = encodeRaftConfChange(createRaftConfChange({ nodeId: 9n }));
    machine.applier.apply({ term: 1, index: 1, type: EntryType.ConfChange, data: change }, pending);
    machine.applier.apply({ term: 2, index: 2, type: EntryType.Normal, data: new Uint8Array(0) }, pending);
    machine.applier.commit(2);

    expect(machine.events).toEqual(["conf change of 9", "first commit"]);
    expect(machine.applier.appliedTerm).toBe(2);
    expect(machine.backend.get("meta", utf8Bytes("consistent_index"))).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2));
    expect(machine.backend.get("meta", utf8Bytes("term"))).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2));
  });

  it("brings the same entries to the same stored bytes", () => {
    const requests: [number, Uint8Array][] = [[RequestKind.LeaseGrant, grant(5n)]];
    for (let i = 0; i < 50; i++) requests.push([RequestKind.Put, put(`k${i % 7}`, i % 3 === 0 ? 5n : 0n)]);
    requests.push([RequestKind.Txn, putTxn], [RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id: 5n })]);
    const dumps = [1, 2].map(() => {
      const machine = new Machine(undefined, new MapBackend());
      run(machine, requests);
      const records: unknown[] = [];
      machine.backend.scanRevisions(0, 0, 1000, (_error, found) => records.push(...found));
      machine.backend.runScans();
      return JSON.stringify(
        [records, machine.backend.list("lease"), machine.backend.list("meta")],
        (_key, value: unknown) => (value instanceof Uint8Array ? [...value] : value),
      );
    });

    expect(dumps[0]).toBe(dumps[1]);
    expect(dumps[0]).toContain(JSON.stringify([...bytesFromLatin1("k1")]).slice(1, -1));
  });
});
