import type { Prng } from "@quorate/base";

import type { RaftConfig } from "./config.ts";
import { RaftLog } from "./log.ts";
import type { LogStorage } from "./log-storage.ts";
import { draftMessage, type Message, type MessageDraft, type MessageType } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { ReadQueue } from "./read-queue.ts";
import { NO_MEMBER, type ReadState, type Role } from "./state.ts";
import type { TraceSink } from "./trace.ts";
import { Tracker } from "./tracker.ts";

/** What a member needs of its host. */
export interface RaftDeps {
  readonly storage: LogStorage;
  /** Draws election timeouts. */
  readonly prng: Prng;
  readonly trace?: TraceSink;
}

/**
 * The state of one member: what figure 2 of the paper lists, and the queues between it and its host. It has no rules of its
 * own; those are in one file per concern (election, replication, ...), as functions over this state.
 */
export class Core {
  readonly id: bigint;
  readonly config: RaftConfig;
  readonly prng: Prng;
  readonly trace: TraceSink | undefined;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly outbox: Outbox = new Outbox();
  readonly reads: ReadQueue = new ReadQueue();

  term = 0;
  vote: bigint = NO_MEMBER;
  leader: bigint = NO_MEMBER;
  role: Role = "follower";

  /** Ticks since the start. */
  ticks = 0;
  /** Ticks since the last sign of a leader (follower, candidate) or since the last check of the quorum (leader). */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  electionTimeout = 0;

  /** The member that leadership is being handed to. */
  transferee: bigint = NO_MEMBER;
  /** Whether somebody was told to campaign in spite of all leases; holds for the rest of the term. */
  leadershipOffered = false;
  /** No configuration change is proposed before the entry at this index is applied. */
  pendingConfIndex = 0;
  /** Payload of what this leader has proposed and not applied. */
  uncommittedBytes = 0;
  /** Read requests that came before anything of this term was committed. */
  earlyReads: Message[] = [];
  readStates: ReadState[] = [];

  constructor(config: RaftConfig, deps: RaftDeps) {
    this.id = config.id;
    this.config = config;
    this.prng = deps.prng;
    this.trace = deps.trace;
    this.log = new RaftLog(deps.storage, config.maxCommittedSizePerReady);
    this.tracker = new Tracker({ inflightMsgs: config.maxInflightMsgs, inflightBytes: config.maxInflightBytes });
  }

  /** Whether this member may campaign: it is a voter and its log is complete. */
  get promotable(): boolean {
    return this.tracker.isVoter(this.id) && !this.log.restoring;
  }

  /** Whether the leader has committed an entry of its own term, so that its commit index is nobody's past. */
  get hasCommittedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  /** A message of this member's in its term, to be filled in. */
  draft(type: MessageType, to: bigint): MessageDraft {
    return draftMessage(type, to, this.id, this.term);
  }

  /** A request that may be passed on, and so belongs to no term. */
  draftForwarded(type: MessageType, to: bigint): MessageDraft {
    return draftMessage(type, to, this.id, 0);
  }

  /** Sends at once. */
  send(message: Message): void {
    this.outbox.send(message);
  }

  /** Sends, to others or to ourselves, once everything up to now is durable here. */
  sendWhenDurable(message: Message): void {
    this.outbox.sendWhenDurable(message);
  }
}
