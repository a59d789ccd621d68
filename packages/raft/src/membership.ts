import { EMPTY_BYTES } from "@quorate/base";

import { announceCommit } from "./acknowledgements.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import { changeConfiguration } from "./configuration.ts";
import type { Core } from "./core.ts";
import { EntryType } from "./entry.ts";
import { proposeEntries } from "./proposals.ts";
import { recountReads } from "./reads.ts";
import { advanceCommit, broadcastAppend } from "./replication.ts";
import { abortTransfer, becomeFollower } from "./roles.ts";
import { type ConfState, NO_MEMBER } from "./state.ts";

/**
 * Puts a committed change into force. One that is not possible changes nothing, on every member alike, because all apply the
 * same changes to the same configurations. Source: dissertation §4, etcd-io/raft `applyConfChange`.
 */
export function applyConfChange(core: Core, change: ConfChangeV2): ConfState {
  const result = changeConfiguration(core.tracker.conf, change);
  const conf = typeof result === "string" ? core.tracker.conf : result;
  core.trace?.({ kind: "confChange", conf, error: typeof result === "string" ? result : undefined });
  if (conf !== core.tracker.conf) switchTo(core, conf);
  return conf;
}

function switchTo(core: Core, conf: ConfState): void {
  core.tracker.configure(conf, core.log.lastIndex);
  if (core.role !== "leader") return;
  if (core.tracker.get(core.id) === undefined || core.tracker.isLearner(core.id)) {
    if (core.config.stepDownOnRemoval) becomeFollower(core, core.term, NO_MEMBER);
    return;
  }
  // The new quorum may be smaller, and has what the old one still lacked.
  if (advanceCommit(core)) announceCommit(core);
  else broadcastAppend(core, true);
  recountReads(core);
  if (core.transferee !== NO_MEMBER && !core.tracker.isVoter(core.transferee)) abortTransfer(core);
}

/** Proposes to leave a joint configuration that is left by itself, once the change that entered it is applied. */
export function leaveJointWhenDue(core: Core): void {
  if (core.role !== "leader" || !core.tracker.conf.autoLeave) return;
  if (core.log.applied < core.pendingConfIndex) return;
  proposeEntries(core, [{ type: EntryType.ConfChangeV2, data: EMPTY_BYTES }], true);
}
