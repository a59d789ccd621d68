import { EMPTY_BYTES } from "@quorate/base";

import { isJoint } from "./configuration.ts";
import type { Core } from "./core.ts";
import { type Entry, EntryType } from "./entry.ts";
import { MessageType } from "./message.ts";
import { appendOwn, broadcastAppend } from "./replication.ts";
import { traceDrop } from "./roles.ts";
import { NO_MEMBER } from "./state.ts";

/**
 * What became of a proposal. `accepted`: it is in this leader's log (and may still be lost with the leadership). `forwarded`:
 * it is on its way to the leader, who will not answer. Anything else: dropped whole, and why.
 */
export type ProposeOutcome =
  | "accepted"
  | "forwarded"
  | "noLeader"
  | "forwardingDisabled"
  | "notMember"
  | "transferring"
  | "limit";

/** What somebody wants in the log. */
export interface Proposal {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** Proposes normal entries: all of them or none. PERF: one entry object each, nothing else. */
export function propose(core: Core, datas: readonly Uint8Array[]): ProposeOutcome {
  if (core.role !== "leader") return passOn(core, () => datas.map((data) => entryOf(EntryType.Normal, data)));
  let bytes = 0;
  for (let i = 0; i < datas.length; i++) bytes += (datas[i] as Uint8Array).length;
  const refusal = admit(core, bytes);
  if (refusal !== undefined) return refusal;
  for (let i = 0; i < datas.length; i++) appendOwn(core, EntryType.Normal, datas[i] as Uint8Array);
  broadcastAppend(core);
  return "accepted";
}

/** Proposes entries of any type, as they come from a follower or as configuration changes. */
export function proposeEntries(core: Core, proposals: readonly Proposal[], leaving?: boolean): ProposeOutcome {
  if (core.role !== "leader") return passOn(core, () => proposals.map(({ type, data }) => entryOf(type, data)));
  let bytes = 0;
  for (const { data } of proposals) bytes += data.length;
  const refusal = admit(core, bytes);
  if (refusal !== undefined) return refusal;
  for (const proposal of proposals) {
    if (proposal.type === EntryType.Normal) appendOwn(core, EntryType.Normal, proposal.data);
    else appendConfChange(core, proposal, leaving ?? seemsToLeave(proposal));
  }
  broadcastAppend(core);
  return "accepted";
}

/** Whether a change, which we cannot decode, ends a joint configuration: all that do so in practice are empty. */
function seemsToLeave(proposal: Proposal): boolean {
  return proposal.type === EntryType.ConfChangeV2 && proposal.data.length === 0;
}

/**
 * At most one change may be in the log and not applied, and joint configurations are entered and left in turn. A change that
 * comes at the wrong time leaves an empty entry, so that whoever waits for the proposal sees it go by. Source: dissertation
 * §4.1.
 */
function appendConfChange(core: Core, proposal: Proposal, leaving: boolean): void {
  const reason = core.config.disableConfChangeValidation ? undefined : confChangeObjection(core, leaving);
  if (reason !== undefined) {
    core.trace?.({ kind: "confChangeRefused", index: core.log.lastIndex + 1, reason });
    appendOwn(core, EntryType.Normal, EMPTY_BYTES);
    // What does not get into the log will never be reported applied.
    core.uncommittedBytes -= proposal.data.length;
    return;
  }
  core.pendingConfIndex = core.log.lastIndex + 1;
  appendOwn(core, proposal.type, proposal.data);
}

function confChangeObjection(core: Core, leaving: boolean): string | undefined {
  const joint = isJoint(core.tracker.conf);
  if (core.pendingConfIndex > core.log.applied) return "a change may be unapplied";
  if (joint && !leaving) return "the joint configuration must be left first";
  if (!joint && leaving) return "there is no joint configuration to leave";
  return undefined;
}

/** Whether this leader takes proposals of `bytes` in all; if not, why. If so they are accounted for. */
function admit(core: Core, bytes: number): ProposeOutcome | undefined {
  const refusal = objection(core, bytes);
  if (refusal !== undefined) traceDrop(core, "Prop", refusal);
  else core.uncommittedBytes += bytes;
  return refusal;
}

function objection(core: Core, bytes: number): "notMember" | "transferring" | "limit" | undefined {
  if (core.tracker.get(core.id) === undefined) return "notMember";
  if (core.transferee !== NO_MEMBER) return "transferring";
  // Nothing is refused for its size alone, or the limit could be in the way of ever proposing it.
  const { uncommittedBytes, config, log } = core;
  if (bytes > 0 && uncommittedBytes > 0 && uncommittedBytes + bytes > config.maxUncommittedSize) return "limit";
  if (bytes > 0 && log.unstableBytes >= config.maxUnstableSize) return "limit";
  return undefined;
}

function passOn(core: Core, entries: () => readonly Entry[]): ProposeOutcome {
  if (core.role !== "follower" || core.leader === NO_MEMBER) {
    traceDrop(core, "Prop", "noLeader");
    return "noLeader";
  }
  if (core.config.disableProposalForwarding) {
    traceDrop(core, "Prop", "forwardingDisabled");
    return "forwardingDisabled";
  }
  const request = core.draftForwarded(MessageType.Prop, core.leader);
  request.entries = entries();
  core.send(request);
  return "forwarded";
}

function entryOf(type: EntryType, data: Uint8Array): Entry {
  return { term: 0, index: 0, type, data };
}
