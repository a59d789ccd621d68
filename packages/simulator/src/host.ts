import type { Prng } from "@quorate/base";
import type { WriteHook } from "@quorate/mvcc";
import type { Entry, HardState, Message } from "@quorate/raft";
import type { Disk } from "./disk.ts";
import type { Process } from "./process.ts";
import type { Image } from "./sim-backend.ts";

/** Limits that a run draws, so that schedules differ in what they exercise. */
export interface Tuning {
  readonly preVote: boolean;
  readonly maxSizePerMsg: number;
  readonly maxInflightMsgs: number;
  readonly catchUpEntries: number;
  readonly checkpointEntries: number;
}

/** What a running member needs of the machine it runs on. Everything it hands out to be called later is called through `later`. */
export interface Host {
  readonly id: bigint;
  readonly tuning: Tuning;
  readonly disk: Disk;
  readonly prng: Prng;
  /** IDs of the members that found the cluster; undefined where this one joins it. */
  readonly founders: readonly bigint[] | undefined;
  /** Local monotonic milliseconds; they may pass faster or slower than simulated time. */
  readonly nowMs: () => number;
  /** Local time since simulation began at which this process started, for request IDs: no two processes of a member share one. */
  readonly startMs: number;
  readonly after: (delayUs: number, run: () => void) => void;
  readonly sendMessages: (messages: readonly Message[]) => void;
  readonly sendSnapshot: (message: Message, image: Image) => void;
  readonly observer: Observer;
  readonly planted: PlantedPorts;
}

/** Told what happens inside a process, as it happens. Throws {@link Violation}. */
export interface Observer {
  started(process: Process): void;
  logAppended(process: Process, entries: readonly Entry[], hardState: HardState | undefined): void;
  entryApplied(process: Process, entry: Entry): void;
  revisionMade(process: Process, revision: number, changes: Parameters<WriteHook>[1]): void;
  stateReplaced(process: Process): void;
  snapshotFrozen(process: Process): void;
  confChanged(process: Process): void;
}

/** Bugs that are made by treating a port wrongly. See mutations.ts. */
export interface PlantedPorts {
  /** The vote is not written. */
  readonly dropsVote: boolean;
  /** Writes are reported before they are synced. */
  readonly reportsEarly: boolean;
  /** A leader answers reads from what it has, without asking whether it still leads. */
  readonly readsWithoutRound: boolean;
  /** A snapshot is installed whether raft wants it or not. */
  readonly installsOldSnapshots: boolean;
  /** A barrier is noted with the index applied when it is done, rather than that of its data. */
  readonly barrierAhead: boolean;
  /** A change of the configuration is accepted while another is not applied. */
  readonly overlappingChanges: boolean;
}
