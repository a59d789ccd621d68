import type { Core } from "./core.ts";
import type { ProgressState } from "./progress.ts";
import type { ConfState, Role } from "./state.ts";

/** Where one peer stands, as far as the leader knows. */
export interface PeerStatus {
  readonly id: bigint;
  readonly match: number;
  readonly next: number;
  readonly state: ProgressState;
  readonly isLearner: boolean;
  readonly recentActive: boolean;
  readonly paused: boolean;
  readonly pendingSnapshot: number;
  /** Appends on their way. */
  readonly inflightCount: number;
}

/** A picture of a member at one moment. `peers` is empty except on a leader. */
export interface RaftStatus {
  readonly id: bigint;
  readonly term: number;
  readonly vote: bigint;
  readonly role: Role;
  readonly leader: bigint;
  readonly committed: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Highest index that is durable here. */
  readonly stableIndex: number;
  readonly transferee: bigint;
  readonly confState: ConfState;
  readonly peers: readonly PeerStatus[];
}

/** Builds the picture. */
export function statusOf(core: Core): RaftStatus {
  const { log, tracker } = core;
  const peers = core.role !== "leader" ? [] : tracker.all;
  return {
    id: core.id,
    term: core.term,
    vote: core.vote,
    role: core.role,
    leader: core.leader,
    committed: log.committed,
    applied: log.applied,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    stableIndex: log.stableIndex,
    transferee: core.transferee,
    confState: tracker.conf,
    peers: peers.map((peer) => ({
      id: peer.id,
      match: peer.match,
      next: peer.next,
      state: peer.state,
      isLearner: tracker.isLearner(peer.id),
      recentActive: peer.recentActive,
      paused: peer.paused,
      pendingSnapshot: peer.pendingSnapshot,
      inflightCount: peer.inflights.count,
    })),
  };
}
