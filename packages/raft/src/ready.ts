import type { Entry } from "./entry.ts";
import type { Message } from "./message.ts";
import type { HardState, ReadState, Snapshot, SoftState } from "./state.ts";

/**
 * A batch of work for the host, as data. Several may be in flight: the host need not wait for the write of one before it
 * takes the next, but it writes them in the order it got them. For each:
 *
 * 1. make `snapshot`, `entries` and `hardState` visible in the {@link LogStorage} at once, and start writing them, in this
 *    order; with `mustSync` they must survive a power cut before they count as persisted;
 * 2. send `messages` at once: those that promise something about this member's disk are kept back until it is true;
 * 3. apply `committedEntries` and report `appliedTo`; both are durable here already;
 * 4. answer the waiting readers of `readStates` once their index is applied;
 * 5. call `onPersisted(ready)` when the write is done.
 */
export interface Ready {
  /** Counts the Readies of this member from 1. */
  readonly number: number;
  /** What the host should show to others, if it changed. Need not be stored. */
  readonly softState: SoftState | undefined;
  /** To be stored, if it changed. */
  readonly hardState: HardState | undefined;
  /** To be stored; from the first of them on they replace what is stored. Shared. */
  readonly entries: readonly Entry[];
  /** To replace log and state machine, before `entries` are stored and before anything else is applied. */
  readonly snapshot: Snapshot | undefined;
  /** To be applied, in order, each exactly once since the start. Shared. */
  readonly committedEntries: readonly Entry[];
  /** To be sent at once, to any order of receivers. Shared. */
  readonly messages: readonly Message[];
  /** Reads that were confirmed. */
  readonly readStates: readonly ReadState[];
  /** False where a write may be left to the operating system: the commit index alone can be learnt again. */
  readonly mustSync: boolean;
}
