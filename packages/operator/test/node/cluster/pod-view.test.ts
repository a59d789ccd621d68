import { describe, expect, it } from "@jest/globals";
import { type ContainerStatus, memberPod, type Pod, type PodStatus } from "../../../src/core/index.ts";
import { podView } from "../../../src/node/cluster/observe/pod-view.ts";
import { FIRST_START, MEMBER, settingsOf } from "../../core/manifests/sample-cluster.ts";

describe("podView", () => {
  it("tells a Pod that was just made", () => {
    expect(podView(pod({}))).toMatchObject({
      name: "c-1",
      member: "c-1",
      uid: "pod-uid",
      phase: "Pending",
      ready: false,
      isTerminating: false,
      node: undefined,
      image: "quorate/server:3.7.1",
      forceEpoch: undefined,
      restarts: 0,
      waitingReason: undefined,
      exitCode: undefined,
      isLabelledVoter: false,
      createdMs: Date.parse("2026-01-01T00:00:00Z"),
    });
  });

  it("tells since when it is ready", () => {
    const lastTransitionTime = "2026-01-01T00:01:00Z";
    const view = podView(
      pod({ phase: "Running", conditions: [{ type: "Ready", status: "True", lastTransitionTime }] }),
    );

    expect(view).toMatchObject({ ready: true, readySinceMs: Date.parse(lastTransitionTime) });
  });

  it.each<[string, PodStatus, string | undefined]>([
    ["creating", { containerStatuses: [server({ state: waiting("ContainerCreating") })] }, undefined],
    ["pulling", { containerStatuses: [server({ state: waiting("ImagePullBackOff") })] }, "ImagePullBackOff"],
    ["crashing", { containerStatuses: [server({ state: waiting("CrashLoopBackOff") })] }, "CrashLoopBackOff"],
    [
      "out of memory",
      { containerStatuses: [server({ state: waiting("CrashLoopBackOff"), lastState: ended(137, "OOMKilled") })] },
      "OOMKilled",
    ],
    ["init crashing", { initContainerStatuses: [init({ state: waiting("CrashLoopBackOff") })] }, "CrashLoopBackOff"],
    [
      "unschedulable",
      { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no nodes" }] },
      "Unschedulable",
    ],
    ["evicted", { phase: "Failed", reason: "Evicted" }, "Evicted"],
  ])("says why it does not run: %s", (_name, status, reason) => {
    expect(podView(pod(status)).waitingReason).toBe(reason);
  });

  it.each<[string, PodStatus, number | undefined]>([
    ["init done", { initContainerStatuses: [init({ state: ended(0) })] }, undefined],
    ["init refused", { initContainerStatuses: [init({ state: ended(78) })] }, 78],
    [
      "init refused before and waits",
      { initContainerStatuses: [init({ state: waiting("CrashLoopBackOff"), lastState: ended(79) })] },
      79,
    ],
    [
      "server ended",
      { initContainerStatuses: [init({ state: ended(0) })], containerStatuses: [server({ state: ended(1) })] },
      1,
    ],
    [
      "init refused after the server had ended",
      {
        initContainerStatuses: [init({ state: ended(78, undefined, "2026-01-01T02:00:00Z") })],
        containerStatuses: [server({ lastState: ended(137, "Error", "2026-01-01T01:00:00Z") })],
      },
      78,
    ],
  ])("tells how what ended last has ended: %s", (_name, status, code) => {
    expect(podView(pod(status)).exitCode).toBe(code);
  });

  it("tells for which recovery it forces a cluster of one", () => {
    const made = memberPod({
      settings: settingsOf(),
      member: MEMBER,
      start: { ...FIRST_START, forceEpoch: 4 },
      restore: undefined,
      isVoter: true,
    });

    expect(podView(made)).toMatchObject({ forceEpoch: 4, isLabelledVoter: true });
  });
});

function pod(status: PodStatus): Pod {
  const made = memberPod({
    settings: settingsOf(),
    member: MEMBER,
    start: FIRST_START,
    restore: undefined,
    isVoter: false,
  });
  const metadata = { ...made.metadata, uid: "pod-uid", creationTimestamp: "2026-01-01T00:00:00Z" };
  return { ...made, metadata, status };
}

function server(status: Partial<ContainerStatus>): ContainerStatus {
  return { name: "etcd", ready: false, restartCount: 0, ...status };
}

function init(status: Partial<ContainerStatus>): ContainerStatus {
  return { name: "prepare", ready: false, restartCount: 0, ...status };
}

function waiting(reason: string): NonNullable<ContainerStatus["state"]> {
  return { waiting: { reason } };
}

function ended(
  exitCode: number,
  reason?: string,
  finishedAt = "2026-01-01T00:30:00Z",
): NonNullable<ContainerStatus["state"]> {
  return { terminated: { exitCode, finishedAt, ...(reason === undefined ? {} : { reason }) } };
}
