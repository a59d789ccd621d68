import type { Condition, ContainerStatus, Pod, PodStatus } from "./pod.ts";

/** What the kubelet knows of a Pod beside its containers. */
export interface PodFacts {
  readonly podIp: string;
  readonly hostIp: string;
  readonly startTime: string;
  readonly initialized: boolean;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** Names of containers that have ended for good. */
  readonly over: ReadonlySet<string>;
  /** Set when the kubelet ended the Pod by itself. */
  readonly failure?: { readonly reason: string; readonly message: string };
}

type Phase = NonNullable<PodStatus["phase"]>;

/** The phase that follows from the containers, as the API documents it. */
export function phaseOf(pod: Pod, facts: PodFacts): Phase {
  if (facts.failure !== undefined) return "Failed";
  const failedInit = facts.initStatuses.some(
    ({ name, state }) => facts.over.has(name) && state.terminated !== undefined && state.terminated.exitCode !== 0,
  );
  if (failedInit) return "Failed";
  if (!facts.initialized) return "Pending";
  const names = pod.spec.containers.map(({ name }) => name);
  if (names.every((name) => facts.over.has(name))) {
    const failed = facts.statuses.some(({ state }) => state.terminated?.exitCode !== 0);
    return failed ? "Failed" : "Succeeded";
  }
  const began = facts.statuses.some(({ state, lastState }) => {
    return state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined;
  });
  return began ? "Running" : "Pending";
}

/** The kubelet's own conditions; the times of those that are as before are kept. */
export function conditionsOf(pod: Pod, facts: PodFacts, now: string): readonly Condition[] {
  const phase = phaseOf(pod, facts);
  const allReady = facts.statuses.length > 0 && facts.statuses.every(({ ready }) => ready);
  const unready = facts.statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  const gates = (pod.spec.readinessGates ?? []).every(({ conditionType }) =>
    (pod.status?.conditions ?? []).some(({ type, status }) => type === conditionType && status === "True"),
  );
  const reason =
    phase === "Succeeded"
      ? { reason: "PodCompleted" }
      : { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
  const gateReason = { reason: "ReadinessGatesNotReady", message: "the status of a readiness gate is not True" };
  const notInitialized = { reason: "ContainersNotInitialized" };
  const wanted: readonly Condition[] = [
    { type: "PodScheduled", status: "True" },
    facts.initialized
      ? { type: "Initialized", status: "True" }
      : { type: "Initialized", status: "False", ...notInitialized },
    allReady ? { type: "ContainersReady", status: "True" } : { type: "ContainersReady", status: "False", ...reason },
    allReady && gates
      ? { type: "Ready", status: "True" }
      : { type: "Ready", status: "False", ...(allReady ? gateReason : reason) },
  ];
  return wanted.map((condition) => {
    const before = (pod.status?.conditions ?? []).find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status && before.lastTransitionTime !== undefined;
    return { ...condition, lastTransitionTime: isSame ? (before?.lastTransitionTime ?? now) : now };
  });
}

/** The whole status as a patch; conditions of others are left alone by the way in which the API merges them. */
export function statusPatch(pod: Pod, facts: PodFacts, now: string): object {
  // The list is merged by address: that of an earlier run, before the node was lost, would stay.
  const stale = (pod.status?.podIPs ?? []).filter(({ ip }) => ip !== facts.podIp);
  const conditions = conditionsOf(pod, facts, now).map((condition) => ({ reason: null, message: null, ...condition }));
  return {
    metadata: { uid: pod.metadata.uid },
    status: {
      phase: phaseOf(pod, facts),
      conditions,
      podIP: facts.podIp,
      podIPs: [{ ip: facts.podIp }, ...stale.map(({ ip }) => ({ ip, $patch: "delete" }))],
      hostIP: facts.hostIp,
      startTime: facts.startTime,
      initContainerStatuses: facts.initStatuses,
      containerStatuses: facts.statuses,
      ...facts.failure,
    },
  };
}
