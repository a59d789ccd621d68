import type { Step } from "../../world/index.ts";
import type { Facts } from "../facts/facts.ts";
import type { Refusal } from "../gates/index.ts";

/** Reasons of the condition Progressing. */
export type ProgressReason =
  | "BootstrappingSeed"
  | "AddingLearner"
  | "LearnerCatchingUp"
  | "Promoting"
  | "RemovingMember"
  | "TransferringLeader"
  | "ReplacingMember"
  | "RepairingMember"
  | "RollingUpdate"
  | "ExpandingVolume"
  | "RotatingCertificates"
  | "SettingAuthentication"
  | "Restoring"
  | "RecoveringQuorum"
  | "Hibernating"
  | "Waking"
  | "Defragmenting"
  | "ClearingAlarm"
  | "Deleting"
  | "Complete"
  | "Paused"
  | "WaitingForQuorum"
  | "WaitingForWindow"
  | "WaitingForApproval"
  | "WaitingForBackup"
  | "WaitingForUser"
  | "DeadlineExceeded";

/** What one rule makes of the facts. */
export interface Verdict {
  readonly rule: string;
  readonly step: Step | undefined;
  readonly progress: ProgressReason;
  /** What is done or waited for: one sentence for the user. */
  readonly message: string;
  /** The member that it is about. */
  readonly member: string | undefined;
  /** Which rules further down may still act in this pass if this one only waits. */
  readonly holdsBack: "everything" | "voluntary" | "nothing";
  /** The gate that refused. */
  readonly refusal: Refusal | undefined;
  /** Something that people have to be told besides: a reason of the condition Degraded. */
  readonly trouble: Trouble | undefined;
  /** Milliseconds. */
  readonly requeueAfterMs: number;
}

export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** One rule of the order: undefined if it has nothing to say to this world. */
export type Rule = (facts: Facts) => Verdict | undefined;

/** After a step: its effect is seen soon, and the watch usually tells of it before. */
const AFTER_STEP_MS = 200;
/** While a change of the membership or a start is waited for. */
export const OPEN_CHANGE_MS = 1000;
export const ROLLING_MS = 2000;
export const BLOCKED_MS = 5000;
/** Below the 20 s from which on a status counts as old. */
export const STEADY_MS = 15_000;

interface Said {
  readonly progress: ProgressReason;
  readonly message: string;
  readonly member?: string | undefined;
  readonly trouble?: Trouble | undefined;
  readonly requeueAfterMs?: number;
}

export function act(rule: string, step: Step, said: Said): Verdict {
  return {
    rule,
    step,
    progress: said.progress,
    message: said.message,
    member: said.member,
    holdsBack: "everything",
    refusal: undefined,
    trouble: said.trouble,
    requeueAfterMs: said.requeueAfterMs ?? AFTER_STEP_MS,
  };
}

export function wait(
  rule: string,
  said: Said & { readonly holdsBack: Verdict["holdsBack"]; readonly refusal?: Refusal | undefined },
): Verdict {
  return {
    rule,
    step: undefined,
    progress: said.progress,
    message: said.message,
    member: said.member,
    holdsBack: said.holdsBack,
    refusal: said.refusal,
    trouble: said.trouble,
    // What waits for minutes to pass does not need a look every second.
    requeueAfterMs: said.requeueAfterMs ?? (said.refusal?.gate === "Pace" ? STEADY_MS : OPEN_CHANGE_MS),
  };
}
