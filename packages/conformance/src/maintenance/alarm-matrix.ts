import { EtcdNode } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

/** What one request came to while alarms were on. */
export interface AlarmAnswer {
  readonly request: string;
  readonly answer: string;
}

const key = Buffer.from("k");
const put = { request_put: { key, value: Buffer.from("v") } };
const remove = { request_delete_range: { key } };
const range = { request_range: { key } };
const nested = { request_txn: { success: [put] } };

/** Every kind of request that a lone member takes, named. */
const REQUESTS: readonly (readonly [name: string, method: string, request: Message])[] = [
  ["get", "KV/Range", { key }],
  ["serializable get", "KV/Range", { key, serializable: true }],
  ["put", "KV/Put", { key, value: Buffer.from("v") }],
  ["invalid put", "KV/Put", { value: Buffer.from("v") }],
  ["delete", "KV/DeleteRange", { key: Buffer.from("other") }],
  ["empty transaction", "KV/Txn", {}],
  ["transaction that reads", "KV/Txn", { success: [range], failure: [range] }],
  ["transaction that puts", "KV/Txn", { success: [put] }],
  ["transaction that would put", "KV/Txn", { success: [range], failure: [put] }],
  ["transaction that deletes", "KV/Txn", { success: [remove] }],
  ["transaction that deletes in a transaction", "KV/Txn", { success: [{ request_txn: { success: [remove] } }] }],
  ["transaction that puts in a transaction", "KV/Txn", { success: [nested] }],
  ["compaction", "KV/Compact", { revision: "2" }],
  ["future compaction", "KV/Compact", { revision: "2000" }],
  ["lease", "Lease/LeaseGrant", { ID: "8", TTL: "60" }],
  ["time to live", "Lease/LeaseTimeToLive", { ID: "7", keys: true }],
  ["list of leases", "Lease/LeaseLeases", {}],
  ["revocation", "Lease/LeaseRevoke", { ID: "7" }],
  ["revocation of no lease", "Lease/LeaseRevoke", { ID: "404" }],
  ["members", "Cluster/MemberList", { linearizable: true }],
  ["removal of no member", "Cluster/MemberRemove", { ID: "1" }],
  ["status", "Maintenance/Status", {}],
  ["hash", "Maintenance/Hash", {}],
  ["hash of keys", "Maintenance/HashKV", {}],
  ["defragmentation", "Maintenance/Defragment", {}],
  ["lock", "v3lockpb.Lock/Lock", { name: Buffer.from("l"), lease: "6" }],
  ["unlock", "v3lockpb.Lock/Unlock", { key: Buffer.from("l/6") }],
  ["user", "Auth/UserAdd", { name: "u", password: "p" }],
  ["role", "Auth/RoleAdd", { name: "r" }],
  ["permission", "Auth/RoleGrantPermission", { name: "r", perm: { permType: "READ", key } }],
  ["role of a user", "Auth/UserGrantRole", { user: "u", role: "r" }],
  ["users", "Auth/UserList", {}],
  ["end of a user", "Auth/UserDelete", { name: "u" }],
  ["users that count, without root", "Auth/AuthEnable", {}],
  ["alarms", "Maintenance/Alarm", { action: "GET" }],
  ["learner", "Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:1"], isLearner: true }],
  ["another alarm", "Maintenance/Alarm", { action: "ACTIVATE", memberID: "3", alarm: "NOSPACE" }],
];

/** Asks everything of a fresh server on which `alarms` are on; codes and texts, and after disarming whether it is writable again. */
export async function alarmMatrix(
  program: readonly string[],
  alarms: readonly string[],
): Promise<readonly AlarmAnswer[]> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  using api = new EtcdApi(node.endpoint);
  for (const ID of ["6", "7"]) await api.must("Lease/LeaseGrant", { ID, TTL: "600" });
  await api.must("KV/Put", { key, value: Buffer.from("v"), lease: "7" });
  await api.must("KV/Put", { key, value: Buffer.from("w"), lease: "7" });
  for (const alarm of alarms) await api.must("Maintenance/Alarm", { action: "ACTIVATE", memberID: "5", alarm });
  const answers: AlarmAnswer[] = [];
  const ask = async (name: string, method: string, request: Message): Promise<void> => {
    const outcome = await api.call(method, request);
    answers.push({ request: name, answer: outcome.ok ? "OK" : `${outcome.code} ${outcome.message}` });
  };
  for (const [name, method, request] of REQUESTS) await ask(name, method, request);
  const { alarms: active } = await api.must("Maintenance/Alarm", { action: "GET" });
  for (const { memberID, alarm } of active as readonly Message[]) {
    await api.must("Maintenance/Alarm", { action: "DEACTIVATE", memberID, alarm });
  }
  await ask("put once disarmed", "KV/Put", { key, value: Buffer.from("x") });
  return answers;
}
