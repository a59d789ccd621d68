import {
  type ContainerState,
  type ContainerStatus,
  FORCE_EPOCH_ANNOTATION,
  LABELS,
  type Pod,
  type PodView,
  SERVER_CONTAINER,
} from "../../../core/index.ts";

/** Reasons of a container that will run by itself in a moment. */
const USUAL_WAITS: ReadonlySet<string> = new Set(["PodInitializing", "ContainerCreating"]);

export function podView(pod: Pod): PodView {
  const { metadata, spec, status } = pod;
  const labels = metadata.labels ?? {};
  const annotations = metadata.annotations ?? {};
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const createdMs = Date.parse(metadata.creationTimestamp ?? "") || 0;
  const waiting = waitingOf(pod);
  const epoch = Number(annotations[FORCE_EPOCH_ANNOTATION]);
  const server = spec.containers.find(({ name }) => name === SERVER_CONTAINER);
  return {
    name: metadata.name,
    uid: metadata.uid ?? "",
    member: labels[LABELS.member] ?? "",
    phase: status?.phase ?? "Pending",
    ready: ready?.status === "True",
    readySinceMs: Date.parse(ready?.lastTransitionTime ?? "") || createdMs,
    createdMs,
    isTerminating: metadata.deletionTimestamp !== undefined,
    node: spec.nodeName,
    templateHash: labels[LABELS.templateHash] ?? "",
    image: server?.image ?? "",
    forceEpoch: annotations[FORCE_EPOCH_ANNOTATION] === undefined || Number.isNaN(epoch) ? undefined : epoch,
    restarts: serverStatus(pod)?.restartCount ?? 0,
    waitingReason: waiting?.reason,
    waitingMessage: waiting?.message,
    exitCode: lastExit(pod),
    isLabelledVoter: labels[LABELS.voter] === "true",
    annotations,
  };
}

interface Waiting {
  readonly reason: string;
  readonly message: string | undefined;
}

function waitingOf(pod: Pod): Waiting | undefined {
  const { status } = pod;
  for (const container of containers(pod)) {
    const { reason, message } = container.state?.waiting ?? {};
    if (reason === undefined || USUAL_WAITS.has(reason)) continue;
    // Why it crashes says more than that it does.
    if (container.lastState?.terminated?.reason === "OOMKilled") return { reason: "OOMKilled", message };
    return { reason, message };
  }
  const unscheduled = status?.conditions?.find(({ type, status: is }) => type === "PodScheduled" && is === "False");
  if (unscheduled !== undefined) {
    return { reason: unscheduled.reason ?? "Unschedulable", message: unscheduled.message };
  }
  // Of a Pod that was evicted by its node, say.
  return status?.reason === undefined ? undefined : { reason: status.reason, message: status.message };
}

/** Exit code of what ended last: of the server, or of the init container if that refused. */
function lastExit(pod: Pod): number | undefined {
  const ends = containers(pod).flatMap((container) => {
    const ended = endOf(container.state) ?? endOf(container.lastState);
    const isInit = container !== serverStatus(pod);
    // An init container that did its work is no news.
    return ended === undefined || (isInit && ended.exitCode === 0) ? [] : [ended];
  });
  ends.sort((a, b) => (Date.parse(a.finishedAt ?? "") || 0) - (Date.parse(b.finishedAt ?? "") || 0));
  return ends.at(-1)?.exitCode;
}

function endOf(state: ContainerState | undefined): ContainerState["terminated"] {
  return state?.terminated;
}

function containers({ status }: Pod): readonly ContainerStatus[] {
  return [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses?.filter(({ name }) => name === SERVER_CONTAINER) ?? []),
  ];
}

function serverStatus({ status }: Pod): ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === SERVER_CONTAINER);
}
