import { EMPTY_BYTES } from "@quorate/base";

import type { Entry } from "./entry.ts";
import { NO_MEMBER, type Snapshot } from "./state.ts";

/** Kinds of messages; the numbers are the wire's. The kinds that a host may not deliver are listed by {@link isLocalMessage}. */
export const MessageType = {
  /** Local: stand for election. */
  Hup: 0,
  /** Local: send heartbeats. */
  Beat: 1,
  /** Proposed entries, passed on to the leader; no term. */
  Prop: 2,
  /** Entries behind (`index`, `logTerm`), perhaps none, and the commit index. */
  App: 3,
  /** Everything up to `index` is durable; or, with `reject`, no match at `index`, but perhaps at (`rejectHint`, `logTerm`). */
  AppResp: 4,
  /** Asks for a vote in `term` for a log that ends at (`index`, `logTerm`); `context` tells a transfer. */
  Vote: 5,
  /** The vote, or with `reject` none. */
  VoteResp: 6,
  /** The state machine at `snapshot`, in place of entries that are gone. */
  Snap: 7,
  /** The leader is alive; `commit` is known to be in the log of the receiver; `context` is to be echoed. */
  Heartbeat: 8,
  /** The echo of a heartbeat with its `context`. */
  HeartbeatResp: 9,
  /** Local: a message could not be delivered. */
  Unreachable: 10,
  /** Local: what became of a snapshot message. */
  SnapStatus: 11,
  /** Local: see whether a quorum was heard of. */
  CheckQuorum: 12,
  /** Asks the leader to hand over to the member that `from` names. */
  TransferLeader: 13,
  /** The leader asks the receiver to stand for election at once. */
  TimeoutNow: 14,
  /** Asks the leader for the index of a read, whose context is the data of the one entry; no term. */
  ReadIndex: 15,
  /** The answer: `index`, and the entry as it was. */
  ReadIndexResp: 16,
  /** Asks whether a vote would be given in `term`, one above that of the sender. */
  PreVote: 17,
  /** Whether it would. */
  PreVoteResp: 18,
  /** Local, to and from storage threads that this implementation does not have. */
  StorageAppend: 19,
  /** Local, as above. */
  StorageAppendResp: 20,
  /** Local, as above. */
  StorageApply: 21,
  /** Local, as above. */
  StorageApplyResp: 22,
  /** Known to the wire format and never sent; see `RawNode.forgetLeader`. */
  ForgetLeader: 23,
} as const;
/** One of {@link MessageType}; a plain number, because a newer peer may send a kind we do not know. */
export type MessageType = number;

/**
 * What members tell each other. Every field is always present; a field a kind does not use is zero, empty or undefined.
 * Which kind uses which field is the business of the wire format's page; `term` 0 marks a forwarded request that belongs to
 * no term. Messages and their entries are shared: nobody writes to them once they are built. Source: raftpb `Message`.
 */
export interface Message {
  /** What it is. */
  readonly type: MessageType;
  /** The receiver. */
  readonly to: bigint;
  /** The sender; of a forwarded read who asked, of a transfer the target. */
  readonly from: bigint;
  /** The sender's term, the next one in a pre-vote; 0 in what belongs to no term. */
  readonly term: number;
  /** The term at `index`, or in a rejection at `rejectHint` (0: unknown). */
  readonly logTerm: number;
  /** A position in the log. */
  readonly index: number;
  /** What is to be appended or proposed; the context of a read. */
  readonly entries: readonly Entry[];
  /** The leader's commit index, or in a heartbeat as much of it as the receiver is known to have. */
  readonly commit: number;
  /** In a snapshot message, and nowhere else. */
  readonly snapshot: Snapshot | undefined;
  /** Whether the answer is no. */
  readonly reject: boolean;
  /** Where the logs may match. */
  readonly rejectHint: number;
  /** Of a heartbeat and its echo, and of a vote that the leader has asked for. */
  readonly context: Uint8Array;
  /** Of the storage protocol that is not used here. */
  readonly vote: bigint;
}

/** A message that is being built. */
export type MessageDraft = { -readonly [Field in keyof Message]: Message[Field] };

const NO_ENTRIES: readonly Entry[] = [];

/**
 * A message with nothing but its address and term, to be filled in. All messages are made here, so that they share one hidden
 * class. PERF: one object; building it from a partial one by spreading costs a hundred times as much.
 */
export function draftMessage(type: MessageType, to: bigint, from: bigint, term: number): MessageDraft {
  return {
    type,
    to,
    from,
    term,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: EMPTY_BYTES,
    vote: NO_MEMBER,
  };
}

/** A message with the given fields, and the rest zero or empty. */
export function createMessage(init: Partial<Message> & { readonly type: MessageType }): Message {
  const message = draftMessage(init.type, init.to ?? NO_MEMBER, init.from ?? NO_MEMBER, init.term ?? 0);
  message.logTerm = init.logTerm ?? 0;
  message.index = init.index ?? 0;
  message.entries = init.entries ?? NO_ENTRIES;
  message.commit = init.commit ?? 0;
  message.snapshot = init.snapshot;
  message.reject = init.reject ?? false;
  message.rejectHint = init.rejectHint ?? 0;
  message.context = init.context ?? EMPTY_BYTES;
  message.vote = init.vote ?? NO_MEMBER;
  return message;
}

const T = MessageType;
const LOCAL: ReadonlySet<number> = new Set([
  T.Hup,
  T.Beat,
  T.Unreachable,
  T.SnapStatus,
  T.CheckQuorum,
  T.StorageAppend,
  T.StorageAppendResp,
  T.StorageApply,
  T.StorageApplyResp,
]);
const RESPONSE: ReadonlySet<number> = new Set([T.AppResp, T.VoteResp, T.HeartbeatResp, T.ReadIndexResp, T.PreVoteResp]);
const TERM_BOUND: ReadonlySet<number> = new Set([
  T.App,
  T.AppResp,
  T.Vote,
  T.VoteResp,
  T.Snap,
  T.Heartbeat,
  T.HeartbeatResp,
  T.TimeoutNow,
  T.PreVote,
  T.PreVoteResp,
]);

/** Kinds that never travel; one that arrives from a peer is dropped. */
export function isLocalMessage(type: MessageType): boolean {
  return LOCAL.has(type);
}

/** Kinds that answer a request, and therefore count only when they come from a member. */
export function isResponseMessage(type: MessageType): boolean {
  return RESPONSE.has(type);
}

/**
 * Whether another member of a cluster could have sent this to `self`: kinds that mean nothing without a term and a sender have
 * both, entries of an append follow each other and none is of a later term, a proposal has entries of kinds we know. What is
 * passed on may well come back to who sent it, or name him as the one it is about. PERF: one pass over the entries.
 */
export function isWellFormed(message: Message, self: bigint): boolean {
  const { type, term, from, entries } = message;
  if (TERM_BOUND.has(type) && (term === 0 || from === NO_MEMBER || from === self)) return false;
  // A deposed leader whose host names what it has applied since may say more than its term knows.
  if (type === T.Snap)
    return message.snapshot !== undefined && message.snapshot.index > 0 && message.snapshot.term <= term;
  if (type === T.App) return isContiguous(message);
  if (type === T.Prop) return entries.length > 0 && entries.every((entry) => entry.type >= 0 && entry.type <= 2);
  if (type === T.ReadIndex) return entries.length === 1;
  return true;
}

function isContiguous({ index, logTerm, term, entries }: Message): boolean {
  let previousTerm = logTerm;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.index !== index + 1 + i || entry.term < previousTerm || entry.term > term) return false;
    previousTerm = entry.term;
  }
  return true;
}

const NAMES: readonly string[] = Object.entries(MessageType)
  .sort((a, b) => a[1] - b[1])
  .map(([name]) => name);

/** The kind's name, for people. */
export function messageTypeName(type: MessageType): string {
  return NAMES[type] ?? `Unknown(${type})`;
}
