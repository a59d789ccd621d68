import { checkedConfiguration } from "./configuration.ts";
import type { Core } from "./core.ts";
import { type Message, MessageType } from "./message.ts";
import { traceDrop } from "./roles.ts";
import type { ConfState, Snapshot } from "./state.ts";

/** Takes over the leader's entries where the logs match, and else says where they may. Source: paper §5.3. */
export function handleAppend(core: Core, message: Message): void {
  const { log } = core;
  if (message.index < log.committed) {
    acknowledge(core, message.from, log.committed);
    return;
  }
  if (message.entries.length > 0 && log.unstableBytes >= core.config.maxUnstableSize) {
    // The disk does not keep up. The leader takes this for a lost message and tries again after a heartbeat.
    traceDrop(core, "App", "limit");
    return;
  }
  const last = log.append({ index: message.index, term: message.logTerm }, message.entries);
  if (last === undefined) {
    rejectAppend(core, message);
    return;
  }
  log.commitTo(Math.min(message.commit, last));
  acknowledge(core, message.from, last);
}

/**
 * Tells the leader the last place where our log can match his, by term: all our entries of terms he cannot have at that
 * place are passed over at once, rather than one by one. Source: paper §5.3, last paragraphs.
 */
function rejectAppend(core: Core, message: Message): void {
  core.trace?.({ kind: "appendRejected", from: message.from, index: message.index, logTerm: message.logTerm });
  const start = Math.min(message.index, core.log.lastIndex);
  const hint = core.log.conflictByTerm(start, message.logTerm);
  const answer = core.draft(MessageType.AppResp, message.from);
  answer.index = message.index;
  answer.reject = true;
  answer.rejectHint = hint.index;
  answer.logTerm = hint.term;
  core.sendWhenDurable(answer);
}

/** The leader is alive; it never tells more of the commit index than it knows to be in our log. */
export function handleHeartbeat(core: Core, message: Message): void {
  core.log.commitTo(message.commit);
  const answer = core.draft(MessageType.HeartbeatResp, message.from);
  answer.context = message.context;
  core.send(answer);
}

/** Replaces log and state machine, if the snapshot is ahead of what is committed here. Source: paper §7. */
export function handleSnapshot(core: Core, message: Message): void {
  const restored = message.snapshot !== undefined && restore(core, message.snapshot);
  if (!restored) traceDrop(core, "Snap", "snapshotIgnored");
  acknowledge(core, message.from, restored ? core.log.lastIndex : core.log.committed);
}

function restore(core: Core, snapshot: Snapshot): boolean {
  if (snapshot.index <= core.log.committed) return false;
  const conf = checkedConfiguration(snapshot.confState);
  if (conf === undefined || !includes(conf, core.id)) return false;
  if (core.log.matches(snapshot.index, snapshot.term)) {
    core.log.commitTo(snapshot.index);
    return false;
  }
  core.log.restore(snapshot);
  core.tracker.configure(conf, core.log.lastIndex);
  core.trace?.({ kind: "restored", index: snapshot.index, term: snapshot.term, conf });
  return true;
}

function includes(conf: ConfState, id: bigint): boolean {
  return conf.voters.includes(id) || conf.learners.includes(id) || conf.votersOutgoing.includes(id);
}

function acknowledge(core: Core, leader: bigint, index: number): void {
  const answer = core.draft(MessageType.AppResp, leader);
  answer.index = index;
  core.sendWhenDurable(answer);
}
