import type { ArtifactStore } from "./artifact-store.ts";
import type { Programs } from "./programs.ts";
import type { Pace } from "./retrying.ts";

/** Everything that an agent's work touches. */
export interface AgentContext {
  readonly store: ArtifactStore;
  readonly programs: Programs;
  /** Directory for files of the store's size; empty at the beginning, and again at the end. */
  readonly scratch: string;
  readonly pace: Pace;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** One line for people. */
  readonly log: (line: string) => void;
  /** Fires when the time for the work is over. */
  readonly signal: AbortSignal;
  /** Name and version of this program, for manifests. */
  readonly tool: string;
}
