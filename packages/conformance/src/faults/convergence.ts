import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

const SERVING_TIMEOUT_MS = 60_000;
const HASH_TIMEOUT_MS = 30_000;
const DEADLINE_MS = 5_000;

/**
 * Waits until every member of a healed cluster answers a linearizable read, then compares what they hold: the hash of all
 * keys at one revision, the member lists, the leader. Returns what differs and the revision compared at.
 */
export async function checkConvergence(
  endpoints: readonly string[],
): Promise<{ readonly problems: readonly string[]; readonly revision: number }> {
  const apis = endpoints.map((endpoint) => new EtcdApi(endpoint));
  try {
    const problems: string[] = [];
    const revisions: number[] = [];
    for (const [index, api] of apis.entries()) revisions.push(await servedRevision(api, `m${index}`));
    const revision = Math.max(...revisions);
    const hashes = await Promise.all(apis.map((api, index) => hashAt(api, revision, `m${index}`)));
    if (new Set(hashes).size > 1) problems.push(`HashKV at revision ${revision} differs: ${hashes.join(", ")}`);
    const lists = await Promise.all(apis.map(memberList));
    if (new Set(lists).size > 1) problems.push(`member lists differ: ${lists.join(" and ")}`);
    const leaders = await Promise.all(
      apis.map(async (api) => String((await api.must("Maintenance/Status", {}, DEADLINE_MS))["leader"])),
    );
    if (new Set(leaders).size > 1 || leaders[0] === "0") problems.push(`leaders differ: ${leaders.join(", ")}`);
    return { problems, revision };
  } finally {
    for (const api of apis) api.close();
  }
}

async function servedRevision(api: EtcdApi, name: string): Promise<number> {
  let revision: number | undefined;
  let refusal = "";
  await waitUntil(
    async () => {
      const answer = await api.call("KV/Range", { key: Buffer.from("x") }, DEADLINE_MS);
      if (answer.ok) revision = Number((answer.response["header"] as Message)["revision"]);
      else refusal = `${answer.code} ${answer.message}`;
      if (!answer.ok) await sleep(100);
      return answer.ok;
    },
    { what: `${name} to serve after everything was healed`, timeoutMs: SERVING_TIMEOUT_MS, detail: () => refusal },
  );
  if (revision === undefined) throw new Error(`${name} answered without a revision`);
  return revision;
}

async function hashAt(api: EtcdApi, revision: number, name: string): Promise<string> {
  let refusal = "";
  let hash: string | undefined;
  await waitUntil(
    async () => {
      // Refused as a future revision while the member still applies.
      const answer = await api.call("Maintenance/HashKV", { revision: String(revision) }, DEADLINE_MS);
      if (answer.ok) hash = `${String(answer.response["hash"])}/${String(answer.response["compact_revision"])}`;
      else refusal = `${answer.code} ${answer.message}`;
      return answer.ok;
    },
    { what: `${name} to hash revision ${revision}`, timeoutMs: HASH_TIMEOUT_MS, everyMs: 50, detail: () => refusal },
  );
  return hash ?? "";
}

async function memberList(api: EtcdApi): Promise<string> {
  const list = await api.must("Cluster/MemberList", {}, DEADLINE_MS);
  const members = (list["members"] as readonly Message[]).map((member) => JSON.stringify(member));
  return members.sort().join();
}
