import type { Core } from "./core.ts";
import type { Message } from "./message.ts";
import type { Progress } from "./progress.ts";
import { confirmReads, releaseEarlyReads } from "./reads.ts";
import { advanceCommit, broadcastAppend, sendAppend, traceProgress } from "./replication.ts";
import { completeTransfer } from "./transfer.ts";

/** A peer's answer to an append or a snapshot. */
export function handleAppendResponse(core: Core, message: Message, progress: Progress): void {
  progress.heard(core.ticks);
  if (message.reject) handleRejection(core, message, progress);
  // An index we do not have cannot have been acknowledged to us.
  else if (message.index <= core.log.lastIndex) handleAcknowledgement(core, message.index, progress);
}

function handleRejection(core: Core, message: Message, progress: Progress): void {
  const hint =
    message.logTerm > 0
      ? core.log.conflictByTerm(Math.min(message.rejectHint, core.log.lastIndex), message.logTerm).index
      : message.rejectHint;
  if (!progress.reject(message.index, hint)) return;
  if (progress.state === "replicate") {
    progress.becomeProbe();
    traceProgress(core, progress);
  }
  sendAppend(core, progress);
}

function handleAcknowledgement(core: Core, index: number, progress: Progress): void {
  const news = progress.acknowledge(index);
  if (!news && !(progress.match === index && progress.state === "probe")) return;
  if (progress.state === "replicate") {
    progress.inflights.freeTo(index);
  } else if (progress.state === "probe" || progress.match + 1 >= core.log.firstIndex) {
    // From snapshot state, too: whatever was sent, the log connects now.
    progress.becomeReplicate();
    traceProgress(core, progress);
  }
  if (advanceCommit(core)) announceCommit(core);
  else if (progress.canLearnCommit(core.log.committed)) sendAppend(core, progress);
  // Room has become free in the window; what did not fit into one message may take several.
  while (sendAppend(core, progress, true)) {}
  completeTransfer(core, progress);
}

/** The commit index has moved: reads that waited for it, and the followers, want to know. */
export function announceCommit(core: Core): void {
  releaseEarlyReads(core);
  broadcastAppend(core);
}

/** A peer's answer to a heartbeat. */
export function handleHeartbeatResponse(core: Core, message: Message, progress: Progress): void {
  progress.heard(core.ticks);
  progress.flowPaused = false;
  // Perhaps an append was lost: this one finds out.
  if (progress.match < core.log.lastIndex || progress.state === "probe") sendAppend(core, progress);
  if (message.context.length > 0) confirmReads(core, message.from, message.context);
}

/** The host could not deliver to the peer: what was streamed is probably lost. */
export function handleUnreachable(core: Core, progress: Progress): void {
  if (progress.state !== "replicate") return;
  progress.becomeProbe();
  traceProgress(core, progress);
}

/** The host knows what became of a snapshot it was to deliver, and perhaps that it was a newer one than we named. */
export function handleSnapshotStatus(core: Core, message: Message, progress: Progress): void {
  if (progress.state !== "snapshot") return;
  if (message.reject) progress.pendingSnapshot = 0;
  else if (message.index <= core.log.lastIndex) {
    // Probing behind the older one could find the log cut there, and send everything once more.
    progress.pendingSnapshot = Math.max(progress.pendingSnapshot, message.index);
  }
  progress.becomeProbe();
  // Delivered is not applied: give the peer until it answers, or until the next heartbeat.
  progress.flowPaused = true;
  traceProgress(core, progress);
}

/** This leader's own entries are durable up to what the log says. */
export function handleOwnAppend(core: Core): void {
  const self = core.tracker.get(core.id);
  if (self === undefined || !self.acknowledge(core.log.stableIndex)) return;
  if (advanceCommit(core)) announceCommit(core);
}
