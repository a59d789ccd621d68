import { setTimeout as sleep } from "node:timers/promises";
import { type HandlerTarget, runHandler } from "./handlers.ts";
import type { Probe } from "./pod.ts";

/**
 * Runs one probe at its own period against a container and tells `decided` each time that the threshold of successes or
 * failures is reached. Ends with the signal.
 */
export async function probeSteadily(
  probe: Probe,
  target: () => HandlerTarget,
  decided: (healthy: boolean, message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  let streak = 0;
  let last: boolean | undefined;
  await pause(initialDelaySeconds * 1000, signal);
  while (!signal.aborted) {
    const problem = await runHandler(probe, target(), timeoutSeconds * 1000);
    if (signal.aborted) return;
    const healthy = problem === undefined;
    streak = healthy === last ? streak + 1 : 1;
    last = healthy;
    if (streak >= (healthy ? successThreshold : failureThreshold)) decided(healthy, problem ?? "");
    await pause(periodSeconds * 1000, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
