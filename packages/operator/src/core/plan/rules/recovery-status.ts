import type { EtcdRestore, EtcdRestoreStatus } from "../../api/index.ts";
import { timestamp } from "../timestamps.ts";
import type { Verdict } from "./verdict.ts";

export type RestoreStatus = EtcdRestoreStatus;

/** What a restore in place is to say after this pass, and what is to be done; no verdict: the usual rules go on. */
export interface RecoveryOutcome {
  readonly status: RestoreStatus;
  readonly verdict: Verdict | undefined;
}

export function stay(restore: EtcdRestore): RestoreStatus {
  return restore.status ?? {};
}

/** The status with these changes, and a line in its record if a step was done that no later pass may do again. */
export function advance(
  restore: EtcdRestore,
  nowMs: number,
  changes: Partial<RestoreStatus>,
  done?: { readonly name: string; readonly result: string },
): RestoreStatus {
  const status = stay(restore);
  const steps =
    done === undefined ? (status.steps ?? []) : [...(status.steps ?? []), { ...done, time: timestamp(nowMs) }];
  return { ...status, ...changes, steps: steps.slice(-64) };
}

export function fail(restore: EtcdRestore, nowMs: number, message: string): RestoreStatus {
  return advance(
    restore,
    nowMs,
    { phase: "Failed", message, completedAt: timestamp(nowMs) },
    { name: "Failed", result: message },
  );
}

/** Whether the record has this step for this recovery. */
export function hasDone(restore: EtcdRestore, name: string): boolean {
  return restore.status?.steps?.some((step) => step.name === name) === true;
}
