import type { Core } from "./core.ts";
import { type Message, MessageType } from "./message.ts";
import type { Progress } from "./progress.ts";
import { sendAppend } from "./replication.ts";
import { abortTransfer, traceDrop } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";

/**
 * Hands leadership to the member the request names, within one election timeout: no proposals are accepted until then, so
 * that it can catch up. Source: dissertation §3.10.
 */
export function transferLeadership(core: Core, target: Progress): void {
  if (core.tracker.isLearner(target.id) || target.id === core.transferee) return;
  abortTransfer(core);
  if (target.id === core.id) return;
  core.electionElapsed = 0;
  core.transferee = target.id;
  core.trace?.({ kind: "transfer", to: target.id, what: "started" });
  if (!completeTransfer(core, target)) {
    target.flowPaused = false;
    sendAppend(core, target);
  }
}

/** Tells the target to campaign at once if it has everything. */
export function completeTransfer(core: Core, target: Progress): boolean {
  if (target.id !== core.transferee || target.match !== core.log.lastIndex) return false;
  core.send(core.draft(MessageType.TimeoutNow, target.id));
  core.leadershipOffered = true;
  core.trace?.({ kind: "transfer", to: target.id, what: "sentTimeoutNow" });
  return true;
}

/** A follower passes the request on; the sender's field names the target. */
export function forwardTransfer(core: Core, message: Message): void {
  if (core.leader === NO_MEMBER) {
    traceDrop(core, "TransferLeader", "noLeader");
    return;
  }
  const request = core.draft(MessageType.TransferLeader, core.leader);
  request.from = message.from;
  core.send(request);
}
