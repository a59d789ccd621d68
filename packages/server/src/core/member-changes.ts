import type { ErrorCode } from "@quorate/protocol";
import { ConfChangeType, type RaftStatus } from "@quorate/raft";
import { addedMemberId, type ClusterMember, memberJson, promotionJson, type Sha1 } from "./member.ts";
import type { Membership, MembershipChange } from "./membership.ts";
import type { Pending } from "./pending.ts";
import {
  additionProblem,
  type ClusterView,
  learnerProblem,
  promotionProblem,
  removalProblem,
} from "./reconfiguration.ts";

/** The members after a change, or why there was none. */
export type ChangeDone = (outcome: readonly ClusterMember[] | ErrorCode) => void;

export interface MemberChangesConfig {
  readonly memberId: bigint;
  /** Refuse changes that endanger the quorum (`--strict-reconfig-check`). */
  readonly strictReconfigCheck: boolean;
}

/** What changes of the membership need of the rest of the server. */
export interface MemberChangesDeps {
  readonly membership: Membership;
  readonly sha1: Sha1;
  /** See {@link ClusterView}. */
  readonly activeSince: (id: bigint) => number | undefined;
  readonly raftStatus: () => RaftStatus;
  /** Proposes a change; `pending` is answered once it was applied here, unless a code is returned. */
  readonly propose: (change: MembershipChange, pending: Pending) => ErrorCode | undefined;
  /**
   * Asks the leader, another member, to promote a learner (`/members/promote/<id>`) in the name of whom `token` belongs to; answers
   * once, in bounded time.
   */
  readonly promoteViaLeader: (id: bigint, done: ChangeDone, token: string | undefined) => void;
  /** A learner was promoted by this member, the leader, or why not. For metrics. */
  readonly promoted?: (refused: ErrorCode | undefined) => void;
  /** Monotonic milliseconds, the same clock as that of `activeSince`. */
  readonly nowMs: () => number;
  /** The wall clock, which new IDs are made from. */
  readonly wallMs: () => number;
}

/**
 * Changes of the membership asked for by clients: checked as etcd checks them and in its order, proposed, and answered with the
 * members as they are once the change was applied. gRPC API page, section 8.2.
 */
export class MemberChanges {
  readonly #config: MemberChangesConfig;
  readonly #deps: MemberChangesDeps;

  constructor(config: MemberChangesConfig, deps: MemberChangesDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Adds a member at `peerUrls`, valid and sorted. `done` is told the member, too, which is none if it is told a code. */
  add(
    peerUrls: readonly string[],
    isLearner: boolean,
    done: (outcome: readonly ClusterMember[] | ErrorCode, member: ClusterMember) => void,
  ): void {
    const { sha1, wallMs } = this.#deps;
    const id = addedMemberId(peerUrls, Math.floor(wallMs() / 1000), sha1);
    const member: ClusterMember = { id, name: "", peerUrls, clientUrls: [], isLearner };
    const refused = this.#strict((view) => additionProblem(view, isLearner));
    const type = isLearner ? ConfChangeType.AddLearnerNode : ConfChangeType.AddNode;
    const told: ChangeDone = (outcome) => done(outcome, member);
    if (refused !== undefined) told(refused);
    else this.#propose({ type, nodeId: id, context: memberJson(member) }, told);
  }

  remove(id: bigint, done: ChangeDone): void {
    const refused = this.#isLastVoter(id) ? "memberNotEnoughStarted" : this.#strict((view) => removalProblem(view, id));
    if (refused !== undefined) done(refused);
    else this.#propose({ type: ConfChangeType.RemoveNode, nodeId: id, context: new Uint8Array(0) }, done);
  }

  /** Gives a member other peer URLs, valid ones, in the order given. */
  update(id: bigint, peerUrls: readonly string[], done: ChangeDone): void {
    const context = memberJson({ id, name: "", peerUrls, clientUrls: [], isLearner: false });
    this.#propose({ type: ConfChangeType.UpdateNode, nodeId: id, context }, done);
  }

  /** Turns a learner into a voter. Only the leader knows whether it is ready: other members ask it, and show it the caller's token. */
  promote(id: bigint, done: ChangeDone, token?: string): void {
    const problem = learnerProblem(this.#deps.raftStatus(), id);
    if (problem === "notLeader") {
      this.#deps.promoteViaLeader(id, done, token);
      return;
    }
    const refused = problem ?? this.#strict(promotionProblem);
    const told: ChangeDone = (outcome) => {
      this.#deps.promoted?.(typeof outcome === "string" ? outcome : undefined);
      done(outcome);
    };
    if (refused !== undefined) told(refused);
    else this.#propose({ type: ConfChangeType.AddNode, nodeId: id, context: promotionJson(id) }, told);
  }

  #propose(change: MembershipChange, done: ChangeDone): void {
    const refused = this.#deps.propose(change, {
      applied: (result) => done(typeof result === "string" ? result : this.#deps.membership.list()),
      failed: done,
    });
    if (refused !== undefined) done(refused);
  }

  #strict(check: (view: ClusterView) => ErrorCode | undefined): ErrorCode | undefined {
    return this.#config.strictReconfigCheck ? check(this.#view()) : undefined;
  }

  /** An entry that leaves a cluster without voters would end every member that applies it, so it is never written. */
  #isLastVoter(id: bigint): boolean {
    const voters = this.#deps.membership.list().filter((member) => !member.isLearner);
    return voters.length === 1 && voters[0]?.id === id;
  }

  #view(): ClusterView {
    const { activeSince, membership, nowMs } = this.#deps;
    return { members: membership.list(), selfId: this.#config.memberId, activeSince, nowMs: nowMs() };
  }
}
