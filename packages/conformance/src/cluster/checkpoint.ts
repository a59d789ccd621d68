import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "@quorate/testkit";
import { canonicalResponse } from "../differential/canonical.ts";
import { differences } from "../differential/differences.ts";
import type { Message, Outcome } from "../etcd-api.ts";
import type { MemberClients } from "./member-clients.ts";

const KEEP_UP_TIMEOUT_MS = 30_000;
const ATTEMPTS_MAX = 5;
const ATTEMPT_PAUSE_MS = 300;
const MARKER = Buffer.from("checkpoint");
const EVERYTHING = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

/** Where all members were found to be, and what of it was not alike. */
export interface Checkpoint {
  readonly revision: number;
  readonly hash: number;
  readonly failures: readonly string[];
}

/**
 * Compares members that serve and are sent nothing else meanwhile: `HashKV`, all keys and the compacted revision at the
 * revision of a marker written first, the member list, leases with their keys, users, roles, alarms, leader and term.
 */
export async function checkpoint(clients: MemberClients, members: readonly number[]): Promise<Checkpoint> {
  const revision = await writeMarker(clients, members);
  await Promise.all(members.map((member) => untilRevision(clients, member, revision)));
  const auth = await clients.haveAuth(members);
  let seen = await Promise.all(members.map((member) => lookAt(clients, member, revision, auth)));
  let failures = compare(members, seen);
  // A lease may run out, and a term begin, between one member's answer and another's.
  for (let attempt = 1; failures.length > 0 && attempt < ATTEMPTS_MAX; attempt++) {
    await sleep(ATTEMPT_PAUSE_MS);
    seen = await Promise.all(members.map((member) => lookAt(clients, member, revision, auth)));
    failures = compare(members, seen);
  }
  const hash = (seen[0]?.["hash"] as Message | undefined)?.["hash"];
  return { revision, hash: Number(hash ?? 0), failures };
}

/** The revision of a put that every member is to have; repeated while there is no leader. */
async function writeMarker(clients: MemberClients, members: readonly number[]): Promise<number> {
  const value = Buffer.from(String(performance.now()));
  const put = await clients.patiently("KV/Put", { key: MARKER, value }, members);
  return Number((put["header"] as Message)["revision"]);
}

async function untilRevision(clients: MemberClients, member: number, revision: number): Promise<void> {
  let seen: unknown = "no answer";
  await waitUntil(
    async () => {
      const status = await clients.status(member).catch(() => undefined);
      if (status !== undefined) seen = (status["header"] as Message)["revision"];
      return Number(seen) >= revision;
    },
    {
      what: `member ${member} to reach revision ${revision}`,
      timeoutMs: KEEP_UP_TIMEOUT_MS,
      everyMs: 20,
      detail: () => `it is at ${String(seen)}`,
    },
  );
}

type View = Readonly<Record<string, unknown>>;

async function lookAt(clients: MemberClients, member: number, revision: number, auth: boolean): Promise<View> {
  const api = clients.api(member);
  const ask = async (method: string, request: Message = {}): Promise<unknown> =>
    view(method, await api.call(method, request));
  const status = await clients.status(member);
  const leases = await leasesOf(clients, member);
  return {
    leader: status["leader"],
    term: status["raftTerm"],
    errors: status["errors"],
    hash: await ask("Maintenance/HashKV", { revision: String(revision) }),
    keys: await ask("KV/Range", { ...EVERYTHING, revision: String(revision), serializable: true }),
    members: await ask("Cluster/MemberList"),
    alarms: await ask("Maintenance/Alarm"),
    users: auth ? await eachOf(clients, member, "user", "name") : "not asked",
    roles: auth ? await eachOf(clients, member, "role", "role") : "not asked",
    leases,
  };
}

/** Every lease with its granted time and its keys; the time that remains differs from one question to the next. */
async function leasesOf(clients: MemberClients, member: number): Promise<unknown> {
  const api = clients.api(member);
  const listed = await api.call("Lease/LeaseLeases", {});
  if (!listed.ok) return listed;
  const ids = (listed.response["leases"] as readonly { ID: string }[]).map(({ ID }) => ID).sort();
  return await Promise.all(
    ids.map(async (ID) => {
      const answer = await api.call("Lease/LeaseTimeToLive", { ID, keys: true });
      if (!answer.ok) return { ID, answer };
      const { grantedTTL, keys } = canonicalResponse("Lease/LeaseTimeToLive", {}, answer.response);
      return { ID, grantedTTL, keys };
    }),
  );
}

/** All users or roles, each with its details. */
async function eachOf(clients: MemberClients, member: number, kind: "user" | "role", field: string): Promise<unknown> {
  const api = clients.api(member);
  const method = kind === "user" ? "User" : "Role";
  const listed = await api.call(`Auth/${method}List`, {});
  if (!listed.ok) return listed;
  const names = listed.response[`${kind}s`] as readonly string[];
  return await Promise.all(
    names.map(async (name) => [name, view("", await api.call(`Auth/${method}Get`, { [field]: name }))]),
  );
}

/** An answer without what legitimately differs between members: the header, and what only some releases tell. */
function view(method: string, outcome: Outcome): unknown {
  if (!outcome.ok) return outcome;
  const { header: _, hash_revision: _revision, ...rest } = outcome.response;
  if (method !== "Cluster/MemberList") return rest;
  const byId = (a: Message, b: Message): number => (String(a["ID"]) < String(b["ID"]) ? -1 : 1);
  return [...(rest["members"] as readonly Message[])].sort(byId);
}

function compare(members: readonly number[], seen: readonly View[]): readonly string[] {
  const [first] = seen;
  if (first === undefined) return [];
  const own = differences(first, { ...first, errors: [], alarms: { alarms: [] } }).map(
    (line) => `all members: ${line}`,
  );
  return own.concat(
    seen
      .slice(1)
      .flatMap((other, i) =>
        differences(first, other).map((line) => `member ${members[0]} | member ${members[i + 1]}: ${line}`),
      ),
  );
}
