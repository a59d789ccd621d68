import { assert } from "@quorate/base";

import type { Core } from "./core.ts";
import { type EntryType, NO_LIMIT, payloadSize } from "./entry.ts";
import { MessageType } from "./message.ts";
import type { Progress } from "./progress.ts";

/**
 * Sends `progress` what comes next for it, unless it is paused. Without anything new an empty append is sent, which tells
 * it the commit index and is answered, or nothing at all if `onlyEntries`. Returns whether something was sent.
 */
export function sendAppend(core: Core, progress: Progress, onlyEntries = false): boolean {
  if (progress.paused) return false;
  const { log, config } = core;
  const previous = progress.next - 1;
  const previousTerm = log.term(previous);
  if (typeof previousTerm !== "number") return sendSnapshot(core, progress);
  // With a full window only an empty append goes out, to find out whether the ones before it were lost.
  const throttled = progress.state === "replicate" && progress.inflights.full;
  const entries = throttled ? NO_ENTRIES : log.entriesFrom(progress.next, config.maxSizePerMsg);
  if (typeof entries === "string") return sendSnapshot(core, progress);
  if (entries.length === 0 && onlyEntries) return false;
  const message = core.draft(MessageType.App, progress.id);
  message.index = previous;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = log.committed;
  core.send(message);
  // PERF: one pass over the entries for each peer, which nobody needs unless bytes in flight are limited.
  const bytes = config.maxInflightBytes === NO_LIMIT ? 0 : payloadSize(entries);
  progress.sent(entries.length, bytes, log.committed);
  return true;
}

const NO_ENTRIES: readonly never[] = [];

/** The peer needs entries that are compacted: the state machine itself goes out instead. Source: paper §7. */
function sendSnapshot(core: Core, progress: Progress): boolean {
  if (!progress.recentActive) return false;
  const snapshot = core.log.snapshot();
  if (snapshot === "unavailable") return false;
  assert(snapshot.index > 0, "a compacted log has a snapshot");
  progress.becomeSnapshot(snapshot.index);
  traceProgress(core, progress);
  const message = core.draft(MessageType.Snap, progress.id);
  message.snapshot = snapshot;
  core.send(message);
  return true;
}

/** Sends everybody what comes next for it. */
export function broadcastAppend(core: Core, onlyEntries = false): void {
  for (const progress of core.tracker.all) {
    if (progress.id !== core.id) sendAppend(core, progress, onlyEntries);
  }
}

/** Tells everybody that this member still leads. */
export function broadcastHeartbeat(core: Core): void {
  const token = core.reads.token;
  for (const progress of core.tracker.all) {
    if (progress.id === core.id) continue;
    // Heartbeats are not checked against the log, so none may commit more than what is known to be there.
    const message = core.draft(MessageType.Heartbeat, progress.id);
    message.commit = Math.min(progress.match, core.log.committed);
    if (token !== undefined) message.context = token;
    core.send(message);
  }
}

/** Appends an entry of this leader's own. It counts for the commit once the host has written it. */
export function appendOwn(core: Core, type: EntryType, data: Uint8Array): void {
  core.log.push({ term: core.term, index: core.log.lastIndex + 1, type, data });
}

/**
 * Commits what a quorum holds, if the newest entry of it is of this term: an older one could still be replaced although a
 * quorum holds it. Source: paper §5.4.2, figure 8.
 */
export function advanceCommit(core: Core): boolean {
  const index = core.tracker.quorumIndex();
  if (index <= core.log.committed || !core.log.matches(index, core.term)) return false;
  core.log.commitTo(index);
  return true;
}

/** Tells the trace where a peer stands. */
export function traceProgress(core: Core, progress: Progress): void {
  core.trace?.({ kind: "progress", id: progress.id, state: progress.state, next: progress.next });
}
