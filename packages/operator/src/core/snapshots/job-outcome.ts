import type { Job, Pod } from "../kinds/index.ts";
import { AGENT_CONTAINER } from "./agent-job.ts";
import { type AgentResult, parseResult } from "./agent-task.ts";

/** What became of a Job. `lost`: it says that it succeeded, but its Pod, with the result, is gone. */
export type JobOutcome =
  | { readonly kind: "running"; readonly attempts: number; readonly message: string }
  | { readonly kind: "done"; readonly attempts: number; readonly result: AgentResult }
  | { readonly kind: "lost"; readonly attempts: number };

/** Reads a Job and its Pods: the result is the termination message of the Pod that ended last. */
export function jobOutcome(job: Job, pods: readonly Pod[]): JobOutcome {
  const attempts = (job.status?.failed ?? 0) + (isTrue(job, "Failed") ? 0 : 1);
  const isComplete = isTrue(job, "Complete");
  const failure = job.status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True");
  if (!isComplete && failure === undefined) return { kind: "running", attempts, message: waitingMessage(pods) };
  const results = pods
    .map((pod) => ended(pod))
    .filter((one) => one !== undefined)
    .sort((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1));
  const found = results.find(({ result }) => result?.ok === isComplete)?.result;
  if (found !== undefined) return { kind: "done", attempts, result: found };
  if (isComplete) return { kind: "lost", attempts };
  const isLate = failure?.reason === "DeadlineExceeded";
  const text = results[0]?.text.trim() ?? "";
  const said = text === "" ? "" : `; its Pod said last: ${text.split("\n").at(-1)?.slice(0, 500)}`;
  return {
    kind: "done",
    attempts,
    result: {
      ok: false,
      reason: isLate ? "Timeout" : "AgentFailed",
      message: `${failure?.message ?? "the Job failed"}${said}`,
    },
  };
}

function isTrue(job: Job, wanted: string): boolean {
  return job.status?.conditions?.some(({ type, status }) => type === wanted && status === "True") ?? false;
}

function ended(
  pod: Pod,
): { readonly finishedAt: string; readonly text: string; readonly result: AgentResult | undefined } | undefined {
  const container = pod.status?.containerStatuses?.find(({ name }) => name === AGENT_CONTAINER);
  const terminated = container?.state?.terminated;
  if (terminated === undefined) return undefined;
  const text = terminated.message ?? terminated.reason ?? "";
  return { finishedAt: terminated.finishedAt ?? "", text, result: parseResult(text) };
}

/** Why the Pod does not run yet, for people. */
function waitingMessage(pods: readonly Pod[]): string {
  for (const pod of pods) {
    const waiting = pod.status?.containerStatuses?.find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
    const unscheduled = pod.status?.conditions?.find(
      ({ type, status }) => type === "PodScheduled" && status === "False",
    );
    if (unscheduled !== undefined)
      return `the Pod cannot be scheduled: ${unscheduled.message ?? unscheduled.reason ?? ""}`;
    if (
      waiting?.reason !== undefined &&
      waiting.reason !== "ContainerCreating" &&
      waiting.reason !== "PodInitializing"
    ) {
      return `the Pod waits: ${waiting.reason} ${waiting.message ?? ""}`.trim();
    }
  }
  return "the Job runs";
}
