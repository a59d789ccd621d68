import { utf8Text } from "@quorate/base";
import {
  type ConfState,
  type Entry,
  EntryType,
  type Message,
  MessageType,
  messageTypeName,
  type PeerStatus,
  type Ready,
  type TraceEvent,
} from "@quorate/raft";

/** Text for golden traces: one line for each thing, the same for the same thing, short enough to be read. */
export function renderMessage(message: Message): string {
  const { type, term, index, logTerm } = message;
  const head = `${message.from}>${message.to} ${messageTypeName(type)}`;
  const parts: string[] = term === 0 ? [] : [`t${term}`];
  if (type === MessageType.App) parts.push(`after ${index}/${logTerm}`, renderEntries(message.entries));
  else if (type === MessageType.AppResp && message.reject) {
    parts.push(`rejects ${index}, hint ${message.rejectHint}/${logTerm}`);
  } else if (type === MessageType.AppResp || type === MessageType.ReadIndexResp) parts.push(`${index}`);
  else if (type === MessageType.Vote || type === MessageType.PreVote) parts.push(`last ${index}/${logTerm}`);
  else if (type === MessageType.VoteResp || type === MessageType.PreVoteResp) {
    parts.push(message.reject ? "refused" : "granted");
  } else if (type === MessageType.Prop || type === MessageType.ReadIndex) parts.push(renderEntries(message.entries));
  if (message.snapshot !== undefined) {
    const { snapshot } = message;
    parts.push(`${snapshot.index}/${snapshot.term} (${renderConf(snapshot.confState)})`);
  }
  if (type === MessageType.App || type === MessageType.Heartbeat) parts.push(`commit ${message.commit}`);
  if (message.context.length > 0) parts.push(`context ${renderContext(message.context)}`);
  return [head, ...parts.filter((part) => part !== "")].join(" ");
}

function renderContext(context: Uint8Array): string {
  return context.length === 8 ? `#${context[0]}` : utf8Text(context);
}

export function renderEntries(entries: readonly Entry[]): string {
  return entries.length === 0 ? "" : `[${entries.map(renderEntry).join(", ")}]`;
}

function renderEntry(entry: Entry): string {
  const text = utf8Text(entry.data);
  const at = entry.index === 0 ? "" : `${entry.index}/${entry.term}`;
  if (entry.type === EntryType.Normal) return text === "" ? at : `${at} ${text}`.trim();
  return `${at} ${entry.type === EntryType.ConfChange ? "change" : "change2"}(${text})`.trim();
}

export function renderConf(conf: ConfState): string {
  const parts = [`voters ${conf.voters.join(",")}`];
  if (conf.votersOutgoing.length > 0) parts.push(`& ${conf.votersOutgoing.join(",")}`);
  if (conf.learners.length > 0) parts.push(`learners ${conf.learners.join(",")}`);
  if (conf.learnersNext.length > 0) parts.push(`next ${conf.learnersNext.join(",")}`);
  if (conf.autoLeave) parts.push("auto");
  return parts.join(" ");
}

/** The parts of a Ready that have something in them; messages are listed by the caller. */
export function renderReady(ready: Ready): string[] {
  const lines: string[] = [];
  const { softState, hardState, snapshot } = ready;
  if (softState !== undefined) lines.push(`is ${softState.role}, leader ${softState.leader}`);
  if (hardState !== undefined) {
    lines.push(
      `state t${hardState.term} vote ${hardState.vote} commit ${hardState.commit}${ready.mustSync ? "" : " (no sync)"}`,
    );
  }
  if (snapshot !== undefined) {
    lines.push(`snapshot ${snapshot.index}/${snapshot.term} (${renderConf(snapshot.confState)})`);
  }
  if (ready.entries.length > 0) lines.push(`write ${renderEntries(ready.entries)}`);
  if (ready.committedEntries.length > 0) lines.push(`apply ${renderEntries(ready.committedEntries)}`);
  for (const { index, context } of ready.readStates) lines.push(`read ${utf8Text(context)} at ${index}`);
  return lines;
}

export function renderPeer(peer: PeerStatus): string {
  const notes: string[] = [];
  if (peer.isLearner) notes.push("learner");
  if (!peer.recentActive) notes.push("inactive");
  if (peer.paused) notes.push("paused");
  if (peer.pendingSnapshot > 0) notes.push(`snapshot ${peer.pendingSnapshot}`);
  if (peer.inflightCount > 0) notes.push(`in flight ${peer.inflightCount}`);
  return [`${peer.id}: ${peer.state} match ${peer.match} next ${peer.next}`, ...notes].join(", ");
}

export function renderTrace(event: TraceEvent): string {
  switch (event.kind) {
    case "role":
      return `becomes ${event.role} in t${event.term}${event.role === "follower" ? ` of ${event.leader}` : ""}`;
    case "leader":
      return `follows ${event.leader} in t${event.term}`;
    case "vote":
      return `${event.granted ? "grants" : "refuses"} ${event.preVote ? "pre-vote" : "vote"} to ${event.from} for t${event.term}`;
    case "dropped":
      return `drops ${event.what}: ${event.reason}`;
    case "quorumLost":
      return `has lost its quorum in t${event.term}`;
    case "diskStalled":
      return `has a stalled disk in t${event.term}`;
    case "progress":
      return `now sees ${event.id} in ${event.state}, next ${event.next}`;
    case "appendRejected":
      return `has no ${event.index}/${event.logTerm} as ${event.from} does`;
    case "restored":
      return `restores snapshot ${event.index}/${event.term} (${renderConf(event.conf)})`;
    case "confChange":
      return event.error === undefined ? `has ${renderConf(event.conf)}` : `cannot change: ${event.error}`;
    case "confChangeRefused":
      return `empties change at ${event.index}: ${event.reason}`;
    case "transfer":
      return `transfer to ${event.to}: ${event.what}`;
    default:
      return event satisfies never;
  }
}
