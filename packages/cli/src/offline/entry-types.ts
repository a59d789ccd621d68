import {
  decodeInternalRaftRequest,
  decodeRaftConfChange,
  type InternalRaftRequest,
  InternalRaftRequestDescriptor,
} from "@quorate/protocol";
import type { LogEntry } from "./log-entries.ts";
import { protoText } from "./proto-text.ts";

/** Kinds of entries in the log. */
const NORMAL = 0;
const CONF_CHANGE = 1;

const CHANGES = ["ConfChangeAddNode", "ConfChangeRemoveNode", "ConfChangeUpdateNode", "ConfChangeAddLearnerNode"];
/** What is shown in place of a password. */
const REMOVED = "<value removed>";

/** An entry with what is in it. */
export interface ReadEntry {
  readonly entry: LogEntry;
  /** Undefined for what is no request, such as one of etcd's first interface, and for a change of the configuration. */
  readonly request: InternalRaftRequest | undefined;
}

type Filter = (read: ReadEntry) => boolean;

const isConfChange: Filter = ({ entry }) => entry.type === CONF_CHANGE;
const isNormal: Filter = ({ entry }) => entry.type === NORMAL;
const isUnreadable: Filter = ({ entry, request }) => entry.type === NORMAL && request === undefined;
const isRequest: Filter = ({ request }) => request !== undefined;
const has =
  (field: keyof InternalRaftRequest): Filter =>
  ({ request }) =>
    request?.[field] !== undefined;

const FILTERS: ReadonlyMap<string, Filter> = new Map([
  ["ConfigChange", isConfChange],
  ["Normal", isNormal],
  ["Request", isUnreadable],
  ["InternalRaftRequest", isRequest],
  ["IRRRange", has("range")],
  ["IRRPut", has("put")],
  ["IRRDeleteRange", has("deleteRange")],
  ["IRRTxn", has("txn")],
  ["IRRCompaction", has("compaction")],
  ["IRRLeaseGrant", has("leaseGrant")],
  ["IRRLeaseRevoke", has("leaseRevoke")],
  ["IRRLeaseCheckpoint", has("leaseCheckpoint")],
]);

/** Names that `--entry-type` takes. */
export const ENTRY_TYPES: readonly string[] = [...FILTERS.keys()];

/** What `--entry-type` lets through, and the names in it that there are not. */
export function entryFilter(names: string): { readonly passes: Filter; readonly unknown: readonly string[] } {
  const list = names === "" ? [] : names.split(",");
  const filters = list.flatMap((name) => FILTERS.get(name) ?? []);
  return {
    passes: (read) => filters.some((filter) => filter(read)),
    unknown: list.filter((name) => !FILTERS.has(name)),
  };
}

/** Looks into an entry. */
export function readEntry(entry: LogEntry): ReadEntry {
  if (entry.type !== NORMAL) return { entry, request: undefined };
  try {
    return { entry, request: decodeInternalRaftRequest(entry.data) };
  } catch {
    return { entry, request: undefined };
  }
}

/** The row of an entry (CLI page, C). */
export function entryRow({ entry, request }: ReadEntry): string {
  const start = `${String(entry.term).padStart(4)}\t${String(entry.index).padStart(10)}`;
  if (entry.type === CONF_CHANGE) return `${start}\tconf\t${confChangeText(entry.data)}`;
  return `${start}\tnorm\t${request === undefined ? "???" : protoText(InternalRaftRequestDescriptor, withoutPassword(request))}`;
}

function confChangeText(data: Uint8Array): string {
  try {
    const { nodeId, type } = decodeRaftConfChange(data);
    return `method=${CHANGES[type] ?? type} id=${nodeId.toString(16)}`;
  } catch {
    return "???";
  }
}

function withoutPassword(request: InternalRaftRequest): InternalRaftRequest {
  const change = request.authUserChangePassword;
  if (change === undefined || change.password === "") return request;
  return { ...request, authUserChangePassword: { ...change, password: REMOVED } };
}
