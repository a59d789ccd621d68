import { encodeRequest, type Message } from "../etcd-api.ts";
import type { Step } from "./step.ts";
import type { World } from "./world.ts";

const KEY = Buffer.from("k/bad");
const call = (method: string, request: Message): Step => ({ kind: "call", method, request });
const raw = (path: string, bytes: readonly number[]): Step => ({
  kind: "raw",
  path,
  bytes: Uint8Array.from(bytes),
  codeOnly: true,
});
const puts = (count: number): readonly Message[] =>
  Array.from({ length: count }, (_, i) => ({
    request_put: { key: Buffer.from(`many/${i}`), value: Buffer.from("v") },
  }));
const put = (key: string): Message => ({ request_put: { key: Buffer.from(key), value: Buffer.from("v") } });
const remove = (key: string, end: string): Message => ({
  request_delete_range: { key: Buffer.from(key), range_end: Buffer.from(end) },
});

/**
 * Requests that a server must refuse, or must accept although they look wrong: each is sent once a seed. What ends the
 * process of a real etcd (unknown sort order or target, an alarm with an unknown action) is left out.
 */
export function badRequests(world: World): readonly Step[] {
  return [...badKeyValueRequests(world), ...badTransactions(), ...badLeases(), ...badMessages(), ...badMaintenance()];
}

function badKeyValueRequests(world: World): readonly Step[] {
  return [
    call("KV/Range", {}),
    call("KV/Range", { key: KEY, revision: String(world.revision + 1) }),
    call("KV/Put", { value: KEY }),
    call("KV/Put", { key: KEY, value: KEY, ignore_value: true }),
    call("KV/Put", { key: KEY, lease: "5", ignore_lease: true }),
    call("KV/Put", { key: Buffer.from("never there"), ignore_value: true }),
    call("KV/Put", { key: Buffer.from("never there"), value: KEY, ignore_lease: true }),
    call("KV/Put", { key: KEY, lease: "424242" }),
    call("KV/Put", { key: KEY, value: Buffer.alloc(1_600_000, 120) }),
    call("KV/Put", { key: KEY, value: Buffer.alloc(2_200_000, 120) }),
    call("KV/DeleteRange", {}),
    call("KV/DeleteRange", { key: Buffer.from("never there") }),
    call("KV/Compact", { revision: String(world.revision + 5) }),
    call("KV/Compact", { revision: "9223372036854775807" }),
    call("KV/Compact", { revision: "-7" }),
    call("KV/Compact", { revision: "-9223372036854775808", physical: true }),
  ];
}

function badTransactions(): readonly Step[] {
  const txn = (success: readonly Message[], rest: Message = {}): Step => call("KV/Txn", { success, ...rest });
  const nested = (depth: number): Message => ({
    request_txn: depth === 0 ? { success: [put("deep")] } : { success: [nested(depth - 1)] },
  });
  return [
    txn([]),
    txn(puts(128)),
    txn(puts(129)),
    txn([], { failure: puts(129) }),
    txn([], { compare: Array.from({ length: 129 }, () => ({ key: KEY, target: 0, version: "0" })) }),
    txn([...puts(100), { request_txn: { success: puts(29).map(() => remove("x", "y")) } }]),
    txn([put("d"), put("d")]),
    txn([put("d"), remove("a", "e")]),
    txn([remove("a", "e"), put("d")]),
    txn([remove("a", "e"), remove("b", "f")]),
    txn([remove("d", "\0"), put("dd")]),
    txn([put("d"), { request_txn: { success: [put("d")], failure: [put("d")] } }]),
    txn([{ request_txn: { success: [put("d")], failure: [put("d")] } }]),
    txn([{ request_txn: { success: [put("d")] } }, { request_txn: { success: [remove("a", "e")] } }]),
    txn([{ request_txn: { success: [remove("a", "e")] } }, { request_txn: { success: [put("d")] } }]),
    txn([put("d")], { failure: [put("d")] }),
    txn([{}]),
    txn([], { compare: [{ key: Buffer.alloc(0), target: 0 }] }),
    txn([], { compare: [{ key: KEY, target: 99, version: "1" }] }),
    txn([], { compare: [{ key: KEY, result: 99, target: 0, version: "1" }] }),
    txn([{ request_put: { key: KEY, lease: "424242" } }]),
    txn([put("ok"), { request_put: { key: Buffer.from("never there"), ignore_value: true } }]),
    txn([put("ok"), { request_range: { key: KEY, revision: "99999999" } }]),
    txn([{ request_range: { key: KEY, revision: "99999999" } }]),
    txn([nested(30)]),
    txn([{ request_put: { key: KEY, value: Buffer.alloc(1_600_000, 120) } }]),
  ];
}

function badLeases(): readonly Step[] {
  return [
    call("Lease/LeaseGrant", { ID: "31", TTL: "9000000001" }),
    { kind: "sequence", calls: [grant("32", "9000000000"), revoke("32")] },
    { kind: "sequence", calls: [grant("33", "0"), timeToLive("33"), revoke("33")] },
    { kind: "sequence", calls: [grant("34", "-5"), timeToLive("34"), revoke("34")] },
    { kind: "sequence", calls: [grant("35", "1"), revoke("35")] },
    { kind: "sequence", calls: [grant("-1", "500"), grant("-1", "500"), timeToLive("-1"), revoke("-1")] },
    { kind: "sequence", calls: [grant("9223372036854775807", "500"), revoke("9223372036854775807")] },
    call("Lease/LeaseRevoke", { ID: "424242" }),
    call("Lease/LeaseRevoke", { ID: "0" }),
    { ...call("Lease/LeaseTimeToLive", { ID: "424242", keys: true }) },
    { kind: "keep-alive", id: "424242" },
    { kind: "keep-alive", id: "0" },
  ];
}

const grant = (ID: string, TTL: string): { method: string; request: Message } => ({
  method: "Lease/LeaseGrant",
  request: { ID, TTL },
});
const revoke = (ID: string): { method: string; request: Message } => ({ method: "Lease/LeaseRevoke", request: { ID } });
const timeToLive = (ID: string): { method: string; request: Message } => ({
  method: "Lease/LeaseTimeToLive",
  request: { ID, keys: true },
});

function badMessages(): readonly Step[] {
  const kv = "/etcdserverpb.KV";
  const unknownField = [...encodeRequest("KV/Put", { key: KEY, value: KEY }), 0xf2, 0x06, 0x03, 1, 2, 3];
  return [
    raw(`${kv}/Range`, [0x0a, 0x05, 0x61]),
    raw(`${kv}/Range`, [0xff]),
    raw(`${kv}/Put`, [0x0a]),
    raw(`${kv}/Put`, [0x08, 0x01]),
    raw(`${kv}/Put`, [0x07]),
    raw(`${kv}/Put`, [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    raw(`${kv}/Txn`, [0x12, 0x02, 0x0a, 0x05]),
    raw(`${kv}/Compact`, [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
    raw("/etcdserverpb.Lease/LeaseGrant", [0x0a, 0x01]),
    raw(`${kv}/Put`, unknownField),
    { ...raw(`${kv}/Nothing`, []), codeOnly: false } as Step,
    { ...raw("/etcdserverpb.Nothing/Range", []), codeOnly: false } as Step,
    { ...raw("/nothing.at.All/Range", []), codeOnly: false } as Step,
    raw(`${kv}/Range`, []),
  ];
}

function badMaintenance(): readonly Step[] {
  return [
    call("Maintenance/HashKV", { revision: "99999999" }),
    call("Maintenance/Alarm", { action: 0, alarm: 1 }),
    call("Maintenance/Alarm", { action: 2, alarm: 1, memberID: "12345" }),
    call("Maintenance/MoveLeader", { targetID: "12345" }),
    call("Cluster/MemberRemove", { ID: "12345" }),
    call("Cluster/MemberUpdate", { ID: "12345", peerURLs: ["http://127.0.0.1:1"] }),
    call("Cluster/MemberPromote", { ID: "12345" }),
    call("Cluster/MemberAdd", { peerURLs: [] }),
    call("Cluster/MemberAdd", { peerURLs: ["no url"] }),
  ];
}
