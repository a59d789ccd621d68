import type { Probe } from "../kinds/index.ts";
import { type ClusterSettings, serverHas } from "./cluster-settings.ts";

/** A large store may take long to be read at the start. */
const START_SECONDS_MAX = 900;
const START_PERIOD_SECONDS = 2;

export interface HealthProbes {
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

/**
 * Liveness asks the member alone: were it to ask for a quorum, losing that would restart every member. Readiness fails for learners and
 * for members that do not reach a leader, so that clients are led elsewhere.
 */
export function healthProbes(settings: ClusterSettings): HealthProbes {
  const [live, ready] = serverHas(settings, [3, 5, 11])
    ? ["/livez", "/readyz"]
    : ["/health?serializable=true&exclude=NOSPACE", "/health?exclude=NOSPACE"];
  const probe = (path: string, periodSeconds: number, failureThreshold: number): Probe => ({
    httpGet: { path, port: settings.spec.metrics.port },
    periodSeconds,
    timeoutSeconds: 5,
    failureThreshold,
  });
  return {
    startupProbe: probe(live, START_PERIOD_SECONDS, START_SECONDS_MAX / START_PERIOD_SECONDS),
    livenessProbe: probe(live, 10, 6),
    readinessProbe: probe(ready, 2, 3),
  };
}
