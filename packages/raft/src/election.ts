import { bytesFromLatin1, EMPTY_BYTES, equalBytes } from "@quorate/base";

import type { Core } from "./core.ts";
import { EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import { appendOwn, broadcastAppend } from "./replication.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate, traceDrop } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";

/** Why a member stands for election. A transfer is asked for by the leader, so nobody's lease is in its way. */
export type CampaignReason = "preElection" | "election" | "transfer";

/** The context of a vote request that the leader itself has caused. The wire's word. */
const TRANSFER_CONTEXT: Uint8Array = bytesFromLatin1("CampaignTransfer");
/** Committed entries read at a time when looking for configuration changes. */
const SCAN_PAGE_BYTES = 1024 * 1024;

/** Starts a campaign, unless this member must not or need not. */
export function hup(core: Core, transfer: boolean): void {
  if (core.role === "leader") return;
  if (!core.promotable) {
    traceDrop(core, "Hup", "notPromotable");
    return;
  }
  // A change that is committed but not applied here may already govern the others: who votes is not certain.
  if (core.log.someUnapplied((entry) => entry.type !== EntryType.Normal, SCAN_PAGE_BYTES)) {
    traceDrop(core, "Hup", "unappliedConfChange");
    return;
  }
  campaign(core, transfer ? "transfer" : core.config.preVote ? "preElection" : "election");
}

/** Asks all voters, itself included, for their votes. Source: paper §5.2, dissertation §9.6 (pre-vote). */
function campaign(core: Core, reason: CampaignReason): void {
  const preVote = reason === "preElection";
  if (preVote) becomePreCandidate(core);
  else becomeCandidate(core);
  const term = preVote ? core.term + 1 : core.term;
  const { lastIndex, lastTerm } = core.log;
  for (const id of core.tracker.voterIds) {
    if (id === core.id) {
      const own = core.draft(preVote ? MessageType.PreVoteResp : MessageType.VoteResp, id);
      own.term = term;
      core.sendWhenDurable(own);
      continue;
    }
    const request = core.draft(preVote ? MessageType.PreVote : MessageType.Vote, id);
    request.term = term;
    request.index = lastIndex;
    request.logTerm = lastTerm;
    if (reason === "transfer") request.context = TRANSFER_CONTEXT;
    // Held until term and vote are durable: after a crash we must not ask for the same term with another log.
    core.sendWhenDurable(request);
  }
}

/** Whether a request for a vote was caused by the leader. */
export function isTransferCampaign(message: Message): boolean {
  return equalBytes(message.context, TRANSFER_CONTEXT);
}

/** Grants or refuses a vote or pre-vote. Learners answer too: they may have been promoted without knowing yet. */
export function handleVoteRequest(core: Core, message: Message): void {
  const preVote = message.type === MessageType.PreVote;
  const free =
    core.vote === message.from ||
    (core.vote === NO_MEMBER && core.leader === NO_MEMBER) ||
    (preVote && message.term > core.term);
  const granted = free && core.log.isUpToDate({ index: message.index, term: message.logTerm });
  core.trace?.({ kind: "vote", from: message.from, term: message.term, preVote, granted });
  if (granted && !preVote) {
    core.vote = message.from;
    core.electionElapsed = 0;
  }
  const answer = core.draft(preVote ? MessageType.PreVoteResp : MessageType.VoteResp, message.from);
  if (granted) answer.term = message.term;
  answer.reject = !granted;
  core.sendWhenDurable(answer);
}

/** An answer to our campaign; those of another phase do not count. */
export function handleVoteResponse(core: Core, message: Message): void {
  const expected = core.role === "preCandidate" ? MessageType.PreVoteResp : MessageType.VoteResp;
  if (message.type !== expected) return;
  core.tracker.recordVote(message.from, !message.reject);
  const outcome = core.tracker.tally();
  if (outcome === "lost") becomeFollower(core, core.term, NO_MEMBER);
  else if (outcome === "won" && core.role === "preCandidate") campaign(core, "election");
  else if (outcome === "won") lead(core);
}

/** The empty entry commits, by being of this term, everything the log has inherited. Source: paper §8. */
function lead(core: Core): void {
  becomeLeader(core);
  appendOwn(core, EntryType.Normal, EMPTY_BYTES);
  broadcastAppend(core);
}
