import type { Message } from "../etcd-api.ts";

/**
 * Brings a response into the form in which two servers' responses must be equal: identities, terms, addresses and sizes
 * become "set" or "unset", and what the API leaves without an order gets one.
 */
export function canonicalResponse(method: string, request: Message, response: Message): Message {
  const result: Record<string, unknown> = { ...response };
  if (result["header"] != null) result["header"] = canonicalHeader(result["header"] as Message);
  switch (method) {
    case "KV/Range":
      return canonicalRange(request, result);
    case "KV/Txn":
      return canonicalTxn(request, result);
    case "Lease/LeaseTimeToLive":
      return { ...result, keys: sortedBytes(result["keys"] as readonly Buffer[]) };
    case "Lease/LeaseLeases":
      // By remaining time; after a restart all begin anew at the same instant, so the order says nothing there.
      return { ...result, leases: (result["leases"] as readonly { ID: string }[]).map(({ ID }) => ID).sort() };
    case "Cluster/MemberList":
      return { ...result, members: (result["members"] as readonly Message[]).map(canonicalMember) };
    case "Maintenance/Status":
      return canonicalStatus(result);
    case "Maintenance/Alarm":
      return { ...result, alarms: (result["alarms"] as readonly Message[]).map((alarm) => mask(alarm, ["memberID"])) };
    default:
      return result;
  }
}

/** The same for a response header, wherever it stands. */
export function canonicalHeader(header: Message): Message {
  return mask(header, ["cluster_id", "member_id", "raft_term"]);
}

function mask(message: Message, fields: readonly string[]): Message {
  const masked: Record<string, unknown> = { ...message };
  for (const field of fields) {
    const value = masked[field];
    if (value !== undefined) masked[field] = value === "0" || value === "" ? "unset" : "set";
  }
  return masked;
}

function canonicalMember(member: Message): Message {
  const count = (field: string): number => (member[field] as readonly string[]).length;
  return { ...mask(member, ["ID"]), peerURLs: count("peerURLs"), clientURLs: count("clientURLs") };
}

function canonicalStatus(status: Message): Message {
  const masked = mask(status, ["dbSize", "leader", "raftIndex", "raftTerm", "raftAppliedIndex", "dbSizeInUse"]);
  return mask(masked, ["version", "storageVersion", "dbSizeQuota"]);
}

function canonicalTxn(request: Message, response: Message): Message {
  const branch = (response["succeeded"] === true ? request["success"] : request["failure"]) as readonly Message[];
  const responses = response["responses"] as readonly Message[];
  return {
    ...response,
    responses: responses.map((one, i) => {
      const operation = branch?.[i];
      if (one["response_range"] != null) {
        const range = (operation?.["request_range"] ?? {}) as Message;
        return { ...one, response_range: canonicalRange(range, one["response_range"] as Message) };
      }
      if (one["response_txn"] != null) {
        const txn = (operation?.["request_txn"] ?? {}) as Message;
        return { ...one, response_txn: canonicalTxn(txn, one["response_txn"] as Message) };
      }
      return one;
    }),
  };
}

const SORT_FIELDS = ["key", "version", "create_revision", "mod_revision", "value"] as const;
type Keyed = Readonly<Record<(typeof SORT_FIELDS)[number], unknown>>;

/** etcd sorts with an unstable sort: keys that compare equal come in any order, and a limit may keep any of them. */
function canonicalRange(request: Message, response: Message): Message {
  const target = Number(request["sort_target"] ?? 0);
  const field = SORT_FIELDS[target] ?? "key";
  const kvs = response["kvs"] as readonly Keyed[];
  if (field === "key" || kvs.length === 0) return response;
  const rank = (kv: Keyed): string => {
    // The values that were sorted by are not in the answer, so no order can be checked.
    if (field === "value" && request["keys_only"] === true) return "";
    return field === "value" ? (kv.value as Buffer).toString("hex") : String(kv[field]);
  };
  const groups: Keyed[][] = [];
  for (const kv of kvs) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && rank(last[0]) === rank(kv)) last.push(kv);
    else groups.push([kv]);
  }
  const byKey = (a: Keyed, b: Keyed): number => Buffer.compare(a.key as Buffer, b.key as Buffer);
  const cut = response["more"] === true;
  const canonical = groups.map((group, i) =>
    cut && i === groups.length - 1 ? { rank: rank(group[0] as Keyed), count: group.length } : group.sort(byKey),
  );
  return { ...response, kvs: canonical };
}

function sortedBytes(keys: readonly Buffer[]): readonly Buffer[] {
  return [...keys].sort((a, b) => Buffer.compare(a, b));
}
