import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import { temporaryDirectory } from "@quorate/testkit";
import {
  backupWithDefaults,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_RESTORES,
  type EtcdBackupSpecInput,
  type EtcdRestore,
  type EtcdRestoreSpecInput,
  HOUR_MS,
  restoreWithDefaults,
  withDefaults,
} from "../../../src/core/index.ts";
import { Simulation } from "./simulation.ts";

// What the controllers of backups and restores do, in simulated time; the planner's part of a restore in place is not theirs.

const ROOT = temporaryDirectory("quorate-restore-");
const API = "etcd.quorate.dev/v1alpha1";
const DESTINATION = { pvc: { claimName: "backups" } };
let simulation: Simulation;

afterAll(() => ROOT.remove());

beforeEach(async () => {
  simulation = new Simulation(1_790_000_000_000);
  simulation.scratch = ROOT.path;
  await simulation.api.create(
    ETCD_CLUSTERS,
    withDefaults({
      apiVersion: API,
      kind: "EtcdCluster",
      metadata: { name: "demo", namespace: "default" },
      spec: { replicas: 3 },
      status: { clusterID: "abc" },
    }),
  );
});

async function backup(name: string, spec: Partial<EtcdBackupSpecInput> = {}): Promise<void> {
  await simulation.api.create(
    ETCD_BACKUPS,
    backupWithDefaults({
      apiVersion: API,
      kind: "EtcdBackup",
      metadata: { name, namespace: "default" },
      spec: { clusterRef: { name: "demo" }, destination: DESTINATION, ...spec },
    }),
  );
}

async function restore(name: string, spec: EtcdRestoreSpecInput): Promise<void> {
  await simulation.api.create(
    ETCD_RESTORES,
    restoreWithDefaults({ apiVersion: API, kind: "EtcdRestore", metadata: { name, namespace: "default" }, spec }),
  );
}

function found(name: string): EtcdRestore | undefined {
  return simulation.api.peek(ETCD_RESTORES, { namespace: "default", name });
}

function later(hours = 1): Promise<void> {
  return simulation.runUntil(simulation.nowMs + hours * HOUR_MS);
}

const IN_PLACE = {
  source: { backupName: "first" },
  target: { clusterName: "demo" },
  mode: "InPlace",
  confirm: "abc",
} as const;

describe("EtcdBackup", () => {
  it("goes from Pending to Completed, and leaves no Job", async () => {
    await backup("first");
    await later();

    const { status } = simulation.api.peek(ETCD_BACKUPS, { namespace: "default", name: "first" }) ?? {};
    expect(status).toMatchObject({
      phase: "Completed",
      clusterID: "abc",
      verification: { level: "Open", result: "Passed" },
      attempts: 1,
      location: expect.stringMatching(/^pvc:\/\/backups\/default\/demo\//),
    });
    expect(status?.conditions?.map(({ type, status: state }) => `${type} ${state}`)).toEqual([
      "Complete True",
      "Failed False",
      "Verified True",
    ]);
    expect(simulation.names("jobs")).toEqual([]);
    expect(simulation.failures).toEqual([]);
  });

  it("waits for another of the same cluster, not for those of others", async () => {
    await backup("first");
    await backup("second");
    await simulation.runUntil(simulation.nowMs + 60_000);

    const phase = (name: string): string | undefined =>
      simulation.api.peek(ETCD_BACKUPS, { namespace: "default", name })?.status?.phase;
    expect([phase("first"), phase("second")]).toEqual(["Snapshotting", "Pending"]);

    await later();
    expect(simulation.taken).toEqual(["first", "second"]);
  });

  it("of a cluster that is not there fails with the reason", async () => {
    await backup("first", { clusterRef: { name: "nobody" } });
    await later();

    const { status } = simulation.api.peek(ETCD_BACKUPS, { namespace: "default", name: "first" }) ?? {};
    expect(status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      status: "True",
      reason: "ClusterMissing",
    });
  });

  it("that is deleted takes its artifact along if it says so, and only then", async () => {
    await backup("kept");
    await later();
    await backup("gone", { artifactPolicy: "Delete" });
    await later();
    for (const name of ["kept", "gone"]) await simulation.api.delete(ETCD_BACKUPS, { namespace: "default", name });
    await later();

    expect(simulation.names("backups")).toEqual([]);
    expect(simulation.stored()).toEqual(["kept"]);
  });

  it("does not hang when its artifact cannot be deleted", async () => {
    await backup("gone", { artifactPolicy: "Delete" });
    await later();
    simulation.store.isAway = true;
    await simulation.api.delete(ETCD_BACKUPS, { namespace: "default", name: "gone" });
    await later();

    expect(simulation.names("backups")).toEqual([]);
    expect(simulation.events.map(({ reason }) => reason)).toContain("ArtifactNotDeleted");
  });

  it("goes by itself after its time to live", async () => {
    await backup("short", { ttlSecondsAfterFinished: 1800 });
    await later(0.5);
    expect(simulation.names("backups")).toEqual(["short"]);

    await later();
    expect(simulation.names("backups")).toEqual([]);
  });
});

describe("EtcdRestore", () => {
  beforeEach(async () => {
    await backup("first");
    await later();
  });

  it("makes a new cluster from the checked artifact, follows it, and completes when it is ready", async () => {
    await restore("copy", {
      source: { backupName: "first" },
      target: { clusterName: "copy", template: { replicas: 1 } },
    });
    await later();

    const cluster = simulation.api.peek(ETCD_CLUSTERS, { namespace: "default", name: "copy" });
    const artifact = found("copy")?.status?.artifact;
    expect(found("copy")?.status).toMatchObject({ phase: "Seeding", revisionBump: 0 });
    expect(cluster?.spec).toMatchObject({
      replicas: 1,
      bootstrap: {
        restoreFrom: {
          object: { destination: DESTINATION, key: artifact?.key, sha256: artifact?.sha256 },
          revisionBump: 0,
        },
      },
    });

    const key = { namespace: "default", name: "copy" };
    simulation.api.edit(ETCD_CLUSTERS, key, { status: { clusterID: "def", revision: "5000" } });
    await later();
    expect(found("copy")?.status).toMatchObject({ phase: "Growing", newClusterID: "def" });

    const ready = { type: "Ready", status: "True", reason: "AllMembersReady", message: "", lastTransitionTime: "" };
    simulation.api.edit(ETCD_CLUSTERS, key, { status: { conditions: [ready] } });
    await later();
    expect(found("copy")?.status).toMatchObject({ phase: "Completed", newClusterID: "def", bumpedTo: "5000" });
  });

  it("does not touch a cluster that is there already", async () => {
    await restore("copy", { source: { backupName: "first" }, target: { clusterName: "demo", template: {} } });
    await later();

    expect(found("copy")?.status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "TargetExists",
    });
  });

  it("in place checks, takes a last backup, and hands over with everything resolved", async () => {
    await restore("back", IN_PLACE);
    await later();

    const { status } = found("back") ?? {};
    expect(status).toMatchObject({
      phase: "Fencing",
      revisionBump: 1_000_000_000,
      artifact: { backupName: "first", destination: DESTINATION, compression: "Gzip" },
    });
    expect(simulation.taken).toEqual(["first", status?.preSnapshotName]);
    const writes = simulation.api.writes;

    await later(5);

    // From here on the status is the planner's.
    expect(simulation.api.writes).toBe(writes);
  });

  it.each<[string, Partial<EtcdRestoreSpecInput>, string]>([
    ["another cluster ID was confirmed", { confirm: "def" }, "NotConfirmed"],
    ["nothing was confirmed", { confirm: undefined } as never, "InvalidSpec"],
    ["the cluster is not there", { target: { clusterName: "nobody" } }, "TargetMissing"],
    ["the backup is not there", { source: { backupName: "nobody" } }, "ArtifactMissing"],
    ["the artifact is not there", { source: { object: { destination: DESTINATION, key: "x.db" } } }, "NotFound"],
    ["the revision would run backwards", { revisionBump: 0 }, "InvalidSpec"],
    ["two sources are named", { source: { backupName: "first", survivor: "auto" } }, "InvalidSpec"],
  ])("in place is refused if %s", async (_what, spec, reason) => {
    await restore("back", { ...IN_PLACE, ...spec });
    await later();

    expect(found("back")?.status).toMatchObject({ phase: "Failed" });
    expect(found("back")?.status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({ reason });
    expect(simulation.taken).toEqual(["first"]);
  });

  it("is refused if the artifact is damaged, before anything is touched", async () => {
    for (const { key } of simulation.manifests()) {
      const object = simulation.store.objects.get(key);
      if (object !== undefined) object.bytes[15] = (object.bytes[15] ?? 0) ^ 1;
    }
    await restore("back", IN_PLACE);
    await later();

    expect(found("back")?.status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "DigestMismatch",
    });
  });

  it("goes on without the last backup if there is no quorum to take it from, and stops for any other failure", async () => {
    simulation.refuse = { reason: "NoQuorum", message: "no leader" };
    await restore("back", IN_PLACE);
    await later();
    expect(found("back")?.status).toMatchObject({ phase: "Fencing" });

    simulation.refuse = { reason: "AuthRequired", message: "no user" };
    simulation.api.edit(ETCD_RESTORES, { namespace: "default", name: "back" }, { status: { phase: "Completed" } });
    await restore("again", IN_PLACE);
    await later();
    expect(found("again")?.status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "PreSnapshotFailed",
    });
  });

  it("from a survivor is handed over at once", async () => {
    await restore("rescue", { ...IN_PLACE, source: { survivor: "auto" } });
    await later();

    expect(found("rescue")?.status).toMatchObject({ phase: "Fencing" });
    expect(simulation.taken).toEqual(["first"]);
  });

  it("only tries when it is told to", async () => {
    await restore("trial", { ...IN_PLACE, dryRun: true });
    await later();

    expect(found("trial")?.status).toMatchObject({
      phase: "Completed",
      message: expect.stringContaining("nothing was touched"),
    });
    expect(simulation.taken).toEqual(["first"]);
  });

  it("waits for an older one of the same cluster", async () => {
    await restore("one", IN_PLACE);
    await later();
    await restore("two", IN_PLACE);
    await later();

    expect(found("two")?.status).toMatchObject({ phase: "Pending", message: "waiting for restore one" });
  });
});
