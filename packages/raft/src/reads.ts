import type { Core } from "./core.ts";
import { type Entry, EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import type { ReadRequest } from "./read-queue.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { traceDrop } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";

/**
 * A read that must see everything that was committed before it came. The leader answers with its commit index once it knows
 * that it was still leader at that moment. Source: dissertation §6.4.
 */
export function leaderReadIndex(core: Core, message: Message): void {
  if (message.entries.length !== 1) return;
  if (core.earlyReads.length + core.reads.count >= core.config.maxPendingReads) {
    traceDrop(core, "ReadIndex", "limit");
    return;
  }
  // Until then the commit index may lie behind what an earlier leader has acknowledged; that goes for a sole voter too,
  // because after a restart it knows only the commit index that happened to be stored.
  if (!core.hasCommittedInTerm) core.earlyReads.push(message);
  else confirm(core, message);
}

/** The first entry of the term is committed: reads that came too early can be confirmed now. */
export function releaseEarlyReads(core: Core): void {
  if (core.earlyReads.length === 0 || !core.hasCommittedInTerm) return;
  const early = core.earlyReads;
  core.earlyReads = [];
  for (const message of early) confirm(core, message);
}

/** A member has echoed the token of a heartbeat. */
export function confirmReads(core: Core, from: bigint, token: Uint8Array): void {
  for (const request of core.reads.acknowledge(from, token, core.tracker.conf)) answer(core, request);
}

/** The quorum is another one now, which may have confirmed what the old one had not; perhaps nobody is left to ask. */
export function recountReads(core: Core): void {
  for (const request of core.reads.takeConfirmed(core.tracker.conf)) answer(core, request);
}

/** A follower passes the request on. */
export function forwardReadIndex(core: Core, message: Message): void {
  if (core.leader === NO_MEMBER) {
    traceDrop(core, "ReadIndex", "noLeader");
    return;
  }
  const request = core.draftForwarded(MessageType.ReadIndex, core.leader);
  request.from = message.from;
  request.entries = message.entries;
  core.send(request);
}

/** The leader's answer to a request of ours. */
export function takeReadIndexResponse(core: Core, message: Message): void {
  const entry = message.entries[0];
  if (entry === undefined || message.entries.length !== 1) return;
  core.readStates.push({ index: message.index, context: entry.data });
}

function confirm(core: Core, message: Message): void {
  const request: ReadRequest = {
    from: message.from,
    context: (message.entries[0] as Entry).data,
    index: core.log.committed,
  };
  if (core.tracker.isSoleVoter(core.id) || holdsLease(core)) {
    answer(core, request);
    return;
  }
  core.reads.add(request, core.id);
  broadcastHeartbeat(core);
}

/**
 * Whether nobody else can have been elected: a quorum was heard of so recently that it still refuses its votes to others. That
 * leaves out whom this leader has asked to campaign himself, whom nobody refuses; an offer may arrive late, so there is no
 * lease in the rest of the term. The check of the quorum alone would notice silence up to two election timeouts late.
 */
function holdsLease(core: Core): boolean {
  if (core.config.readOnly !== "lease" || core.leadershipOffered) return false;
  // One tick less, because the first tick of a follower may follow at once on what it has heard.
  return core.ticks - core.tracker.quorumHeardAt(core.id, core.ticks) + 1 < core.config.electionTicks;
}

function answer(core: Core, request: ReadRequest): void {
  if (request.from === core.id || request.from === NO_MEMBER) {
    core.readStates.push({ index: request.index, context: request.context });
    return;
  }
  const response = core.draft(MessageType.ReadIndexResp, request.from);
  response.index = request.index;
  response.entries = [{ term: 0, index: 0, type: EntryType.Normal, data: request.context }];
  core.send(response);
}
