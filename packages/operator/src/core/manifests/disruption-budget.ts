import { LABELS } from "../api/index.ts";
import type { DisruptionBudget } from "../kinds/index.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { ownedByCluster } from "./object-metadata.ts";

export interface BudgetOptions {
  /** Voters that must stay. */
  readonly minAvailable: number;
  /** Whether a Pod that is not ready may be evicted at any time; not while every last one counts. */
  readonly mayEvictUnhealthy: boolean;
}

/** Keeps evictions, such as those of a node being drained, from costing the quorum. */
export function disruptionBudget(settings: ClusterSettings, options: BudgetOptions): DisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: ownedByCluster(settings, settings.name),
    spec: {
      minAvailable: options.minAvailable,
      selector: { matchLabels: { [LABELS.cluster]: settings.name, [LABELS.voter]: "true" } },
      unhealthyPodEvictionPolicy: options.mayEvictUnhealthy ? "AlwaysAllow" : "IfHealthyBudget",
    },
  };
}
