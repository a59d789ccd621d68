import { assert } from "@quorate/base";

import { handleOwnAppend } from "./acknowledgements.ts";
import { ConfChangeType, type ConfChangeV2, confChangeV2, leavesJoint } from "./conf-change.ts";
import type { RaftConfig } from "./config.ts";
import { changeConfiguration, checkedConfiguration } from "./configuration.ts";
import { Core, type RaftDeps } from "./core.ts";
import { hup } from "./election.ts";
import { type Entry, EntryType } from "./entry.ts";
import { applyConfChange, leaveJointWhenDue } from "./membership.ts";
import {
  createMessage,
  isLocalMessage,
  isResponseMessage,
  isWellFormed,
  type Message,
  MessageType,
} from "./message.ts";
import { type ProposeOutcome, propose, proposeEntries } from "./proposals.ts";
import type { Ready } from "./ready.ts";
import { becomeFollower } from "./roles.ts";
import { type ConfState, type HardState, NO_MEMBER, type ReadState, type Role, type SoftState } from "./state.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { step } from "./step.ts";
import { tick } from "./timers.ts";

/** A member of a cluster that does not exist yet: its identity, and the encoded `ConfChange` that adds it. */
export interface BootstrapMember {
  readonly id: bigint;
  readonly data: Uint8Array;
}

/**
 * What became of a message from a peer. `local`: of a kind that never travels; `unknownSender`: an answer from somebody who is
 * not a member; `malformed`: no member of a cluster sends this. None but the first has any effect.
 */
export type StepOutcome = "stepped" | "local" | "unknownSender" | "malformed";

const NO_READ_STATES: readonly ReadState[] = [];

/**
 * One member of a Raft cluster, as a machine without I/O: inputs are method calls, outputs are {@link Ready} values. Nothing
 * is asynchronous, nothing reads a clock, and the same inputs give the same outputs.
 *
 * Not reentrant: nobody calls it from inside a trace sink or a storage. An {@link InvariantError} that comes out of it means
 * that the host broke the contract or that durable data was lost; the member must then stop.
 */
export class RawNode {
  readonly #core: Core;
  #readyNumber = 0;
  #hardState: HardState;
  #leader: bigint;
  #role: Role;

  /** Continues from what the storage holds; `config` comes from `parseConfig`. */
  constructor(config: RaftConfig, deps: RaftDeps) {
    const core = new Core(config, deps);
    const { hardState, confState } = deps.storage.initialState();
    const conf = checkedConfiguration(confState);
    assert(conf !== undefined, "the stored configuration is one that raft has made");
    core.tracker.configure(conf, core.log.lastIndex);
    core.term = hardState.term;
    core.vote = hardState.vote;
    // The stored commit index is a hint that may lag; what was applied was committed.
    core.log.commitTo(Math.max(hardState.commit, config.applied));
    if (config.applied > 0) core.log.startAt(config.applied);
    becomeFollower(core, core.term, NO_MEMBER);
    this.#core = core;
    this.#hardState = hardState;
    this.#leader = NO_MEMBER;
    this.#role = "follower";
  }

  /** This member. */
  get id(): bigint {
    return this.#core.id;
  }

  /** The current term. */
  get term(): number {
    return this.#core.term;
  }

  /** The leader of the current term, {@link NO_MEMBER} if unknown. */
  get leader(): bigint {
    return this.#core.leader;
  }

  /** What it is at the moment; being a learner is a property of the configuration instead. */
  get role(): Role {
    return this.#core.role;
  }

  /** Highest index known to be committed. */
  get committed(): number {
    return this.#core.log.committed;
  }

  /** Highest index reported applied. */
  get applied(): number {
    return this.#core.log.applied;
  }

  /** Index of the last entry, durable or not. */
  get lastIndex(): number {
    return this.#core.log.lastIndex;
  }

  /** The configuration in force: as of the last change applied, or snapshot received. */
  get confState(): ConfState {
    return this.#core.tracker.conf;
  }

  /**
   * Whether this member leads and is the only voter, and `committed` covers everything that anybody was ever told of. A read
   * is then linearizable as soon as `committed` is applied.
   */
  isSoleLeader(): boolean {
    const core = this.#core;
    return core.role === "leader" && core.tracker.isSoleVoter(core.id) && core.hasCommittedInTerm;
  }

  /** Everything an operator may want to see; builds new objects. */
  status(): RaftStatus {
    return statusOf(this.#core);
  }

  /**
   * Founds a cluster: every founding member does this with the same list, on an empty storage, and so starts from the same log.
   * The entries are handed out to be written and applied like any others. Outcome `notEmpty` if the storage has a log.
   */
  bootstrap(members: readonly BootstrapMember[]): "done" | "notEmpty" {
    const core = this.#core;
    assert(members.length > 0, "a cluster has members");
    if (core.log.lastIndex > 0 || core.term > 0) return "notEmpty";
    becomeFollower(core, 1, NO_MEMBER);
    let conf = core.tracker.conf;
    for (const { id, data } of members) {
      core.log.push({ term: 1, index: core.log.lastIndex + 1, type: EntryType.ConfChange, data });
      const result = changeConfiguration(conf, confChangeV2({ type: ConfChangeType.AddNode, nodeId: id }));
      assert(typeof result !== "string", "founding members are added one by one");
      conf = result;
    }
    core.log.commitTo(members.length);
    core.tracker.configure(conf, core.log.lastIndex);
    return "done";
  }

  /** One unit of time has passed. */
  tick(): void {
    tick(this.#core);
  }

  /** Stands for election now. Does nothing where this member leads or must not campaign. */
  campaign(): void {
    hup(this.#core, false);
  }

  /**
   * Proposes one entry for each of `datas`, in order; all or none. The bytes are shared from now on; the array is not kept.
   * Nothing is queued: without a leader, as a candidate, and while leadership is handed over, the answer says so at once.
   */
  propose(datas: readonly Uint8Array[]): ProposeOutcome {
    assert(datas.length > 0, "a proposal has entries");
    return propose(this.#core, datas);
  }

  /**
   * Proposes a configuration change: `data` is its encoded form, `change` what it means. `type` says in which form it is
   * encoded. A change that comes while another is under way turns into an empty entry.
   */
  proposeConfChange(data: Uint8Array, change: ConfChangeV2, type: EntryType = EntryType.ConfChange): ProposeOutcome {
    assert(type !== EntryType.Normal, "a configuration change is not a normal entry");
    return proposeEntries(this.#core, [{ type, data }], leavesJoint(change));
  }

  /**
   * A committed configuration change is being applied. Called for every entry of such a type, in order; a change that the host
   * cancels is applied with member 0. Returns the configuration now in force, which belongs into snapshots.
   */
  applyConfChange(change: ConfChangeV2): ConfState {
    return applyConfChange(this.#core, change);
  }

  /**
   * Asks for an index at which a read is linearizable. It arrives in `Ready.readStates` with the same `context`, or never: a
   * request is lost without a leader, with a message, with the leadership, and beyond `maxPendingReads`. Ask again then, with
   * another context. `context` must not be empty and must be unique among all members' requests in flight, because leaders up
   * to etcd 3.6 know requests by it; it is shared from now on. One request serves every reader that came before it.
   */
  readIndex(context: Uint8Array): void {
    const entries = [{ term: 0, index: 0, type: EntryType.Normal, data: context }];
    step(this.#core, createMessage({ type: MessageType.ReadIndex, from: this.#core.id, entries }));
  }

  /**
   * Asks the leader, whoever it is, to hand over to `target`. Until that has come about, or an election timeout has passed, the
   * leader accepts no proposals. Nothing happens if `target` is a learner, no member, or the leader; then, or after the timeout,
   * the leader goes on. `status().transferee` tells whether one is under way.
   */
  transferLeader(target: bigint): void {
    step(this.#core, createMessage({ type: MessageType.TransferLeader, from: target }));
  }

  /** A follower stops regarding its leader as alive, so that others may win its vote at once. Needs reads by quorum. */
  forgetLeader(): void {
    const core = this.#core;
    if (core.role !== "follower" || core.config.readOnly === "lease") return;
    core.leader = NO_MEMBER;
  }

  /** The host could not deliver a message to `id`: what was streamed to it is sent again, one append at a time at first. */
  reportUnreachable(id: bigint): void {
    step(this.#core, createMessage({ type: MessageType.Unreachable, from: id }));
  }

  /**
   * The host has delivered a snapshot to `id`, or failed to. Must be called for every snapshot message, once. `index` is that of
   * the snapshot that was sent, where the host has sent a newer one than the message names; it may do so.
   */
  reportSnapshot(id: bigint, outcome: "delivered" | "failed", index = 0): void {
    const reject = outcome === "failed";
    step(this.#core, createMessage({ type: MessageType.SnapStatus, from: id, reject, index }));
  }

  /** A message has arrived from a peer. Whatever it holds, it cannot make this call throw short of lost data. */
  step(message: Message): StepOutcome {
    const core = this.#core;
    if (isLocalMessage(message.type)) return "local";
    if (!isWellFormed(message, core.id)) return "malformed";
    if (isResponseMessage(message.type) && core.tracker.get(message.from) === undefined) return "unknownSender";
    step(core, message);
    return "stepped";
  }

  /** Whether `ready()` would have anything to do. PERF: a few comparisons. */
  hasReady(): boolean {
    const core = this.#core;
    return (
      core.outbox.hasSendable ||
      core.log.hasUnwritten ||
      core.log.hasCommittedToApply ||
      core.readStates.length > 0 ||
      core.leader !== this.#leader ||
      core.role !== this.#role ||
      core.term !== this.#hardState.term ||
      core.vote !== this.#hardState.vote ||
      core.log.committed !== this.#hardState.commit ||
      (core.outbox.hasFresh && core.log.writes.count === 0)
    );
  }

  /** Takes everything there is to do. What is handed out is not handed out again. */
  ready(): Ready {
    const core = this.#core;
    this.#releaseFresh();
    const number = ++this.#readyNumber;
    const mustSync = this.#mustSync();
    const entries = core.log.takeEntries();
    const snapshot = core.log.takeSnapshot();
    if (mustSync) {
      const count = entries.length;
      core.log.writes.add(number, {
        lastIndex: count === 0 ? 0 : (entries[count - 1] as Entry).index,
        snapshotIndex: snapshot?.index ?? 0,
        tick: core.ticks,
      });
    }
    const dependsOn = core.log.writes.newestReady;
    if (dependsOn !== undefined) core.outbox.holdFor(dependsOn);
    return {
      number,
      softState: this.#takeSoftState(),
      hardState: this.#takeHardState(),
      entries,
      snapshot,
      committedEntries: core.log.takeCommitted(),
      messages: core.outbox.take(),
      readStates: this.#takeReadStates(),
      mustSync,
    };
  }

  /**
   * What `ready` told to write is durable, and so is everything handed out before it. For a Ready with a snapshot this also says
   * that the state machine is, or will be before anything else is applied, the snapshot's. Each Ready once, in order; those
   * without `mustSync` need not be reported.
   */
  onPersisted(ready: Ready): void {
    if (!ready.mustSync) return;
    const core = this.#core;
    if (!core.log.settle(ready.number)) return;
    if (core.role === "leader") handleOwnAppend(core);
    this.#deliver(core.outbox.takeHeld(ready.number));
  }

  /** The state machine has applied everything up to `index`. */
  appliedTo(index: number): void {
    const core = this.#core;
    const payloadBytes = core.log.appliedTo(index);
    core.uncommittedBytes = Math.max(0, core.uncommittedBytes - payloadBytes);
    leaveJointWhenDue(core);
  }

  /** Checks the invariants that tie the parts together; throws {@link InvariantError}. For tests and simulations. */
  checkInvariants(): void {
    const { log, tracker, role, term, leader, id } = this.#core;
    assert(log.applied <= log.applying, "applied <= applying");
    assert(log.applying <= log.committed, "applying <= committed");
    assert(log.committed <= log.lastIndex, "committed <= lastIndex");
    assert(log.firstIndex <= log.lastIndex + 1, "firstIndex <= lastIndex + 1");
    assert(term >= this.#hardState.term, "the term never goes back");
    if (role === "leader") assert(leader === id, "a leader follows itself");
    if (role === "leader")
      for (const peer of tracker.all) assert(peer.match < peer.next || peer.id === id, "match < next");
    assert(checkedConfiguration(tracker.conf) !== undefined, "the configuration is consistent");
  }

  /** Nothing is in flight and nothing new to sync: what was held back may go. Our own votes may then lead to more of it. */
  #releaseFresh(): void {
    const core = this.#core;
    while (core.outbox.hasFresh && core.log.writes.count === 0 && !this.#mustSync()) {
      this.#deliver(core.outbox.takeFresh());
    }
  }

  #deliver(messages: readonly Message[]): void {
    const core = this.#core;
    for (const message of messages) {
      if (message.to === core.id) step(core, message);
      else core.outbox.send(message);
    }
  }

  #mustSync(): boolean {
    const { log, term, vote } = this.#core;
    return log.hasUnwritten || term !== this.#hardState.term || vote !== this.#hardState.vote;
  }

  #takeSoftState(): SoftState | undefined {
    const { leader, role } = this.#core;
    if (leader === this.#leader && role === this.#role) return undefined;
    this.#leader = leader;
    this.#role = role;
    return { leader, role };
  }

  #takeHardState(): HardState | undefined {
    const { term, vote, log } = this.#core;
    const last = this.#hardState;
    if (term === last.term && vote === last.vote && log.committed === last.commit) return undefined;
    this.#hardState = { term, vote, commit: log.committed };
    return this.#hardState;
  }

  #takeReadStates(): readonly ReadState[] {
    const states = this.#core.readStates;
    if (states.length === 0) return NO_READ_STATES;
    this.#core.readStates = [];
    return states;
  }
}
