import type { Condition } from "../api/index.ts";
import { rfc3339 } from "./utc-time.ts";

/** A condition without the time of its last transition. */
export interface Finding {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** The conditions with these findings in them: the time of a transition moves only with the status. */
export function withFindings(
  before: readonly Condition[] | undefined,
  findings: readonly Finding[],
  { nowMs, generation }: { readonly nowMs: number; readonly generation: number | undefined },
): Condition[] {
  const kept = (before ?? []).filter(({ type }) => !findings.some((finding) => finding.type === type));
  const made = findings.map((finding): Condition => {
    const old = before?.find(({ type }) => type === finding.type);
    return {
      ...finding,
      lastTransitionTime: old?.status === finding.status ? old.lastTransitionTime : rfc3339(nowMs),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
  return [...kept, ...made].sort((a, b) => (a.type < b.type ? -1 : 1));
}
