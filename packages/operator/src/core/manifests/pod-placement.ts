import type { EtcdClusterSpec } from "../api/index.ts";
import type { PodSpec } from "../kinds/index.ts";
import { memberSelector } from "./object-metadata.ts";

const NODE_KEY = "kubernetes.io/hostname";
const ZONE_KEY = "topology.kubernetes.io/zone";

type Placement = Pick<
  PodSpec,
  "nodeSelector" | "tolerations" | "affinity" | "topologySpreadConstraints" | "priorityClassName" | "schedulerName"
>;

/** Where a member's Pod may run. What the user says of the same thing replaces what is made here. */
export function podPlacement(cluster: string, { scheduling }: Pick<EtcdClusterSpec, "scheduling">): Placement {
  const affinity = podAffinity(cluster, scheduling);
  const spread = zoneSpread(cluster, scheduling);
  return {
    ...(Object.keys(scheduling.nodeSelector).length === 0 ? {} : { nodeSelector: scheduling.nodeSelector }),
    ...(scheduling.tolerations.length === 0 ? {} : { tolerations: scheduling.tolerations }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(spread.length === 0 ? {} : { topologySpreadConstraints: spread }),
    ...(scheduling.priorityClassName === undefined ? {} : { priorityClassName: scheduling.priorityClassName }),
    ...(scheduling.schedulerName === undefined ? {} : { schedulerName: scheduling.schedulerName }),
  };
}

function podAffinity(cluster: string, { antiAffinity, affinity }: EtcdClusterSpec["scheduling"]): object | undefined {
  const given = affinity as { readonly podAntiAffinity?: object } | undefined;
  if (antiAffinity === "None" || given?.podAntiAffinity !== undefined) return given;
  const term = { topologyKey: NODE_KEY, labelSelector: memberSelector(cluster) };
  const podAntiAffinity =
    antiAffinity === "Required"
      ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
      : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] };
  return { ...given, podAntiAffinity };
}

function zoneSpread(
  cluster: string,
  { zoneSpread: mode, topologySpreadConstraints }: EtcdClusterSpec["scheduling"],
): readonly object[] {
  const given = topologySpreadConstraints as readonly { readonly topologyKey?: unknown }[];
  if (mode === "None" || given.some(({ topologyKey }) => topologyKey === ZONE_KEY)) return given;
  const constraint = {
    maxSkew: 1,
    topologyKey: ZONE_KEY,
    whenUnsatisfiable: mode === "Required" ? "DoNotSchedule" : "ScheduleAnyway",
    labelSelector: memberSelector(cluster),
  };
  return [constraint, ...given];
}
