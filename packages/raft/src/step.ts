import {
  handleAppendResponse,
  handleHeartbeatResponse,
  handleSnapshotStatus,
  handleUnreachable,
} from "./acknowledgements.ts";
import type { Core } from "./core.ts";
import { handleVoteRequest, handleVoteResponse, hup, isTransferCampaign } from "./election.ts";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./follower.ts";
import { type Message, MessageType, messageTypeName } from "./message.ts";
import { proposeEntries } from "./proposals.ts";
import { forwardReadIndex, leaderReadIndex, takeReadIndexResponse } from "./reads.ts";
import { becomeFollower, followLeader, traceDrop } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";
import { forwardTransfer, transferLeadership } from "./transfer.ts";

/** One message, from a peer, from ourselves or from the host. */
export function step(core: Core, message: Message): void {
  if (!passTermGate(core, message)) return;
  const { type } = message;
  if (type === MessageType.Vote || type === MessageType.PreVote) handleVoteRequest(core, message);
  else if (core.role === "leader") stepLeader(core, message);
  else if (isFromLeader(type)) stepFromLeader(core, message);
  else if (core.role === "follower") stepFollower(core, message);
  else stepCandidate(core, message);
}

/** Only the leader of a term sends these in it. */
function isFromLeader(type: MessageType): boolean {
  return type === MessageType.App || type === MessageType.Heartbeat || type === MessageType.Snap;
}

/** Compares terms before anything else is looked at; false if the message ends here. Source: paper §5.1. */
function passTermGate(core: Core, message: Message): boolean {
  if (message.term === 0 || message.term === core.term) return true;
  return message.term > core.term ? enterTerm(core, message) : answerLowerTerm(core, message);
}

function enterTerm(core: Core, message: Message): boolean {
  const { type, term, from } = message;
  const preVote = type === MessageType.PreVote;
  if (preVote || type === MessageType.Vote) {
    const hasLeader = core.leader !== NO_MEMBER && core.electionElapsed < core.config.electionTicks;
    // A member that was cut off, or removed, must not be able to unseat a leader that the others hear from.
    if (core.config.checkQuorum && hasLeader && !isTransferCampaign(message)) {
      traceDrop(core, messageTypeName(type), "leaderLease");
      return false;
    }
  }
  // A pre-vote is only a question: the term is raised by the campaign that follows it.
  const question = preVote || (type === MessageType.PreVoteResp && !message.reject);
  if (!question) becomeFollower(core, term, isFromLeader(type) ? from : NO_MEMBER);
  return true;
}

function answerLowerTerm(core: Core, message: Message): boolean {
  const { type, from } = message;
  if (
    (type === MessageType.App || type === MessageType.Heartbeat) &&
    (core.config.checkQuorum || core.config.preVote)
  ) {
    // The sender may be a leader whom we no longer listen to because our term is ahead, and who would never learn: neither
    // by a vote of ours, which the others ignore, nor by pre-votes, which do not carry terms.
    core.sendWhenDurable(core.draft(MessageType.AppResp, from));
  } else if (type === MessageType.PreVote) {
    const refusal = core.draft(MessageType.PreVoteResp, from);
    refusal.reject = true;
    core.sendWhenDurable(refusal);
  } else {
    traceDrop(core, messageTypeName(type), "lowerTerm");
  }
  return false;
}

function stepFromLeader(core: Core, message: Message): void {
  if (core.role === "follower") followLeader(core, message.from);
  else becomeFollower(core, message.term, message.from);
  if (message.type === MessageType.App) handleAppend(core, message);
  else if (message.type === MessageType.Heartbeat) handleHeartbeat(core, message);
  else handleSnapshot(core, message);
}

function stepFollower(core: Core, message: Message): void {
  switch (message.type) {
    case MessageType.Prop:
      proposeEntries(core, message.entries);
      return;
    case MessageType.TransferLeader:
      forwardTransfer(core, message);
      return;
    case MessageType.TimeoutNow:
      hup(core, true);
      return;
    case MessageType.ReadIndex:
      forwardReadIndex(core, message);
      return;
    case MessageType.ReadIndexResp:
      takeReadIndexResponse(core, message);
      return;
    default:
      return;
  }
}

function stepCandidate(core: Core, message: Message): void {
  switch (message.type) {
    case MessageType.Prop:
      proposeEntries(core, message.entries);
      return;
    case MessageType.VoteResp:
    case MessageType.PreVoteResp:
      handleVoteResponse(core, message);
      return;
    case MessageType.ReadIndex:
      forwardReadIndex(core, message);
      return;
    default:
      return;
  }
}

function stepLeader(core: Core, message: Message): void {
  if (message.type === MessageType.Prop) {
    proposeEntries(core, message.entries);
    return;
  }
  if (message.type === MessageType.ReadIndex) {
    leaderReadIndex(core, message);
    return;
  }
  const progress = core.tracker.get(message.from);
  if (progress === undefined) return;
  switch (message.type) {
    case MessageType.AppResp:
      handleAppendResponse(core, message, progress);
      return;
    case MessageType.HeartbeatResp:
      handleHeartbeatResponse(core, message, progress);
      return;
    case MessageType.TransferLeader:
      transferLeadership(core, progress);
      return;
    case MessageType.Unreachable:
      handleUnreachable(core, progress);
      return;
    case MessageType.SnapStatus:
      handleSnapshotStatus(core, message, progress);
      return;
    default:
      return;
  }
}
