import { describe, expect, it } from "@jest/globals";
import {
  CLAIMS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  type EtcdClusterSpecInput,
  LABELS,
  PODS,
  withDefaults,
} from "../../src/core/index.ts";
import { KEY, Simulation } from "./model/simulation.ts";
import { PLAIN } from "./model/walk.ts";

// The documented procedures, one by one, in the simulation: that each comes to its end, by the way that it should take, and in what time.

const MINUTE_MS = 60_000;

function begin(spec: EtcdClusterSpecInput = {}, seed = 1): Simulation {
  return new Simulation({ seed, spec: { replicas: 3, tls: PLAIN, updateStrategy: { minReadySeconds: 2 }, ...spec } });
}

function isDone(simulation: Simulation): boolean {
  const { status, metadata } = simulation.cluster;
  return status?.observedGeneration === metadata.generation && simulation.whyNotDone() === undefined;
}

/** Seconds until the cluster is as its spec asks. */
async function done(simulation: Simulation, limitMs = 30 * MINUTE_MS): Promise<number> {
  const begunMs = simulation.clock.nowMs();
  const isThere = await simulation.run(limitMs, () => isDone(simulation));
  expect(simulation.found).toEqual([]);
  expect(isThere ? "done" : simulation.whyNotDone()).toBe("done");
  return (simulation.clock.nowMs() - begunMs) / 1000;
}

function steps(simulation: Simulation, pattern: RegExp): number {
  return simulation.trace.filter((line) => pattern.test(line)).length;
}

function loseData(simulation: Simulation, names: readonly string[]): void {
  for (const name of names) {
    const claim = simulation.api.peek(CLAIMS, { ...KEY, name: `data-${name}` });
    const pod = simulation.api.peek(PODS, { ...KEY, name });
    if (claim !== undefined) simulation.api.remove(CLAIMS, claim, false);
    if (pod !== undefined) simulation.api.remove(PODS, pod, false);
  }
}

function isConditionAt(simulation: Simulation, type: string, reason: string): () => boolean {
  return () =>
    simulation.cluster.status?.conditions?.some((one) => one.type === type && one.reason === reason) === true;
}

describe("with servers that need two seconds to start", () => {
  it("three members are there within 45 s, and one more within 15 s", async () => {
    const simulation = begin();
    const bootSeconds = await done(simulation);
    simulation.patchSpec({ replicas: 5 });
    const growSeconds = await done(simulation);

    expect(bootSeconds).toBeLessThan(45);
    expect(growSeconds / 2).toBeLessThan(15);
  });

  it("a Pod that is gone is made again within 5 s", async () => {
    const simulation = begin();
    await done(simulation);
    const pod = simulation.api.peek(PODS, { ...KEY, name: "c-2" });
    const uid = pod?.metadata.uid;
    if (pod !== undefined) simulation.api.remove(PODS, pod, true);
    await simulation.run(5000);

    expect(simulation.api.peek(PODS, { ...KEY, name: "c-2" })?.metadata.uid).toMatch(/^pod-/);
    expect(simulation.api.peek(PODS, { ...KEY, name: "c-2" })?.metadata.uid).not.toBe(uid);
  });

  it("at rest nothing but the time of the last look is written", async () => {
    const simulation = begin();
    await done(simulation);
    await simulation.run(2 * MINUTE_MS);
    const written: string[] = [];
    simulation.hook = {
      before: (call) => void (/^(create|apply|patch|status Etcd|delete|evict) ?/.test(call) && written.push(call)),
      after: () => undefined,
    };
    await simulation.run(10 * MINUTE_MS);

    expect(new Set(written)).toEqual(
      new Set(["status EtcdMember c-1", "status EtcdMember c-2", "status EtcdMember c-3", "status EtcdCluster c"]),
    );
    expect(written.length).toBeLessThanOrEqual(4 * 31);
  });
});

describe("all members at once", () => {
  it("are replaced if their objects are deleted, one by one", async () => {
    const simulation = begin();
    await done(simulation);
    const names = (): readonly string[] =>
      simulation.api.all(ETCD_MEMBERS, KEY.namespace).map((member) => member.metadata.name);
    const before = names();
    for (const member of simulation.api.all(ETCD_MEMBERS, KEY.namespace))
      simulation.api.remove(ETCD_MEMBERS, member, false);
    await simulation.run(10 * MINUTE_MS, () => before.every((name) => !names().includes(name)));
    await done(simulation);

    expect(names().filter((name) => before.includes(name))).toEqual([]);
    expect(simulation.etcd.truth).toMatchObject({ founded: 1, givenUp: 0 });
  });
});

describe("a lost member", () => {
  it("is replaced at once if its data is gone", async () => {
    const simulation = begin();
    await done(simulation);
    loseData(simulation, ["c-2"]);
    const seconds = await done(simulation);

    expect(seconds).toBeLessThan(45);
    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace).map((member) => member.metadata.name)).toEqual([
      "c-1",
      "c-3",
      "c-4",
    ]);
  });

  it("is waited for as long as the spec says if it is only away", async () => {
    const simulation = begin({ recovery: { replaceMemberAfter: "10m" } });
    await done(simulation);
    const node = simulation.api.peek(PODS, { ...KEY, name: "c-2" })?.spec.nodeName ?? "";
    simulation.kubelet.nodeGoes(node);
    await simulation.run(9 * MINUTE_MS);
    const before = steps(simulation, /MarkLeaving/);
    await simulation.run(2 * MINUTE_MS);
    simulation.kubelet.nodeReturns(node);
    await done(simulation);

    expect(before).toBe(0);
    expect(steps(simulation, /MarkLeaving.*c-2/)).toBe(1);
  });

  it("in memory is replaced when its Pod goes", async () => {
    const simulation = begin({ storage: { medium: "Memory" } });
    await done(simulation);
    const pod = simulation.api.peek(PODS, { ...KEY, name: "c-2" });
    if (pod !== undefined) simulation.api.remove(PODS, pod, false);
    await done(simulation);

    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace).map((member) => member.metadata.name)).toContain("c-4");
  });
});

describe("a lost quorum", () => {
  it("comes back from the survivor that is asked for, with what it had", async () => {
    const simulation = begin();
    await done(simulation);
    loseData(simulation, ["c-1", "c-2"]);
    await simulation.run(5 * MINUTE_MS, isConditionAt(simulation, "QuorumHealthy", "LostRecoverable"));
    const told = simulation.cluster.status?.message;
    const id = simulation.cluster.status?.clusterID;
    simulation.requestRestore("r", { survivor: "auto" });
    const seconds = await done(simulation);

    expect(told).toContain("c-3");
    expect(seconds).toBeLessThan(180);
    expect(simulation.cluster.status).toMatchObject({ clusterID: id, recoveryEpoch: 1 });
    expect(simulation.api.peek(ETCD_RESTORES, { ...KEY, name: "r" })?.status).toMatchObject({
      phase: "Completed",
      survivor: "c-3",
    });
    expect(steps(simulation, /CreatePod.*forceEpoch/)).toBe(1);
    expect(simulation.etcd.truth.givenUp).toBe(0);
  });

  it("comes back by policy, after the time that it says", async () => {
    const simulation = begin({ recovery: { quorumLoss: "FromSurvivor", quorumLossAfter: "10m" } });
    await done(simulation);
    loseData(simulation, ["c-1", "c-2"]);
    await simulation.run(9 * MINUTE_MS);
    const before = simulation.api.all(ETCD_RESTORES, KEY.namespace).length;
    await simulation.run(2 * MINUTE_MS);

    expect(before).toBe(0);
    expect(simulation.api.all(ETCD_RESTORES, KEY.namespace)).toHaveLength(1);
  });

  it("and all data come back from a snapshot, under a new identity", async () => {
    const simulation = begin();
    await done(simulation);
    const id = simulation.cluster.status?.clusterID;
    loseData(simulation, ["c-1", "c-2", "c-3"]);
    await simulation.run(5 * MINUTE_MS, isConditionAt(simulation, "QuorumHealthy", "LostPermanently"));
    simulation.requestRestore("r", { backupName: "b" });
    const seconds = await done(simulation);

    expect(seconds).toBeLessThan(180);
    expect(simulation.cluster.status?.previousClusterIDs).toEqual([id]);
    expect(simulation.api.peek(ETCD_RESTORES, { ...KEY, name: "r" })?.status).toMatchObject({
      phase: "Completed",
      oldClusterID: id,
    });
  });
});

describe("a living cluster", () => {
  it("is restored in place from a snapshot, and keeps its old volumes", async () => {
    const simulation = begin();
    await done(simulation);
    simulation.requestRestore("r", { backupName: "b" });
    await simulation.run(1000);
    await done(simulation);
    const kept = simulation.api.all(CLAIMS, KEY.namespace, { [LABELS.retired]: "true" });

    expect(simulation.api.peek(ETCD_RESTORES, { ...KEY, name: "r" })?.status).toMatchObject({ phase: "Completed" });
    expect(kept.map((claim) => claim.metadata.name)).toEqual(["data-c-1", "data-c-2", "data-c-3"]);
  });

  it("moves its leadership once in a rolling change", async () => {
    const simulation = begin();
    await done(simulation);
    await simulation.run(MINUTE_MS);
    simulation.patchSpec({ config: { snapshotCount: 12_345 } });
    await done(simulation);

    expect(steps(simulation, /MoveLeader/)).toBe(1);
    expect(steps(simulation, /roll: .*DeletePod/)).toBe(3);
    expect(simulation.cluster.status?.leader?.lastUnplannedChange).toBeUndefined();
  });

  it("stops a roll at one member that does not come up, and goes back when the spec does", async () => {
    const simulation = begin();
    await done(simulation);
    simulation.kubelet.badImages.add("quorate:3.6.99");
    simulation.patchSpec({ version: "3.6.99" });
    await simulation.run(20 * MINUTE_MS);
    const stopped = steps(simulation, /roll: .*DeletePod/);
    const degraded = simulation.cluster.status?.conditions?.find((one) => one.type === "Degraded")?.reason;
    simulation.patchSpec({ version: null });
    await done(simulation);

    expect(stopped).toBe(1);
    expect(degraded).toBe("ImagePullFailed");
  });

  it("grows its volumes", async () => {
    const simulation = begin();
    await done(simulation);
    simulation.patchSpec({ storage: { size: "16Gi" } });
    await done(simulation);
    await simulation.run(MINUTE_MS);

    expect(steps(simulation, /ExpandClaims/)).toBe(1);
    expect(simulation.cluster.status?.storage).toMatchObject({ requested: "16Gi", actual: "16Gi", pending: [] });
  });

  it("makes room when its store is full, the leader last, and takes the alarm back", async () => {
    const simulation = begin();
    await done(simulation);
    await simulation.run(MINUTE_MS);
    for (const process of simulation.etcd.processes) process.dbSize = 2_147_000_000;
    simulation.etcd.alarms = [{ memberId: "a1", alarm: "NOSPACE" }];
    await simulation.run(20_000);
    await done(simulation);

    const order = simulation.trace
      .filter((line) => /Compact|Defragment|MoveLeader|DisarmAlarm/.test(line))
      .map((line) => /"kind":"([A-Za-z]+)/.exec(line)?.[1]);
    expect(simulation.etcd.alarms).toEqual([]);
    expect(order.filter((kind) => kind !== "Compact")).toEqual([
      "Defragment",
      "Defragment",
      "MoveLeader",
      "Defragment",
      "DisarmAlarm",
    ]);
  });

  it("replaces a member whose data is damaged, and takes the alarm back", async () => {
    const simulation = begin();
    await done(simulation);
    simulation.etcd.alarms = [{ memberId: "a2", alarm: "CORRUPT" }];
    await simulation.run(20_000);
    await done(simulation);

    expect(simulation.etcd.alarms).toEqual([]);
    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace).map((member) => member.metadata.name)).toEqual([
      "c-1",
      "c-3",
      "c-4",
    ]);
  });
});

describe("a cluster of a name that was there before", () => {
  /** Deleted with its volumes kept, and made again. */
  async function reborn(retainedVolumes: "Refuse" | "Adopt" | "Ignore"): Promise<Simulation> {
    const simulation = begin({ storage: { whenDeleted: "Retain" } });
    await done(simulation);
    const spec = simulation.cluster.spec;
    simulation.api.remove(ETCD_CLUSTERS, simulation.cluster, false);
    await simulation.run(30_000);
    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace)).toEqual([]);
    expect(simulation.api.all(PODS, KEY.namespace)).toEqual([]);
    expect(simulation.api.all(CLAIMS, KEY.namespace)).toHaveLength(3);
    const bare = {
      apiVersion: "etcd.quorate.dev/v1alpha1",
      kind: "EtcdCluster",
      metadata: KEY,
      spec: { ...spec, bootstrap: { retainedVolumes } },
    };
    await simulation.api.create(ETCD_CLUSTERS, withDefaults(bare));
    return simulation;
  }

  it("waits at the volumes of the former one", async () => {
    const simulation = await reborn("Refuse");
    await simulation.run(MINUTE_MS);

    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace)).toEqual([]);
    expect(simulation.cluster.status?.conditions?.find((one) => one.type === "Ready")).toMatchObject({
      status: "False",
      reason: "RetainedVolumesFound",
    });
  });

  it("goes on with its data if the volumes are adopted", async () => {
    const simulation = await reborn("Adopt");
    await done(simulation);

    expect(simulation.etcd.truth.founded).toBe(1);
    expect(simulation.api.all(ETCD_MEMBERS, KEY.namespace).map((member) => member.metadata.name)).toEqual([
      "c-1",
      "c-2",
      "c-3",
    ]);
  });

  it("is a new one if the volumes are ignored", async () => {
    const simulation = await reborn("Ignore");
    await done(simulation);

    expect(simulation.etcd.truth.founded).toBe(2);
    expect(simulation.api.all(CLAIMS, KEY.namespace, { [LABELS.retired]: "true" })).toHaveLength(3);
  });
});
