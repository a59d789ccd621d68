import { type Logger, must } from "@quorate/base";
import type { ErrorCode, RaftConfChange } from "@quorate/protocol";
import { type ConfState, confChangeV2 } from "@quorate/raft";
import { type ChangeOutcome, hexId } from "../core/index.ts";
import type { Member } from "./member.ts";
import type { Peers } from "./peers.ts";

/** A member that was removed lives on for a while, to hand out what it has; etcd's figure. */
const REMOVED_LINGER_MS = 1000;

export interface ConfigurationDeps {
  readonly member: Member;
  readonly peers: () => Pick<Peers, "add" | "remove">;
  readonly logger: Logger;
  /** Another member was removed: if it leads, it leads no more. */
  readonly leaderEnded: (id: bigint) => void;
  /** This member was removed from its cluster. */
  readonly removed: () => void;
}

/** Which members the cluster has, as of the last applied entry, and what follows from that here. */
export class Configuration {
  readonly #deps: ConfigurationDeps;
  /** Raft's own is that of a snapshot as soon as it has come. */
  #state: ConfState;

  constructor(deps: ConfigurationDeps) {
    this.#deps = deps;
    this.#state = deps.member.raft.confState;
  }

  get state(): ConfState {
    return this.#state;
  }

  /** The state machine is that of a snapshot now. */
  restored(state: ConfState): void {
    this.#state = state;
    this.chooseSync();
  }

  /** Puts an applied change into force, or says why it is refused. */
  apply(change: RaftConfChange): ErrorCode | undefined {
    const { membership, raft } = this.#deps.member;
    const outcome = membership.applyConfChange(change);
    const nodeId = outcome.refused === undefined ? change.nodeId : 0n;
    this.#state = raft.applyConfChange(confChangeV2({ type: change.type, nodeId }));
    if (outcome.refused === undefined) this.#adjustPeers(outcome);
    this.chooseSync();
    return outcome.refused;
  }

  /** Waiting for the disk on the spot is faster for a client alone, but one that hangs must not stop a member's heartbeats. */
  chooseSync(): void {
    const { initialPeers, membership, storage } = this.#deps.member;
    storage.log.mayWaitForDisk = membership.list().length <= 1 && initialPeers.length === 0;
  }

  #adjustPeers({ id, kind, member }: ChangeOutcome): void {
    const { leaderEnded, logger, peers, removed } = this.#deps;
    if (kind !== "remove") {
      peers().add(must(member, "a change that took effect has a member"));
      return;
    }
    logger.info("removed member", { "removed-remote-peer-id": hexId(id) });
    if (id === this.#deps.member.storage.identity.memberId) {
      setTimeout(removed, REMOVED_LINGER_MS);
      return;
    }
    peers().remove(id);
    // A leader that is no member any more takes no requests, and cannot hand over: who knows of its removal does not listen to it,
    // and who does not may not stand. Outside of the batch that is being applied.
    setImmediate(() => leaderEnded(id));
  }
}
