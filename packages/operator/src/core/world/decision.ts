import type { EtcdClusterStatus, EtcdMemberStatus, EtcdRestoreStatus } from "../api/index.ts";
import type { Step } from "./step.ts";

/** What a pass makes of a world. Status and memberStatuses are written before the step is carried out. */
export interface Decision {
  /** Which rule of the order decided; in logs, metrics and tests. */
  readonly rule: string;
  readonly status: EtcdClusterStatus;
  readonly memberStatuses: ReadonlyMap<string, EtcdMemberStatus>;
  /** For an open restore in place. */
  readonly restoreStatus: EtcdRestoreStatus | undefined;
  readonly step: Step | undefined;
  /** Number of voters that must stay up, for the PodDisruptionBudget; undefined: none is wanted. */
  readonly minAvailable: number | undefined;
  /** True while no client is to reach the cluster by its Service (bootstrap, restore). */
  readonly isFenced: boolean;
  /** Names of members that count as voters, for the label the budget selects by. */
  readonly voters: readonly string[];
  /** Names of members taken out of the client Service for now (about to leave, being defragmented). */
  readonly drained: readonly string[];
  readonly events: readonly EventNote[];
  /** Milliseconds until the next pass if nothing changes before. */
  readonly requeueAfterMs: number;
}

/** One event, of a transition, not of a pass. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** CamelCase, as LearnerAdded. */
  readonly reason: string;
  readonly message: string;
}
