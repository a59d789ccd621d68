import type { Core } from "./core.ts";
import type { ProgressState } from "./progress.ts";
import type { ConfState, Role } from "./state.ts";

/** Where one peer stands, as far as the leader knows. */
export interface PeerStatus {
  /** Who. */
  readonly id: bigint;
  /** Highest index known to be durable there. */
  readonly match: number;
  /** Index of the next entry to send. */
  readonly next: number;
  /** How it is fed. */
  readonly state: ProgressState;
  /** Whether it has no vote. */
  readonly isLearner: boolean;
  /** Whether it was heard of since the last check of the quorum. */
  readonly recentActive: boolean;
  /** Whether nothing more is sent until something is heard. */
  readonly paused: boolean;
  /** Index of the snapshot on its way, 0 if none is. */
  readonly pendingSnapshot: number;
  /** Appends on their way. */
  readonly inflightCount: number;
}

/** A picture of a member at one moment. `peers` is empty except on a leader. */
export interface RaftStatus {
  /** This member. */
  readonly id: bigint;
  /** The current term. */
  readonly term: number;
  /** Whom it has voted for in this term, `NO_MEMBER` if nobody. */
  readonly vote: bigint;
  /** What it is. */
  readonly role: Role;
  /** Whom it follows, `NO_MEMBER` if unknown. */
  readonly leader: bigint;
  /** Highest index known to be committed. */
  readonly committed: number;
  /** Highest index reported applied. */
  readonly applied: number;
  /** Index of the first entry that can be had. */
  readonly firstIndex: number;
  /** Index of the last entry, durable or not. */
  readonly lastIndex: number;
  /** Highest index that is durable here. */
  readonly stableIndex: number;
  /** The member that leadership is being handed to, `NO_MEMBER` if none. */
  readonly transferee: bigint;
  /** The configuration in force. */
  readonly confState: ConfState;
  /** Where the members stand, this one included; empty except on a leader. */
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
