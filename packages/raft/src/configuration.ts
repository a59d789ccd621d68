import {
  type ConfChangeSingle,
  ConfChangeType,
  type ConfChangeV2,
  leavesByItself,
  leavesJoint,
  needsJoint,
} from "./conf-change.ts";
import { type ConfState, NO_MEMBER } from "./state.ts";

/** Why a configuration change cannot be applied; the configuration then stays as it is. */
export type ConfChangeError = "noVoters" | "alreadyJoint" | "notJoint" | "tooManyChanges" | "unknownType";

/** The outcome of a change: a new configuration, or the reason there is none. */
export type ConfChangeResult = ConfState | ConfChangeError;

/** Whether two majorities have to agree at the moment. */
export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether the member has a vote in either half. */
export function isVoter(conf: ConfState, id: bigint): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

/** Everybody who receives the log, in ascending order. */
export function membersOf(conf: ConfState): bigint[] {
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners]));
}

/** All who have a vote in either half, in ascending order. */
export function votersOf(conf: ConfState): bigint[] {
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing]));
}

/** Applies a change of any kind. Pure. Source: dissertation §4.3, etcd-io/raft confchange. */
export function changeConfiguration(conf: ConfState, change: ConfChangeV2): ConfChangeResult {
  if (leavesJoint(change)) return leaveJoint(conf);
  if (needsJoint(change)) return enterJoint(conf, change.changes, leavesByItself(change));
  return changeOne(conf, change.changes);
}

/** Changes at most one voter, which keeps any two majorities, old and new, in contact. */
export function changeOne(conf: ConfState, changes: readonly ConfChangeSingle[]): ConfChangeResult {
  if (isJoint(conf)) return "alreadyJoint";
  const draft = new Draft(conf);
  const error = draft.apply(changes);
  if (error !== undefined) return error;
  let moved = 0;
  for (const id of draft.voters) if (!conf.voters.includes(id)) moved++;
  for (const id of conf.voters) if (!draft.voters.has(id)) moved++;
  return moved > 1 ? "tooManyChanges" : draft.finish();
}

/** Starts a change of any number of voters: from here on both the old and the new majority have to agree. */
export function enterJoint(
  conf: ConfState,
  changes: readonly ConfChangeSingle[],
  autoLeave: boolean,
): ConfChangeResult {
  if (isJoint(conf)) return "alreadyJoint";
  if (conf.voters.length === 0) return "noVoters";
  const draft = new Draft({ ...conf, votersOutgoing: conf.voters, autoLeave });
  return draft.apply(changes) ?? draft.finish();
}

/** Ends a joint change: the new majority decides alone, and demoted voters become learners. */
export function leaveJoint(conf: ConfState): ConfChangeResult {
  if (!isJoint(conf)) return "notJoint";
  return {
    voters: conf.voters,
    learners: sorted(new Set([...conf.learners, ...conf.learnersNext])),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
}

/** The configuration with its lists in order, or undefined if it breaks an invariant and so was never one of ours. */
export function checkedConfiguration(conf: ConfState): ConfState | undefined {
  const result: ConfState = {
    voters: sorted(new Set(conf.voters)),
    learners: sorted(new Set(conf.learners)),
    votersOutgoing: sorted(new Set(conf.votersOutgoing)),
    learnersNext: sorted(new Set(conf.learnersNext)),
    autoLeave: conf.autoLeave,
  };
  if (membersOf(result).includes(NO_MEMBER)) return undefined;
  if (result.learners.some((id) => isVoter(result, id))) return undefined;
  if (result.learnersNext.some((id) => !result.votersOutgoing.includes(id))) return undefined;
  if (result.learnersNext.some((id) => result.voters.includes(id))) return undefined;
  if (!isJoint(result) && (result.learnersNext.length > 0 || result.autoLeave)) return undefined;
  if (isJoint(result) && result.voters.length === 0) return undefined;
  return result;
}

/** A configuration while single changes are made to it. */
class Draft {
  readonly voters: Set<bigint>;
  readonly #learners: Set<bigint>;
  readonly #learnersNext: Set<bigint>;
  readonly #from: ConfState;

  constructor(from: ConfState) {
    this.#from = from;
    this.voters = new Set(from.voters);
    this.#learners = new Set(from.learners);
    this.#learnersNext = new Set(from.learnersNext);
  }

  apply(changes: readonly ConfChangeSingle[]): ConfChangeError | undefined {
    for (const { type, nodeId } of changes) {
      if (nodeId === NO_MEMBER) continue;
      if (type === ConfChangeType.AddNode) this.#addVoter(nodeId);
      else if (type === ConfChangeType.AddLearnerNode) this.#addLearner(nodeId);
      else if (type === ConfChangeType.RemoveNode) this.#remove(nodeId);
      else if (type !== ConfChangeType.UpdateNode) return "unknownType";
    }
    return this.voters.size === 0 ? "noVoters" : undefined;
  }

  finish(): ConfState {
    return {
      voters: sorted(this.voters),
      learners: sorted(this.#learners),
      votersOutgoing: this.#from.votersOutgoing,
      learnersNext: sorted(this.#learnersNext),
      autoLeave: this.#from.autoLeave,
    };
  }

  #addVoter(id: bigint): void {
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    this.voters.add(id);
  }

  #addLearner(id: bigint): void {
    if (this.#learners.has(id)) return;
    this.#remove(id);
    // Nobody is voter and learner at once: one who still votes in the old half waits until that half is gone.
    if (this.#from.votersOutgoing.includes(id)) this.#learnersNext.add(id);
    else this.#learners.add(id);
  }

  #remove(id: bigint): void {
    this.voters.delete(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
  }
}

function sorted(ids: ReadonlySet<bigint>): bigint[] {
  return [...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
