import type { Message } from "../etcd-api.ts";
import type { Step } from "./step.ts";

/** A change of behaviour between etcd releases, which makes two servers on either side of it answer differently. */
export interface BehaviourChange {
  readonly id: string;
  /** Why the answers differ, and which release changed it. */
  readonly reason: string;
  /** First release of each line of releases that has the new behaviour; lines after the last one have it as well. */
  readonly since: readonly string[];
  /** The newer server's answer to `step` as the older one would give it, or undefined when this change is not the cause. */
  readonly asOlder: (step: Step, newer: unknown, older: unknown) => unknown;
}

type Plain = Readonly<Record<string, unknown>>;

const LEASE_NOT_FOUND = "etcdserver: requested lease not found";
const REFUSED_BY_PUT: ReadonlySet<unknown> = new Set(["etcdserver: key not found", LEASE_NOT_FOUND]);
const REFUSED_BY_ORDER: ReadonlySet<unknown> = new Set([
  LEASE_NOT_FOUND,
  "etcdserver: mvcc: required revision has been compacted",
  "etcdserver: mvcc: required revision is a future revision",
]);

/** Every difference between releases that random requests are known to meet. Nothing else is excused. */
export const BEHAVIOUR_CHANGES: readonly BehaviourChange[] = [
  {
    id: "keys-only-lease",
    reason: "since 3.7 keys_only is answered from the index, so the lease in it is 0",
    since: ["3.7.0"],
    asOlder: (step, newer, older) => withLeasesOf(step, newer, older),
  },
  {
    id: "alarm-header",
    reason: "since 3.5 the answer to Alarm carries a header",
    since: ["3.5.0"],
    asOlder: (step, newer) =>
      step.kind === "call" && step.method === "Maintenance/Alarm" ? withResponse(newer, { header: null }) : undefined,
  },
  {
    id: "hash-revision",
    reason: "since 3.6 HashKV says at which revision it hashed",
    since: ["3.6.0"],
    asOlder: (step, newer) =>
      step.kind === "call" && step.method === "Maintenance/HashKV"
        ? withResponse(newer, { hash_revision: "0" })
        : undefined,
  },
  {
    id: "status-of-storage",
    reason: "since 3.6 Status tells the version of the storage, the quota and a running downgrade",
    since: ["3.6.0"],
    asOlder: (step, newer) =>
      step.kind === "call" && step.method === "Maintenance/Status"
        ? withResponse(newer, { storageVersion: "unset", dbSizeQuota: "unset", downgradeInfo: null })
        : undefined,
  },
  {
    id: "hash-at-compacted-revision",
    reason: "since 3.5 HashKV answers at the compacted revision itself, which 3.4 refuses",
    since: ["3.5.0"],
    asOlder: (step, newer, older) =>
      step.kind === "call" &&
      step.method === "Maintenance/HashKV" &&
      (newer as Plain)["ok"] === true &&
      isCompacted(older)
        ? older
        : undefined,
  },
  {
    id: "txn-check-order",
    reason:
      "since 3.7 the operations of a transaction are checked in their order, a put's lease before its key; before, all puts were checked first, each key before the lease",
    since: ["3.7.0"],
    asOlder: (step, newer, older) =>
      step.kind === "call" &&
      step.method === "KV/Txn" &&
      REFUSED_BY_ORDER.has((newer as Plain)["message"]) &&
      REFUSED_BY_PUT.has((older as Plain)["message"])
        ? older
        : undefined,
  },
  {
    id: "field-of-other-type",
    reason: "since 3.7 a field whose wire type is not the declared one counts as unknown: here the key is then missing",
    since: ["3.7.0"],
    asOlder: (step, newer, older) =>
      step.kind === "raw" && step.path === "/etcdserverpb.KV/Put" && (newer as Plain)["code"] === 3 ? older : undefined,
  },
  {
    id: "tombstone-at-compaction",
    reason:
      "since 3.4.34 and 3.5.16 a compaction keeps the deletion at its own revision, for watchers that start there",
    since: ["3.4.34", "3.5.16"],
    asOlder: () => undefined,
  },
];

/** True when a server of this version (major.minor.patch) has the new behaviour. */
export function hasChange(change: BehaviourChange, version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  let newestLine = 0;
  for (const first of change.since) {
    const [firstMajor = 0, firstMinor = 0, firstPatch = 0] = first.split(".").map(Number);
    if (major === firstMajor && minor === firstMinor) return patch >= firstPatch;
    newestLine = Math.max(newestLine, firstMajor * 1000 + firstMinor);
  }
  return major * 1000 + minor > newestLine;
}

function withResponse(outcome: unknown, fields: Plain): unknown {
  const { response, ...rest } = outcome as Plain;
  return response === undefined ? outcome : { ...rest, response: { ...(response as Plain), ...fields } };
}

function isCompacted(outcome: unknown): boolean {
  return (outcome as Plain)["message"] === "etcdserver: mvcc: required revision has been compacted";
}

/** Copies leases from the older answer into keys-only results of the newer, wherever those stand. */
function withLeasesOf(step: Step, newer: unknown, older: unknown): unknown {
  if (step.kind !== "call" || (step.method !== "KV/Range" && step.method !== "KV/Txn")) return undefined;
  const newerResponse = (newer as Plain)["response"] as Message | undefined;
  const olderResponse = (older as Plain)["response"] as Message | undefined;
  if (newerResponse === undefined || olderResponse === undefined) return undefined;
  const fill = step.method === "KV/Range" ? fillRange : fillTxn;
  return { ...(newer as Plain), response: fill(step.request, newerResponse, olderResponse) };
}

function fillRange(request: Message, newer: Message, older: Message): Message {
  if (request["keys_only"] !== true) return newer;
  return { ...newer, kvs: fillLeases(newer["kvs"], older["kvs"]) };
}

/** Key-values, or groups of those that sort alike. */
function fillLeases(newer: unknown, older: unknown): unknown {
  if (Array.isArray(newer) && Array.isArray(older)) return newer.map((one, i) => fillLeases(one, older[i] as unknown));
  const [kv, was] = [newer as Plain, older as Plain | undefined];
  return kv["lease"] === "0" && was !== undefined ? { ...kv, lease: was["lease"] } : newer;
}

function fillTxn(request: Message, newer: Message, older: Message): Message {
  const branch = (newer["succeeded"] === true ? request["success"] : request["failure"]) as readonly Message[];
  const olderResponses = older["responses"] as readonly Message[];
  return {
    ...newer,
    responses: (newer["responses"] as readonly Message[]).map((response, i) => {
      const operation = branch[i] ?? {};
      const other = olderResponses[i] ?? {};
      if (response["response_range"] != null && other["response_range"] != null) {
        const [range, was] = [response["response_range"], other["response_range"]] as [Message, Message];
        return { ...response, response_range: fillRange(operation["request_range"] as Message, range, was) };
      }
      if (response["response_txn"] != null && other["response_txn"] != null) {
        const [txn, was] = [response["response_txn"], other["response_txn"]] as [Message, Message];
        return { ...response, response_txn: fillTxn(operation["request_txn"] as Message, txn, was) };
      }
      return response;
    }),
  };
}
