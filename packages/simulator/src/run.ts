import type { Mutation } from "./mutations.ts";
import type { Violation } from "./violation.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes?: number;
  /** The number of steps under faults; healing and the last checks come on top. */
  readonly steps?: number;
  readonly mutation?: Mutation;
  /** Gets every event as a line. */
  readonly sink?: (line: string) => void;
}

/** What a run came to. */
export interface SimulationResult {
  readonly seed: number;
  readonly hash: string;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly violation: Violation | undefined;
  /** The last events before the violation. */
  readonly recent: readonly string[];
  readonly figures: Figures;
}

/** How much has come about, to tell a run that checks something from one that idles. */
export interface Figures {
  readonly elections: number;
  readonly committed: number;
  readonly writesAcknowledged: number;
  readonly readsChecked: number;
  readonly hashesCompared: number;
  readonly snapshotsInstalled: number;
  readonly restarts: number;
  readonly confChanges: number;
}

/** Steps of a run under faults unless told otherwise. */
export const STEPS_DEFAULT = 20_000;
export const NODES_DEFAULT = 5;
